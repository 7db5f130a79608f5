"""Sequences, targets and weights, checked once and laid on the same steps."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import first_true
from ..layers import Layer, Spec
from ..layers.spec import spec_of
from ..losses import Loss
from ..ragged import Layout, Ragged
from ..ragged.batch import place, values_of
from .door import accept, as_float


class Data(NamedTuple):
    """What is trained on: padding is gone, and y and weight stand beside the steps of x.

    Shapes: x Ragged or (n, ...); y Ragged on the layout of x where the model gives something for
    each step, else (n, ...); weight None, (n,) for sequences, or like y for steps.
    """

    x: Ragged | Tensor
    y: Ragged | Tensor | None
    weight: Ragged | Tensor | None

    @property
    def lengths(self) -> Tensor | None:
        """(n,) steps of each sequence, where there are sequences."""
        return self.x.lengths if isinstance(self.x, Ragged) else None

    @property
    def steps(self) -> int:
        """Real steps in all; rows where there are no sequences."""
        return self.x.steps if isinstance(self.x, Ragged) else len(self.x)

    def batch(self, sequences: Tensor, device: torch.device) -> Data:
        """These sequences, with their targets and weights, on the device."""
        layout, steps = None, None
        if isinstance(self.x, Ragged):
            layout, steps = self.x.layout.take(sequences)
            layout = layout.to(device)

        def pick(part: Ragged | Tensor | None) -> Any:
            if part is None:
                return None
            if not isinstance(part, Ragged):
                return part.index_select(0, sequences).to(device)
            assert layout is not None
            assert steps is not None
            return Ragged._trusted(part.values.index_select(0, steps).to(device), layout)

        return Data(pick(self.x), pick(self.y), pick(self.weight))


def open_inputs(model: Layer, x: Any, who: str) -> tuple[Ragged | Tensor, Ragged | Tensor, Any]:
    """The inputs as given and as the model sees them (padding gone), and the caller's form.

    Raises:
        ValueError: they are no sequences, do not fit the model, or hold what it cannot take.
    """
    given, form = accept(x, f"{who}: x")
    given = as_float(given.to("cpu"))
    opened = model.open(given)
    _refuse_not_finite(opened, f"{who}: x", "Missing steps that hold NaN: Masking(mask_value=nan).")
    model.check(opened)
    return given, opened, form


def prepare(
    model: Layer,
    loss: Loss,
    x: Any,
    y: Any,
    sample_weight: Any,
    class_weight: dict[int, float] | None,
    who: str,
) -> Data:
    """Checks everything that can be checked before a weight moves, and lays it out.

    Raises:
        ValueError: the first thing that is wrong with the data, and where.
    """
    given, opened, _ = open_inputs(model, x, who)
    if len(given) == 0:
        raise ValueError(f"{who}: x has no sequences.")
    if y is None:
        raise ValueError(f"{who}: y is missing. For an autoencoder give x twice.")
    output = model.ensure_built(spec_of(opened))
    if isinstance(output, list):
        raise ValueError(f"{who}: the model gives {len(output)} outputs; one is supported.")
    target, _ = accept(y, f"{who}: y")
    target = target.to("cpu")
    if len(target) != len(given):
        raise ValueError(
            f"{who}: x has {_sequences(len(given))}, y has {len(target)}. Each sequence needs its "
            "target."
        )
    laid = _lay(target, given, opened, output, f"{who}: y")
    _refuse_not_finite(laid, f"{who}: y", "Leave steps without a label out of x, or weigh them 0.")
    loss.check(laid, output)
    weight = _weights(sample_weight, given, opened, output, who)
    if class_weight is not None:
        weight = _with_class_weight(weight, class_weight, laid, output, who)
    return Data(opened, laid, weight)


def _weights(
    sample_weight: Any, given: Ragged | Tensor, opened: Ragged | Tensor, output: Spec, who: str
) -> Ragged | Tensor | None:
    if sample_weight is None:
        return None
    who = f"{who}: sample_weight"
    weight, _ = accept(sample_weight, who)
    weight = weight.to("cpu", torch.get_default_dtype())
    if len(weight) != len(given):
        raise ValueError(f"{who}: x has {_sequences(len(given))}, sample_weight has {len(weight)}.")
    if isinstance(weight, Ragged) or weight.ndim > 1:
        weight = _lay(weight, given, opened, output, who)
        values = values_of(weight)
        if isinstance(weight, Ragged) and values.ndim == 2 and values.shape[1] == 1:
            weight = weight.with_values(values[:, 0])
        elif values.ndim > (1 if isinstance(weight, Ragged) else 2):
            raise ValueError(f"{who}: expected one weight a sequence or a step.")
    _refuse_not_finite(weight, who, "")
    values = values_of(weight)
    if (broken := first_true(values < 0)) is not None:
        raise ValueError(f"{who}: {values[broken].item()} in {_place(weight, broken)} is negative.")
    return weight


def _with_class_weight(
    weight: Ragged | Tensor | None,
    class_weight: dict[int, float],
    target: Ragged | Tensor,
    output: Spec,
    who: str,
) -> Ragged | Tensor:
    """Multiplies each step's weight with that of its class."""
    classes = max(2, output.shape[-1] or 2) if output.shape else 2
    table = torch.ones(classes)
    for label, value in class_weight.items():
        if not 0 <= label < classes:
            raise ValueError(
                f"{who}: class_weight has class {label}, but the model has {classes} classes."
            )
        table[label] = value
    y = values_of(target)
    rank = len(output.shape)  # axes of one label a step or sequence, the leading one included
    if y.ndim > rank and y.shape[-1] == classes and (output.shape[-1] or 0) > 1:
        y = y.argmax(-1)
    elif y.ndim > rank and y.shape[-1] == 1:
        y = y.squeeze(-1)
    if y.ndim != rank or bool((y != y.round()).any() if y.is_floating_point() else False):
        raise ValueError(f"{who}: class_weight needs labels of classes as y.")
    per_step: Any = table[y.long().clamp(0, classes - 1)]
    if isinstance(target, Ragged):
        per_step = target.with_values(per_step)
    if weight is None:
        return per_step
    if isinstance(weight, Tensor) and isinstance(per_step, Tensor):
        return per_step * weight.reshape(*weight.shape, *(1,) * (per_step.ndim - weight.ndim))
    return per_step * weight


