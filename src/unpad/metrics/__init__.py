"""Metrics from torchmetrics, by Keras's names or as instances, on real steps."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
import torchmetrics
from torch import Tensor
from torchmetrics import classification, regression

from ..errors import look_up
from ..losses import BinaryCrossentropy, Loss
from ..losses.crossentropy import same_rank

__all__ = ["StartedMetric", "StepMetric", "get"]

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

    def start(self, size: int, loss: Loss, device: torch.device) -> StartedMetric:
        """A metric of its own, to be reset first; `size` is that of the outputs' last axis."""
        metric, arrange = self._make(size, loss)
        return StartedMetric(self.name, copy.deepcopy(metric).to(device), arrange)


class StartedMetric(NamedTuple):
    """A metric that adds up batches."""

    name: str
    metric: torchmetrics.Metric
    arrange: _Arrange

    def reset(self) -> None:
        """Forgets every batch."""
        self.metric.reset()

    def update(self, y_true: Tensor, y_pred: Tensor) -> None:
        """Adds a batch: values at its real steps. No steps change nothing."""
        if len(y_pred):
            self.metric.update(*self.arrange(y_true, y_pred))

    def result(self) -> float:
        """The metric over all batches; 0 where there was no step."""
        return float(self.metric.compute()) if self.metric.update_count else 0.0


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
        return StepMetric(type(metric).__name__.lower(), _Given(metric, _for_instance(metric)))
    if callable(metric):
        name = getattr(metric, "__name__", type(metric).__name__)
        return StepMetric(name, _Given(torchmetrics.MeanMetric(), _Callable(cast(Any, metric))))
    raise ValueError(
        f"compile: expected a metric's name, a torchmetrics metric or a callable, got {metric!r}."
    )


class _Given(NamedTuple):
    """A metric that is there already, whatever the outputs are."""

    metric: torchmetrics.Metric
    arrange: _Arrange

    def __call__(self, size: int, loss: Loss) -> tuple[torchmetrics.Metric, _Arrange]:
        return self.metric, self.arrange


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
    return _as_they_are


def _as_they_are(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    return y_pred, y_true


class _Classification(NamedTuple):
    """Torchmetrics' metric for one output or for many classes."""

    name: str
    average: str = "macro"

    def __call__(self, size: int, loss: Loss) -> tuple[torchmetrics.Metric, _Arrange]:
        # What the arguments may be was checked at the door; torchmetrics' checks on every batch
        # would cost more than the metric.
        if size == 1 or isinstance(loss, BinaryCrossentropy):
            return getattr(classification, f"Binary{self.name}")(validate_args=False), _yes_or_no
        metric = getattr(classification, f"Multiclass{self.name}")(
            num_classes=size,
            average=self.average,
            ignore_index=getattr(loss, "ignore_class", None),
            validate_args=False,
        )
        return metric, _by_class


class _Regression(NamedTuple):
    """Torchmetrics' metric of numbers, with these options."""

    name: str
    options: tuple[tuple[str, Any], ...] = ()

    def __call__(self, size: int, loss: Loss) -> tuple[torchmetrics.Metric, _Arrange]:
        return getattr(regression, self.name)(**dict(self.options)), _by_entry


def _binary_accuracy(size: int, loss: Loss) -> tuple[torchmetrics.Metric, _Arrange]:
    return classification.BinaryAccuracy(validate_args=False), _yes_or_no


_ACCURACY = _Classification("Accuracy", "micro")
_BY_NAME: dict[str, _Make] = {
    "accuracy": _ACCURACY,
    "acc": _ACCURACY,
    "sparse_categorical_accuracy": _ACCURACY,
    "categorical_accuracy": _ACCURACY,
    "binary_accuracy": _binary_accuracy,
    "precision": _Classification("Precision"),
    "recall": _Classification("Recall"),
    "f1": _Classification("F1Score"),
    "mse": _Regression("MeanSquaredError"),
    "mean_squared_error": _Regression("MeanSquaredError"),
    "rmse": _Regression("MeanSquaredError", (("squared", False),)),
    "mae": _Regression("MeanAbsoluteError"),
    "mean_absolute_error": _Regression("MeanAbsoluteError"),
}
