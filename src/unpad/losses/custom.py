"""A user's own loss: any callable of (y_true, y_pred), or a torch loss module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..ragged import Layout
from .loss import Loss
from .reduction import Reduced
from .shapes import one_by_one


class CustomLoss(Loss):
    """Wraps a callable that gets values: targets and predictions at the real steps, end to end.

    A function is called with (y_true, y_pred), as Keras does; a torch loss module with (y_pred,
    y_true), as torch does. One number a step comes as (steps, 1) beside outputs of one unit, as in
    Keras: paired with (steps,), every target would be set against every output. What it gives is
    averaged if it has an entry a step (further axes are averaged first); a single number is taken
    as the mean over the steps.

    Args:
        function: the callable.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__(getattr(function, "__name__", type(function).__name__))
        self.function = function

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return one_by_one(f"loss {self.name!r}", self._called, y_true, y_pred)

    def _called(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if isinstance(self.function, torch.nn.Module):
            return self.function(y_pred, y_true)
        return self.function(y_true, y_pred)

    def reduce(
        self, y_true: Any, y_pred: Any, weight: Tensor | None, *, layout: Layout | None = None
    ) -> Reduced:
        steps = len(y_pred)
        if steps == 0:
            return Reduced(y_pred.sum() * 0, y_pred.new_zeros(()))
        losses = self.per_step(y_true, y_pred)
        if not isinstance(losses, Tensor):
            raise ValueError(f"loss {self.name!r}: expected a tensor, got {type(losses).__name__}.")
        if losses.ndim == 0:
            if weight is not None:
                raise ValueError(
                    f"loss {self.name!r} gives one number for the whole batch, so that "
                    "sample_weight has nothing to weigh. Let it give one for each step."
                )
            return Reduced(losses * steps, y_pred.new_tensor(float(steps)))
        if len(losses) != steps:
            raise ValueError(
                f"loss {self.name!r}: expected one number for each of {steps} steps, got "
                f"{tuple(losses.shape)}."
            )
        axes = 1 if weight is None else weight.ndim
        if losses.ndim > axes:
            losses = losses.flatten(axes).mean(-1)
        if weight is not None:
            losses = losses * weight
        return Reduced(losses.sum(), y_pred.new_tensor(float(losses.numel())))
