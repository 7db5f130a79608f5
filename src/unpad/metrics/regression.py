"""Errors and likeness of numbers, each the mean over steps of the loss that has the formula."""

from __future__ import annotations

from torch import Tensor

from .. import losses
from ..arguments import DType
from ..errors import refuse
from ..losses.probabilities import last_axis
from .of_loss import OfLoss


class _OfNumbers(OfLoss):
    takes_sparse = False


class MeanSquaredError(_OfNumbers):
    """The mean of (y_pred - y_true)^2; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    def __init__(self, name: str = "mean_squared_error", dtype: DType = None) -> None:
        super().__init__(losses.MeanSquaredError(), name, dtype)


class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean of (y_pred - y_true)^2 over all steps; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    def __init__(self, name: str = "root_mean_squared_error", dtype: DType = None) -> None:
        super().__init__(name, dtype)

    def score(self) -> Tensor:
        return super().score().sqrt()


class MeanAbsoluteError(_OfNumbers):
    """The mean of |y_pred - y_true|; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    def __init__(self, name: str = "mean_absolute_error", dtype: DType = None) -> None:
        super().__init__(losses.MeanAbsoluteError(), name, dtype)


class MeanAbsolutePercentageError(_OfNumbers):
    """The mean of 100 |y_pred - y_true| / |y_true|, targets of 0 as 1e-7; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: DType = None) -> None:
        super().__init__(losses.MeanAbsolutePercentageError(), name, dtype)


class MeanSquaredLogarithmicError(_OfNumbers):
    """The mean of (log(1 + y_pred) - log(1 + y_true))^2, numbers from 1e-7; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: DType = None) -> None:
        super().__init__(losses.MeanSquaredLogarithmicError(), name, dtype)


class LogCoshError(_OfNumbers):
    """The mean of log(cosh(y_pred - y_true)); no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    def __init__(self, name: str = "logcosh", dtype: DType = None) -> None:
        super().__init__(losses.LogCosh(), name, dtype)


class Poisson(_OfNumbers):
    """The mean of y_pred - y_true log(y_pred); no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    def __init__(self, name: str = "poisson", dtype: DType = None) -> None:
        super().__init__(losses.Poisson(), name, dtype)


class CosineSimilarity(_OfNumbers):
    """The mean cosine of the angle between target and prediction of a step; no steps give 0.

    A vector of zeros has cosine 0 with any other.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        axis: of the features: -1.
    """

    def __init__(
        self, name: str = "cosine_similarity", dtype: DType = None, axis: int = -1
    ) -> None:
        refuse("CosineSimilarity", axis=last_axis(axis))
        super().__init__(losses.CosineSimilarity(), name, dtype)
        self.axis = axis

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        # The loss falls where the likeness rises.
        return -super().per_step(y_true, y_pred)


class Hinge(_OfNumbers):
    """The mean of max(0, 1 - y_true y_pred), targets -1 and 1 or 0 and 1; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    def __init__(self, name: str = "hinge", dtype: DType = None) -> None:
        super().__init__(losses.Hinge(), name, dtype)


class SquaredHinge(_OfNumbers):
    """The mean of max(0, 1 - y_true y_pred)^2, targets -1 and 1 or 0 and 1; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    def __init__(self, name: str = "squared_hinge", dtype: DType = None) -> None:
        super().__init__(losses.SquaredHinge(), name, dtype)


class CategoricalHinge(_OfNumbers):
    """The mean of max(0, 1 + best wrong output - right output), labels one-hot; no steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
    """

    def __init__(self, name: str = "categorical_hinge", dtype: DType = None) -> None:
        super().__init__(losses.CategoricalHinge(), name, dtype)
