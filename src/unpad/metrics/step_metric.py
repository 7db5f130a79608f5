"""A metric before training, by name or as given, and one that is started: it adds up batches."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from ..arguments import made
from ..losses import CustomLoss, Loss
from ..ragged import Layout
from .given import FromTorchmetrics, torchmetrics_metric
from .mean import MeanMetricWrapper
from .metric import Metric
from .of_loss import OfLoss
from .steps import unweighable


class StepMetric:
    """A metric that is fed values: predictions and targets at the real steps.

    Args:
        name: its key in logs and history.
        make: called with the size of the outputs and the loss, when they are known; gives the
            metric.
        takes_weight: whether steps can be weighed.
        not_in_compile: what to do instead of giving it to `compile`, where it is of no use there.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[int, Loss], Metric],
        takes_weight: bool = True,
        not_in_compile: str | None = None,
    ) -> None:
        self.name = name
        self.takes_weight = takes_weight
        self.not_in_compile = not_in_compile
        self._make = make

    def start(self, size: int, loss: Loss, device: torch.device) -> StartedMetric:
        """A metric of its own, to be reset first; `size` is that of the outputs' last axis.

        Args:
            size: of the outputs' last axis.
            loss: that the model is trained with.
            device: where its states are.
        """
        metric = self._make(size, loss)
        metric.ignore(getattr(loss, "ignore_class", None))
        return StartedMetric(self.name, metric.to(device))

    def check(self, weighted: bool = False) -> None:
        """Raises where the metric is of no use in `compile`, or takes no weights and must.

        Args:
            weighted: whether it is one of `weighted_metrics`.
        """
        if self.not_in_compile is not None:
            raise ValueError(f"compile: metric {self.name!r}: {self.not_in_compile}.")
        if weighted and not self.takes_weight:
            raise unweighable("compile", self.name)


class StartedMetric(NamedTuple):
    """A metric that adds up batches."""

    name: str
    metric: Metric

    def reset(self) -> None:
        """Forgets every batch."""
        self.metric.reset_state()

    def update(
        self,
        y_true: Tensor,
        y_pred: Tensor,
        weight: Tensor | None = None,
        layout: Layout | None = None,
    ) -> None:
        """Adds a batch: values at its real steps. No steps change nothing.

        Args:
            y_true: targets beside the predictions.
            y_pred: (steps, feature), or dense outputs with their own axes.
            weight: one for each step, or with the leading axes of dense outputs; None for 1 each.
            layout: which steps make a sequence; None for dense outputs.
        """
        if not len(y_pred):
            return
        try:
            self.metric.feed(y_true, y_pred, weight, layout)
        except Exception as error:
            # Theirs, or a person's own, does not know its name, and may not say what it got.
            error.add_note(
                f"metric {self.name!r} was given targets {tuple(y_true.shape)} and outputs "
                f"{tuple(y_pred.shape)}: a row a step."
            )
            raise

    def value(self) -> Tensor:
        """The metric over all batches, whatever its shape; 0 where there was no step."""
        return self.metric.result()

    def result(self) -> float:
        """The metric over all batches; 0 where there was no step.

        Raises:
            ValueError: the metric is no single number.
        """
        value = self.value()
        if not isinstance(value, Tensor) or value.numel() != 1:
            shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(
                f"metric {self.name!r}: expected one number, got {shape}. Use it by itself, on "
                "targets and predictions, or let it average."
            )
        return float(value)


def wrap(metric: Any) -> StepMetric | None:
    """The metric that was given, not by name; None for what is no metric."""
    if isinstance(metric, StepMetric):
        return metric
    theirs = torchmetrics_metric()
    if isinstance(metric, type) and issubclass(metric, (Metric, *theirs)):
        metric = made("compile", "metric", metric)
    if isinstance(metric, CustomLoss):
        metric = MeanMetricWrapper(metric.per_step, metric.name)
    elif isinstance(metric, Loss):
        metric = OfLoss(metric)
    elif isinstance(metric, theirs):
        metric = FromTorchmetrics(metric)
    elif callable(metric) and not isinstance(metric, Metric):
        metric = MeanMetricWrapper(cast(Any, metric))
    if not isinstance(metric, Metric):
        return None
    return StepMetric(metric.name, _Given(metric), metric.takes_weight, metric.not_in_compile)


class _Given(NamedTuple):
    """A metric that is there already, whatever the outputs are; a copy adds up."""

    metric: Metric

    def __call__(self, size: int, loss: Loss) -> Metric:
        metric = copy.deepcopy(self.metric)
        metric.reset_state()
        return metric
