"""Losses for numbers, entry by entry."""

from __future__ import annotations

import math
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from ..arguments import AboveZero, Precision
from ..errors import first_true
from ..layers import Spec
from ..ragged import Layout, Ragged
from ..ragged.batch import place, values_of
from .loss import Loss
from .probabilities import EPSILON
from .reduction import Reduced
from .shapes import check_shape, mean_of_features, paired


class Elementwise(Loss):
    """The mean over a step's features of a function of prediction and target."""

    def of_entries(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """What each entry costs; both have the same shape and type.

        Args:
            y_true: targets, (..., feature).
            y_pred: predictions of the same shape.
        """
        raise NotImplementedError

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_of_features(self.of_entries(*paired(self.name, y_true, y_pred)))

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_shape(self.name, target, output)


class MeanSquaredError(Elementwise):
    """The squared difference, the mean over the features of each step.

    Shapes: y_true and y_pred (steps, feature); y_true may lack a feature axis of size 1. No steps
    give 0.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_error",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def of_entries(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return (y_pred - y_true).square()

    def reduce(
        self, y_true: Any, y_pred: Any, weight: Tensor | None, *, layout: Layout | None = None
    ) -> Reduced:
        # One feature a step, all counting alike: torch's own loss has the same bits, in one
        # operator each way where there are four.
        plain = type(self) is MeanSquaredError and weight is None
        if plain and self.reduction in ("mean", "sum") and y_pred.shape[-1:] == (1,):
            y_true, y_pred = paired(self.name, y_true, y_pred)
            total = F.mse_loss(y_pred, y_true, reduction="sum")
            return Reduced(total, 1 if self.reduction == "sum" else y_pred.numel())
        return super().reduce(y_true, y_pred, weight, layout=layout)


class MeanAbsoluteError(Elementwise):
    """The absolute difference, the mean over the features of each step.

    Shapes: y_true and y_pred (steps, feature); y_true may lack a feature axis of size 1. No steps
    give 0.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_error",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def of_entries(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return (y_pred - y_true).abs()


class MeanAbsolutePercentageError(Elementwise):
    """100 |y - p| / |y|, the mean over the features of each step.

    Targets nearer to 0 than 1e-7 are divided by 1e-7. Shapes: y_true and y_pred (steps, feature);
    y_true may lack a feature axis of size 1. No steps give 0.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def of_entries(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return 100 * ((y_true - y_pred) / y_true.abs().clamp(min=EPSILON)).abs()


class MeanSquaredLogarithmicError(Elementwise):
    """(log(1 + p) - log(1 + y))^2, the mean over the features of each step.

    Numbers below 1e-7 are taken for 1e-7. Shapes: y_true and y_pred (steps, feature); y_true may
    lack a feature axis of size 1. No steps give 0.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def of_entries(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        logs = [y.clamp(min=EPSILON).log1p() for y in (y_pred, y_true)]
        return (logs[0] - logs[1]).square()


class Huber(Elementwise):
    """Half the squared difference up to `delta`, beyond it a straight line.

    The mean over the features of each step. Shapes: y_true and y_pred (steps, feature); y_true may
    lack a feature axis of size 1. No steps give 0.

    Args:
        delta: where the square ends, above 0.
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.

    Raises:
        ValueError: delta is not above 0.
    """

    def __init__(
        self,
        delta: AboveZero = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = delta

    def of_entries(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return F.huber_loss(y_pred, y_true, reduction="none", delta=self.delta)


class LogCosh(Elementwise):
    """log(cosh(p - y)), the mean over the features of each step.

    Shapes: y_true and y_pred (steps, feature); y_true may lack a feature axis of size 1. No steps
    give 0.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "log_cosh",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def of_entries(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        # cosh itself would overflow; it is even, so that only exp(-2 |x|) is left.
        distance = (y_pred - y_true).abs()
        return distance + F.softplus(-2 * distance) - math.log(2)


class Poisson(Elementwise):
    """p - y log p, the mean over the features of each step: of counts, p being their rates.

    Rates are not negative: let the model end in softplus or exponential. Shapes: y_true and y_pred
    (steps, feature); y_true may lack a feature axis of size 1. No steps give 0.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "poisson",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def of_entries(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return y_pred - y_true * (y_pred + EPSILON).log()

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_shape(self.name, target, output)
        y = values_of(target)
        if (broken := first_true(y < 0)) is not None:
            raise ValueError(
                f"{self.name}: the count in {place(target, broken)} is {y[broken].item():g}; "
                "expected none below 0. For numbers of either sign use mse."
            )
