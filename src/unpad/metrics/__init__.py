"""Metrics from torchmetrics, by Keras's names or as instances, on real steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
import torchmetrics
from torch import Tensor
from torchmetrics import classification, regression

from ..errors import look_up
from ..losses import BinaryCrossentropy, Loss
from ..losses.crossentropy import same_rank

__all__ = ["StepMetric", "get"]

# Targets and predictions as a metric wants them: (preds, target), torchmetrics' order.
_Arrange = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
_Make = Callable[[int, Loss], tuple[torchmetrics.Metric, _Arrange]]


class StepMetric:
    """A torchmetrics metric that is fed values: predictions and targets at the real steps.

    Args:
        name: its key in logs and history.
        make: called with the size of the outputs and the loss, when they are known; gives the
            metric and the function that brings (y_true, y_pred) into its form.
    """

    def __init__(self, name: str, make: _Make) -> None:
        self.name = name
        self._make = make
        self._made: tuple[torchmetrics.Metric, _Arrange] | None = None

    def start(self, size: int, loss: Loss, device: torch.device) -> None:
        """Forgets what came before; `size` is that of the outputs' last axis."""
        if self._made is None:
            self._made = self._make(size, loss)
        self._made[0].to(device).reset()

    def update(self, y_true: Tensor, y_pred: Tensor) -> None:
        """Adds a batch: values at its real steps. No steps change nothing."""
        assert self._made is not None
        metric, arrange = self._made
        if len(y_pred):
            metric.update(*arrange(y_true, y_pred))

    def result(self) -> float:
        """The metric over everything since `start`; 0 where there was no step."""
        assert self._made is not None
        metric = self._made[0]
        return float(metric.compute()) if metric.update_count else 0.0


def get(metric: Any) -> StepMetric:
    """The metric of this name, or the one given: of torchmetrics, or a callable.

    A callable of (y_true, y_pred) gives a number for each step; their mean is the metric.

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if isinstance(metric, str):
        return StepMetric(metric, look_up("compile", "metric", metric, _BY_NAME))
    if isinstance(metric, StepMetric):
        return metric
    if isinstance(metric, torchmetrics.Metric):
        return StepMetric(type(metric).__name__.lower(), lambda *_: (metric, _for_instance(metric)))
    if callable(metric):
        name = getattr(metric, "__name__", type(metric).__name__)
        average = _Callable(cast(Any, metric))
        return StepMetric(name, lambda *_: (torchmetrics.MeanMetric(), average))
    raise ValueError(
        f"compile: expected a metric's name, a torchmetrics metric or a callable, got {metric!r}."
    )


class _Callable(NamedTuple):
    """A user's own function, averaged over the steps with MeanMetric(value, weight)."""

    function: Callable[[Tensor, Tensor], Tensor]

    def __call__(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
        each = torch.as_tensor(self.function(y_true, y_pred), dtype=torch.float32)
        if each.ndim == 0:
            return each, each.new_tensor(float(len(y_pred)))
        return each, torch.ones_like(each)


def _by_class(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (n, classes) and labels (n,), from integers or one-hot."""
    if y_true.ndim == y_pred.ndim:
        one_hot = y_true.shape[-1] == y_pred.shape[-1]
        y_true = y_true.argmax(-1) if one_hot else y_true.squeeze(-1)
    return y_pred.flatten(0, -2), y_true.flatten().long()


def _by_entry(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Entry by entry, as numbers."""
    return y_pred.flatten(), same_rank(y_true, y_pred).flatten().to(y_pred.dtype)


def _yes_or_no(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    """Entry by entry, targets as 0 and 1."""
    return y_pred.flatten(), same_rank(y_true, y_pred).flatten().round().long()


def _for_instance(metric: torchmetrics.Metric) -> _Arrange:
    """The form for a metric that the user made, told by its class's name."""
    name = type(metric).__name__
    if name.startswith("Multiclass"):
        return _by_class
    if name.startswith("Binary"):
        return _yes_or_no
    if type(metric).__module__.startswith(regression.__name__):
        return _by_entry
    return lambda y_true, y_pred: (y_pred, y_true)


def _classification(name: str, average: str) -> _Make:
    binary_class = getattr(classification, f"Binary{name}")
    multiclass_class = getattr(classification, f"Multiclass{name}")

    def make(size: int, loss: Loss) -> tuple[torchmetrics.Metric, _Arrange]:
        # What the arguments may be was checked at the door; torchmetrics' checks on every batch
        # would cost more than the metric.
        if size == 1 or isinstance(loss, BinaryCrossentropy):
            return binary_class(validate_args=False), _yes_or_no
        ignored = getattr(loss, "ignore_class", None)
        metric = multiclass_class(
            num_classes=size, average=average, ignore_index=ignored, validate_args=False
        )
        return metric, _by_class

    return make


def _number(metric: Callable[[], torchmetrics.Metric]) -> _Make:
    return lambda size, loss: (metric(), _by_entry)


_ACCURACY = _classification("Accuracy", "micro")
_BY_NAME: dict[str, _Make] = {
    "accuracy": _ACCURACY,
    "acc": _ACCURACY,
    "sparse_categorical_accuracy": _ACCURACY,
    "categorical_accuracy": _ACCURACY,
    "binary_accuracy": lambda size, loss: (
        classification.BinaryAccuracy(validate_args=False),
        _yes_or_no,
    ),
    "precision": _classification("Precision", "macro"),
    "recall": _classification("Recall", "macro"),
    "f1": _classification("F1Score", "macro"),
    "mse": _number(regression.MeanSquaredError),
    "mean_squared_error": _number(regression.MeanSquaredError),
    "rmse": _number(lambda: regression.MeanSquaredError(squared=False)),
    "mae": _number(regression.MeanAbsoluteError),
    "mean_absolute_error": _number(regression.MeanAbsoluteError),
}
