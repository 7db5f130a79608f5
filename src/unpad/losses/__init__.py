"""Losses by Keras's names: each a number a step, and one denominator."""

from __future__ import annotations

from typing import Any, cast

from ..errors import look_up
from .crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from .custom import CustomLoss
from .loss import Loss
from .regression import MeanAbsoluteError, MeanSquaredError

_BY_NAME: dict[str, type[Loss]] = {
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mse": MeanSquaredError,
    "mean_squared_error": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError,
}


def get(loss: Any) -> Loss:
    """The loss of this name, or the one given: a Loss, a torch loss module, any callable.

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if isinstance(loss, str):
        by_class = {c.__name__: c for c in _BY_NAME.values()}
        return (by_class.get(loss) or look_up("compile", "loss", loss, _BY_NAME))()
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        return loss()
    if callable(loss):
        return CustomLoss(cast(Any, loss))
    raise ValueError(f"compile: expected a loss's name or callable, got {loss!r}.")


__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "CustomLoss",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "get",
]
