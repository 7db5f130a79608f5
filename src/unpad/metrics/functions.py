"""Keras's functions of metrics that are no losses: the accuracy of each step, not reduced."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..align.beside import on_steps
from ..ragged import Ragged
from ..ragged.numbers import as_tensor
from ..signatures import of_numbers
from .accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .mean import MeanOverSteps


def _each(metric: MeanOverSteps, y_true: Any, y_pred: Any) -> Tensor | Ragged:
    """(...,) the number of each step: of a Ragged beside its steps."""
    if isinstance(y_pred, Ragged):
        true, pred, _ = on_steps(y_true, y_pred, None)
        return y_pred.with_values(metric.per_step(true, pred).float())
    true, pred = as_tensor(y_true, f"{metric.name}: y_true"), as_tensor(y_pred, metric.name)
    rows = pred.reshape(-1, pred.shape[-1])
    same = true.ndim == pred.ndim and true.shape[-1] == pred.shape[-1]
    flat = true.reshape(-1, true.shape[-1]) if same else true.reshape(-1)
    return metric.per_step(flat, rows).float().reshape(pred.shape[:-1])


@of_numbers
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """The share of entries that are right: see `BinaryAccuracy`.

    Args:
        y_true: targets of 0 and 1, (..., feature).
        y_pred: outputs beside them.
        threshold: outputs above it say 1.
    """
    return _each(BinaryAccuracy(threshold=threshold), y_true, y_pred)


@of_numbers
def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the highest output is that of the class: see `CategoricalAccuracy`.

    Args:
        y_true: one-hot, (..., classes).
        y_pred: outputs beside them.
    """
    return _each(CategoricalAccuracy(), y_true, y_pred)


@of_numbers
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Whether the highest output is that of the label: see `SparseCategoricalAccuracy`.

    Args:
        y_true: labels, (...,).
        y_pred: outputs, (..., classes).
    """
    return _each(SparseCategoricalAccuracy(), y_true, y_pred)


@of_numbers
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Whether the class is among the k highest outputs: see `TopKCategoricalAccuracy`.

    Args:
        y_true: one-hot, (..., classes).
        y_pred: outputs beside them.
        k: how many.
    """
    return _each(TopKCategoricalAccuracy(k), y_true, y_pred)


@of_numbers
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Whether the label is among the k highest outputs: see `SparseTopKCategoricalAccuracy`.

    Args:
        y_true: labels, (...,).
        y_pred: outputs, (..., classes).
        k: how many.
    """
    return _each(SparseTopKCategoricalAccuracy(k), y_true, y_pred)
