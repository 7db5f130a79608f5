"""Keras's functions: the loss of each step, not reduced.

Each takes (y_true, y_pred), arrays, tensors (..., feature) or Ragged, and gives (...,): a tensor,
or for Ragged predictions a Ragged. They are the losses of the classes that they name.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..docstrings import complete
from ..signatures import of_numbers
from .connectionist import CTC
from .crf import CRF
from .crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from .divergence import KLDivergence
from .focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from .loss import of_each_step
from .margin import CategoricalHinge, Hinge, SquaredHinge
from .regression import (
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
)
from .similarity import CosineSimilarity


@of_numbers
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """The squared difference, the mean over features: see `MeanSquaredError`."""
    return of_each_step(MeanSquaredError(), y_true, y_pred)


@of_numbers
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """The absolute difference, the mean over features: see `MeanAbsoluteError`."""
    return of_each_step(MeanAbsoluteError(), y_true, y_pred)


@of_numbers
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """The difference in percent, the mean over features: see `MeanAbsolutePercentageError`."""
    return of_each_step(MeanAbsolutePercentageError(), y_true, y_pred)


@of_numbers
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """The squared difference of logs, the mean over features: see `MeanSquaredLogarithmicError`."""
    return of_each_step(MeanSquaredLogarithmicError(), y_true, y_pred)


@of_numbers
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """The square up to `delta`, a line beyond, the mean over features: see `Huber`."""
    return of_each_step(Huber(delta=delta), y_true, y_pred)


@of_numbers
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """log(cosh(difference)), the mean over features: see `LogCosh`."""
    return of_each_step(LogCosh(), y_true, y_pred)


@of_numbers
def poisson(y_true: Any, y_pred: Any) -> Any:
    """Rate - count log(rate), the mean over features: see `Poisson`."""
    return of_each_step(Poisson(), y_true, y_pred)


@of_numbers
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y log(y / p)): see `KLDivergence`."""
    return of_each_step(KLDivergence(), y_true, y_pred)


@of_numbers
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle: see `CosineSimilarity`."""
    return of_each_step(CosineSimilarity(axis=axis), y_true, y_pred)


@of_numbers
def hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 - y p, 0), the mean over features: see `Hinge`."""
    return of_each_step(Hinge(), y_true, y_pred)


@of_numbers
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 - y p, 0)^2, the mean over features: see `SquaredHinge`."""
    return of_each_step(SquaredHinge(), y_true, y_pred)


@of_numbers
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 + highest wrong - right, 0): see `CategoricalHinge`."""
    return of_each_step(CategoricalHinge(), y_true, y_pred)


@of_numbers
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Any:
    """-log p[label]: see `SparseCategoricalCrossentropy`."""
    return of_each_step(
        SparseCategoricalCrossentropy(
            from_logits=from_logits, ignore_class=ignore_class, axis=axis
        ),
        y_true,
        y_pred,
    )


@of_numbers
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-sum(y log p): see `CategoricalCrossentropy`."""
    return of_each_step(
        CategoricalCrossentropy(
            from_logits=from_logits, label_smoothing=label_smoothing, axis=axis
        ),
        y_true,
        y_pred,
    )


@of_numbers
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-y log p - (1 - y) log(1 - p), the mean over features: see `BinaryCrossentropy`."""
    return of_each_step(
        BinaryCrossentropy(from_logits=from_logits, label_smoothing=label_smoothing, axis=axis),
        y_true,
        y_pred,
    )


@of_numbers
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-sum(alpha (1 - p)^gamma y log p): see `CategoricalFocalCrossentropy`."""
    return of_each_step(
        CategoricalFocalCrossentropy(
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        ),
        y_true,
        y_pred,
    )


@of_numbers
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """(1 - p_t)^gamma times the cross-entropy of yes and no: see `BinaryFocalCrossentropy`."""
    return of_each_step(
        BinaryFocalCrossentropy(
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        ),
        y_true,
        y_pred,
    )


@of_numbers
def ctc(y_true: Any, y_pred: Any) -> Tensor:
    """(batch,) the loss of each sequence: see `CTC`.

    0 of a sequence without a step.
    """
    return CTC(reduction=None)(y_true, y_pred)


@of_numbers
def crf(y_true: Any, y_pred: Any, ignore_class: int | None = None) -> Tensor:
    """(batch,) the loss of each sequence: see `CRF`.

    0 of a sequence without a step.
    """
    return CRF(reduction=None, ignore_class=ignore_class)(y_true, y_pred)


_TARGETS = {
    "y_true": "targets, as the class takes them: a tensor, an array or a Ragged.",
    "y_pred": "predictions beside them, (..., feature).",
}
_OPTIONS = ("alpha", "gamma", "from_logits", "label_smoothing", "ignore_class", "axis")
_TARGETS["delta"] = "where the square becomes a line."
_TARGETS |= dict.fromkeys((*_OPTIONS, "apply_class_balancing"), "see the class.")
_ROWS = "One number for each row of the predictions, beside them where they are a Ragged."
_RAISES = "ValueError: targets and predictions do not go together; the text says where first."

for _function in [f for f in vars().values() if getattr(f, "__module__", None) == __name__]:
    _of_sequences = _function in (ctc, crf)
    _gives = "(batch,): a number for each sequence." if _of_sequences else _ROWS
    complete(_function, _TARGETS, returns=_gives, raises=_RAISES)