def _lay(
    target: Ragged | Tensor,
    given: Ragged | Tensor,
    opened: Ragged | Tensor,
    output: Spec,
    who: str,
) -> Ragged | Tensor:
    """The target beside what the model gives: at each real step, or for each sequence."""
    if not output.ragged:
        return _lay_dense(target, output, who)
    if not isinstance(opened, Ragged):
        # A layer inside the model decides which steps are real: the grid is laid on them later.
        return target if isinstance(target, Tensor) else target.to_padded()  # pyright: ignore[reportReturnType]
    if isinstance(target, Tensor):
        return _from_grid(target, given, opened, who)
    if target.layout.agrees(opened.layout):
        return target.with_values(target.values, opened.layout)
    whole = given.layout if isinstance(given, Ragged) else Layout.full(*given.shape[:2])
    if target.layout.agrees(whole):
        # Targets of all slots, or of all steps that were given before the model opened them.
        steps = opened.layout.within(whole)
        return opened.with_values(target.values.index_select(0, steps))
    differing = first_true(target.lengths != opened.lengths)
    if differing is None:
        raise ValueError(f"{who}: {target.layout.difference(opened.layout)} in x.")
    i = differing[0]
    theirs, mine = int(target.lengths[i]), int(opened.lengths[i])
    raise ValueError(
        f"{who}: sequence {i} has {mine} steps in x, but {theirs} in {who.split(': ')[-1]}. Each "
        "step needs one."
    )


def _from_grid(target: Tensor, given: Ragged | Tensor, opened: Ragged, who: str) -> Ragged:
    what = who.split(": ")[-1]
    if target.ndim < 2:
        raise ValueError(
            f"{who}: got one value a sequence, {tuple(target.shape)}, but the model gives one for "
            f"each step. Give {what} for each step, or let the last recurrent layer give one a "
            "sequence: return_sequences=False."
        )
    width = given.layout.width if isinstance(given, Ragged) else given.shape[1]
    if width is None:
        raise ValueError(
            f"{who}: a padded array beside sequences without padding: which of its slots belong to "
            f"which step is not known. Give {what} as a list, or as "
            "Ragged.from_padded(y, lengths=...)."
        )
    if target.shape[1] != width:
        raise ValueError(f"{who}: has {target.shape[1]} slots in time, x has {width}.")
    layout = opened.layout
    return opened.with_values(target[layout.sequence_ids, layout.places])


def _lay_dense(target: Ragged | Tensor, output: Spec, who: str) -> Tensor:
    if isinstance(target, Tensor):
        return target
    # Sequences that all have one length are rows: a list of one-hot rows, say.
    if target.batch and bool((target.lengths == target.lengths[0]).all()):
        return target.values.unflatten(0, (target.batch, int(target.lengths[0])))
    raise ValueError(
        f"{who}: got one value for each step of sequences of different lengths, but the model "
        f"gives {output}, one for each sequence. For one a step: return_sequences=True in the last "
        "recurrent layer, and mask_zero=True or Masking where the padding comes in."
    )


def _refuse_not_finite(data: Ragged | Tensor, who: str, hint: str) -> None:
    values = values_of(data)
    if not values.is_floating_point():
        return
    broken = first_true(~values.isfinite())
    if broken is not None:
        raise ValueError(
            f"{who}: {values[broken].item()} in {_place(data, broken)}. {hint}".rstrip()
        )


def _place(data: Ragged | Tensor, index: tuple[int, ...]) -> str:
    """Where an entry stands, its feature too."""
    rest = index[1:] if isinstance(data, Ragged) else index[2:]
    feature = f", feature {rest[0] if len(rest) == 1 else rest}" if rest else ""
    return place(data, index) + feature


def _sequences(n: int) -> str:
    return f"{n} sequence{'' if n == 1 else 's'}"


def split(data: Data, share: float, who: str) -> tuple[Data, Data]:
    """The first part to train on, the last share to validate on, in the caller's order."""
    n = len(data.x)
    at = n - int(np.floor(n * share))
    if not 0 < share < 1 or at in (0, n):
        raise ValueError(
            f"{who}: validation_split={share} of {_sequences(n)} leaves nothing on one side."
        )

    def cut(first: int, last: int) -> Data:
        x = data.x[first:last]
        parts = [None if p is None else p[first:last] for p in (data.y, data.weight)]
        if isinstance(x, Ragged):
            parts = [
                p.with_values(p.values, x.layout) if isinstance(p, Ragged) else p for p in parts
            ]
        return Data(x, *parts)

    return cut(0, at), cut(at, n)
