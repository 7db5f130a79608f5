"""Losses for numbers: squared and absolute errors."""

from __future__ import annotations

from torch import Tensor

from ..layers import Spec
from ..ragged import Ragged
from .crossentropy import check_shape, same_rank
from .loss import Loss


class _Elementwise(Loss):
    """The mean over a step's features of a function of the difference."""

    def of_difference(self, difference: Tensor) -> Tensor:
        """What one entry of prediction minus target costs."""
        raise NotImplementedError

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        difference = y_pred - same_rank(y_true, y_pred).to(y_pred.dtype)
        losses = self.of_difference(difference)
        return losses.mean(-1) if losses.ndim > 1 else losses

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_shape(self.name, target, output)


class MeanSquaredError(_Elementwise):
    """The squared difference, the mean over the features of each step.

    Shapes: y_true and y_pred (steps, feature); y_true may lack a feature axis of size 1. No steps
    give 0.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error"
    ) -> None:
        super().__init__(reduction, name)

    def of_difference(self, difference: Tensor) -> Tensor:
        return difference.square()


class MeanAbsoluteError(_Elementwise):
    """The absolute difference, the mean over the features of each step.

    Shapes: y_true and y_pred (steps, feature); y_true may lack a feature axis of size 1. No steps
    give 0.
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_error"
    ) -> None:
        super().__init__(reduction, name)

    def of_difference(self, difference: Tensor) -> Tensor:
        return difference.abs()
