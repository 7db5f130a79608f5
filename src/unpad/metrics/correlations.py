"""How a step's predictions and targets vary together, over its features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..arguments import DType
from ..errors import refuse
from ..losses.probabilities import last_axis
from ..ragged.numbers import as_tensor
from .mean import MeanOverSteps
from .metric import divide
from .targets import entries

# Keeps a divisor from 0, as in Keras.
_EPSILON = 1e-7


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """The covariance of two vectors by their deviations, from -1 to 1, along an axis.

    Pearson 1895. What does not vary has none: 0, where Keras gives NaN.

    Args:
        y_true: targets, of the predictions' shape.
        y_pred: predictions (..., feature).
        axis: along which they vary.
    """
    true, pred = _apart("pearson_correlation", y_true, y_pred, axis)
    spread = true.square().mean(axis).sqrt() * pred.square().mean(axis).sqrt()
    return divide((true * pred).mean(axis), spread)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """How near two vectors are to being one: 2 cov / (var + var + (mean - mean)^2).

    Lin, A concordance correlation coefficient to evaluate reproducibility, 1989.

    Args:
        y_true: targets, of the predictions' shape.
        y_pred: predictions (..., feature).
        axis: along which they vary.
    """
    true, pred = _apart("concordance_correlation", y_true, y_pred, axis)
    means = [as_tensor(y, "concordance_correlation").mean(axis) for y in (y_true, y_pred)]
    apart = true.square().mean(axis) + pred.square().mean(axis) + (means[0] - means[1]).square()
    return 2 * (true * pred).mean(axis) / (apart + _EPSILON)


def _apart(who: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Tensor, Tensor]:
    """Both without their means."""
    pred = as_tensor(y_pred, f"{who}: y_pred")
    true = as_tensor(y_true, f"{who}: y_true").to(pred.dtype)
    return true - true.mean(axis, keepdim=True), pred - pred.mean(axis, keepdim=True)


class _Correlation(MeanOverSteps):
    """The mean over steps of a correlation of their features."""

    of: Callable[[Tensor, Tensor], Tensor]

    def __init__(self, name: str, dtype: DType, axis: int) -> None:
        super().__init__(name, dtype)
        refuse(type(self).__name__, axis=last_axis(axis))
        self.axis = axis

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return type(self).of(entries(self.name, y_true, y_pred), y_pred)


class PearsonCorrelation(_Correlation):
    """The mean over steps of the correlation of target and prediction over their features.

    See `pearson_correlation`. Shapes: y_true and y_pred (steps, feature). No steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        axis: of the features: -1.
    """

    of = staticmethod(pearson_correlation)

    def __init__(
        self, name: str = "pearson_correlation", dtype: DType = None, axis: int = -1
    ) -> None:
        super().__init__(name, dtype, axis)


class ConcordanceCorrelation(_Correlation):
    """The mean over steps of the concordance of target and prediction over their features.

    See `concordance_correlation`. Shapes: y_true and y_pred (steps, feature). No steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        axis: of the features: -1.
    """

    of = staticmethod(concordance_correlation)

    def __init__(
        self, name: str = "concordance_correlation", dtype: DType = None, axis: int = -1
    ) -> None:
        super().__init__(name, dtype, axis)
