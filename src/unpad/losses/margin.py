"""Hinge losses: nothing to pay beyond a margin of 1."""

from __future__ import annotations

import torch
from torch import Tensor

from ..arguments import Precision
from ..errors import first_true
from ..layers import Spec
from ..ragged import Ragged
from ..ragged.batch import place, values_of
from .crossentropy import check_classes
from .loss import Loss
from .regression import Elementwise
from .shapes import check_shape, paired


class Hinge(Elementwise):
    """max(1 - y p, 0), the mean over the features of each step; labels -1 and 1, or 0 and 1.

    A label 0 is taken for -1. Shapes: y_true and y_pred (steps, feature); y_true may lack a feature
    axis of size 1. No steps give 0.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "hinge",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def of_entries(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        # Keras converts 0 to -1 only where a batch has no other labels than 0 and 1. Here each
        # entry is converted by itself, so that a step costs the same in any batch.
        sign = y_true.masked_fill(y_true == 0, -1)
        return _above_zero(1 - sign * y_pred)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_shape(self.name, target, output)
        y = values_of(target)
        if (broken := first_true((y != 0) & (y.abs() != 1))) is not None:
            raise ValueError(
                f"{self.name}: label {y[broken].item():g} in {place(target, broken)}; expected -1 "
                "and 1, or 0 and 1."
            )
        zero, negative = first_true(y == 0), first_true(y == -1)
        if zero is not None and negative is not None:
            raise ValueError(
                f"{self.name}: label 0 in {place(target, zero)} and label -1 in "
                f"{place(target, negative)}; expected -1 and 1, or 0 and 1. If one of them marks "
                "steps that do not count: weigh them 0 with sample_weight."
            )


class SquaredHinge(Hinge):
    """max(1 - y p, 0)^2, the mean over the features of each step; labels -1 and 1, or 0 and 1.

    A label 0 is taken for -1. Shapes: y_true and y_pred (steps, feature); y_true may lack a feature
    axis of size 1. No steps give 0.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "squared_hinge",
        dtype: Precision = None,
    ) -> None:
        super().__init__(reduction, name, dtype)

    def of_entries(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return super().of_entries(y_true, y_pred).square()


class CategoricalHinge(Loss):
    """max(1 + the highest of the wrong classes - the right class, 0) of each step.

    Shapes: y_true, one-hot, and y_pred (steps, classes). No steps give 0.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_hinge",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y, y_pred = paired(self.name, y_true, y_pred)
        right = (y * y_pred).sum(-1)
        # As in Keras the right class takes part with 0, so that the highest is never below 0.
        wrong = ((1 - y) * y_pred).amax(-1)
        return _above_zero(wrong - right + 1)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_classes(self.name, target, output)


def _above_zero(x: Tensor) -> Tensor:
    # At 0 exactly Keras's derivative is one half, as that of `maximum` is.
    return torch.maximum(x, x.new_zeros(()))
