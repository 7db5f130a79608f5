"""Accuracies: the share of steps that are right."""

from __future__ import annotations

import torch
from torch import Tensor

from ..arguments import DType, Positive
from .mean import MeanOverSteps
from .targets import entries


class Accuracy(MeanOverSteps):
    """How often predictions equal targets, entry by entry.

    For scores of classes use `SparseCategoricalAccuracy`; the name "accuracy" in `compile` picks
    the accuracy that goes with the outputs. No steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: steps of this label do not count.

    Example:
        >>> m = Accuracy()
        >>> m.update_state([1, 2, 3, 4], [0, 2, 3, 4])
        >>> float(m.result())
        0.75
    """

    takes_labels = True

    def __init__(
        self, name: str = "accuracy", dtype: DType = None, *, ignore_class: int | None = None
    ) -> None:
        super().__init__(name, dtype, ignore_class)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if y_pred.ndim == 1:
            return y_true == y_pred
        return _share(entries(self.name, y_true, y_pred) == y_pred)


class BinaryAccuracy(MeanOverSteps):
    """How often outputs above a threshold stand at targets of 1, entry by entry.

    Shapes: y_true and y_pred (steps, feature). No steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        threshold: outputs above it say 1; for logits 0.
    """

    def __init__(
        self, name: str = "binary_accuracy", dtype: DType = None, threshold: float = 0.5
    ) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return _share(entries(self.name, y_true, y_pred) == (y_pred > self.threshold))


class SparseCategoricalAccuracy(MeanOverSteps):
    """How often the highest output is that of the label.

    Shapes: y_true (steps,) labels, one-hot (steps, classes) works too; y_pred (steps, classes).
    No steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: steps of this label do not count.

    Example:
        >>> m = SparseCategoricalAccuracy()
        >>> m.update_state([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]])
        >>> float(m.result())
        0.5
    """

    def __init__(
        self,
        name: str = "sparse_categorical_accuracy",
        dtype: DType = None,
        *,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(name, dtype, ignore_class)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return y_pred.argmax(-1) == labels_of(y_true, y_pred)


class CategoricalAccuracy(SparseCategoricalAccuracy):
    """How often the highest output is that of the class, labels one-hot.

    Shapes: y_true and y_pred (steps, classes); integer labels (steps,) work too. No steps give 0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: where labels are integers, steps of this one do not count.
    """

    def __init__(
        self,
        name: str = "categorical_accuracy",
        dtype: DType = None,
        *,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(name, dtype, ignore_class=ignore_class)


class SparseTopKCategoricalAccuracy(MeanOverSteps):
    """How often the label is among the k highest outputs; one that ties with the last is.

    Shapes: y_true (steps,) labels, one-hot works too; y_pred (steps, classes). No steps give 0.

    Args:
        k: how many of the highest outputs are looked at; with fewer classes all are.
        name: its key in logs.
        dtype: of what `result` gives.
        from_sorted_ids: whether y_pred are ids already, (steps, ids), the highest first: the first
            k are looked at.
        ignore_class: steps of this label do not count.
    """

    def __init__(
        self,
        k: Positive = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: DType = None,
        *,
        from_sorted_ids: bool = False,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(name, dtype, ignore_class)
        self.from_sorted_ids = self.takes_ids = from_sorted_ids
        self.k = k

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if self.from_sorted_ids:
            return (y_pred[:, : self.k] == labels_of(y_true, y_pred).unsqueeze(-1)).any(-1)
        least = y_pred.topk(min(self.k, y_pred.shape[-1])).values[:, -1]
        labels = labels_of(y_true, y_pred).to(torch.int64)
        # A label that is no class is among none of them.
        known = (labels >= 0) & (labels < y_pred.shape[-1])
        of_label = y_pred.gather(-1, labels.where(known, 0).unsqueeze(-1)).squeeze(-1)
        return known & (of_label >= least)


class TopKCategoricalAccuracy(SparseTopKCategoricalAccuracy):
    """How often the class is among the k highest outputs, labels one-hot.

    Shapes: y_true and y_pred (steps, classes); integer labels (steps,) work too. No steps give 0.

    Args:
        k: how many of the highest outputs are looked at; with fewer classes all are.
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: where labels are integers, steps of this one do not count.
    """

    def __init__(
        self,
        k: Positive = 5,
        name: str = "top_k_categorical_accuracy",
        dtype: DType = None,
        *,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(k, name, ignore_class=ignore_class, dtype=dtype)


def labels_of(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """(steps,) labels, from integers or one-hot."""
    if y_true.ndim == 1:
        return y_true
    return y_true.argmax(-1) if y_pred.shape[-1] > 1 else y_true.squeeze(-1)


def _share(right: Tensor) -> Tensor:
    return right.squeeze(-1) if right.shape[-1] == 1 else right.double().mean(-1)
