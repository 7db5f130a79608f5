"""Whether targets and predictions can be compared entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..layers import Spec
from ..ragged import Ragged
from ..ragged.batch import values_of
from ..spellings import warn_once


def same_rank(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The target with the prediction's feature axis, where only an axis of size 1 is between."""
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        return y_true.unsqueeze(-1)
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        return y_true.squeeze(-1)
    return y_true


def one_by_one(
    who: str, function: Callable[[Tensor, Tensor], Any], y_true: Tensor, y_pred: Tensor
) -> Any:
    """What a function of one's own gives of targets and outputs that stand beside each other.

    One number a step comes as (steps, 1) beside outputs of one unit. Where one side is squeezed and
    the other is not, (steps, steps) comes of them: it is refused, and warned of where only its mean
    comes out.

    Args:
        who: whose function it is.
        function: of (y_true, y_pred).
        y_true: targets, (steps, feature) or (steps,).
        y_pred: outputs, (steps, feature).

    Raises:
        ValueError: it gave a number for each target beside each output.
    """
    steps, y_true = len(y_pred), same_rank(y_true, y_pred)
    if steps < 2 or y_pred.shape != (steps, 1):
        return function(y_true, y_pred)
    with nullcontext() if torch.compiler.is_compiling() else _Watch(who, steps):
        found = function(y_true, y_pred)
    if tuple(getattr(found, "shape", ())) == (steps, steps):
        raise ValueError(
            f"{who}: expected a number for each of {steps} steps, got {(steps, steps)}: each "
            f"target set against each output. Targets and outputs come as {(steps, 1)}: squeeze "
            "both or neither."
        )
    return found


class _Watch(TorchFunctionMode):
    """Warns of (steps, 1) beside (steps,) where (steps, steps) comes of them."""

    def __init__(self, who: str, steps: int) -> None:
        super().__init__()
        self._who, self._steps = who, steps

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        found, steps = func(*args, **kwargs or {}), self._steps
        if isinstance(found, Tensor) and found.shape == (steps, steps):
            shapes = {tuple(x.shape) for x in args if isinstance(x, Tensor)}
            if shapes >= {(steps,), (steps, 1)}:
                warn_once(
                    f"pairs of {self._who}",
                    f"{self._who}: {(steps, 1)} beside {(steps,)} gave {(steps, steps)}, each "
                    f"target set against each output. Targets and outputs come as {(steps, 1)}: "
                    "squeeze both or neither.",
                )
        return found


def paired(who: str, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the same shape and type, and with a feature axis.

    Nothing is broadcast: a target of another shape would be compared with entries that are not
    its own.

    Raises:
        ValueError: the shapes differ by more than an axis of size 1.
    """
    y_true = same_rank(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        raise ValueError(
            f"{who}: expected targets of shape {tuple(y_pred.shape)}, as the predictions have, got "
            f"{tuple(y_true.shape)}."
        )
    y_true = y_true.to(y_pred.dtype)
    return (y_true, y_pred) if y_pred.ndim > 1 else (y_true.unsqueeze(-1), y_pred.unsqueeze(-1))


def mean_of_features(entries: Tensor) -> Tensor:
    """The mean over the last axis; of one number that number, for a tenth of a mean's cost."""
    return entries.squeeze(-1) if entries.shape[-1] == 1 else entries.mean(-1)


def check_shape(who: str, target: Ragged | Tensor, output: Spec) -> None:
    """Raises where target and output cannot be compared entry by entry."""
    y = values_of(target)
    want = tuple(output.shape)
    got = tuple(y.shape[1:])
    fits = len(got) == len(want) and all(w in (None, g) for w, g in zip(want, got, strict=True))
    if not fits and not (want and want[-1] == 1 and len(got) == len(want) - 1):
        per = "step" if output.ragged else "sequence"
        raise ValueError(
            f"{who}: expected targets of shape {want} for each {per}, as the model gives, got "
            f"{got}."
        )
