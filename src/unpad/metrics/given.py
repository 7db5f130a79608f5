"""Metrics that a user brings from torchmetrics."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..losses.shapes import same_rank
from .mean import without
from .metric import Metric
from .steps import unweighable


def torchmetrics_metric() -> tuple[type, ...]:
    """Torchmetrics' class of metrics; none where nobody has imported it, which takes seconds.

    Who brings a metric of torchmetrics has imported it.
    """
    kind = getattr(sys.modules.get("torchmetrics"), "Metric", None)
    return () if kind is None else (kind,)


def uncollected(given: Any) -> Any:
    """What `compile` was given as metrics, a MetricCollection being its metrics, by its names.

    Args:
        given: a metric, or a list or dict of them, whose entries may be collections.
    """
    kind = getattr(sys.modules.get("torchmetrics"), "MetricCollection", None)
    kinds = () if kind is None else (kind,)
    if isinstance(given, kinds):
        return [FromTorchmetrics(metric, name) for name, metric in given.items()]
    if isinstance(given, dict):
        return {name: uncollected(metrics) for name, metrics in given.items()}
    if isinstance(given, (list, tuple)):
        found: list[Any] = []
        for entry in given:
            metrics = uncollected(entry)
            found += metrics if isinstance(entry, kinds) else [metrics]
        return found
    return given


class FromTorchmetrics(Metric):
    """A metric of torchmetrics, fed with values at real steps in the form that it wants.

    Multiclass metrics get (steps, classes) and labels, binary and regression metrics one entry
    after another, wrappers what the metric inside wants, any other (y_pred, y_true) as they are.
    It takes no weights.

    Args:
        metric: of torchmetrics; it is copied.
        name: its key in logs and history; by default its class's name.
    """

    takes_weight = False
    fed: Tensor

    def __init__(self, metric: Any, name: str | None = None) -> None:
        super().__init__(name or type(metric).__name__.lower())
        self.metric = copy.deepcopy(metric)
        # Their wrappers count nothing themselves.
        self.add_state("fed", torch.zeros((), dtype=torch.int64), "sum")
        self._arrange = _arrangement(metric)

    def update(
        self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None = None, layout: Any = None
    ) -> None:
        """Adds values at real steps."""
        if weight is not None:
            raise unweighable(self.name, self.name)
        for label in self.ignored:
            y_true, y_pred, _ = without(label, y_true, y_pred, None)
        if len(y_pred):
            self.metric.update(*self._arrange(y_true, y_pred))
            self.fed = self.fed + 1

    def compute(self) -> Tensor:
        """The metric over all that was added; 0 where there was no step."""
        return self.score() if self.fed else torch.zeros(())

    def result(self) -> Tensor:
        """The same, in the type that it has there."""
        return self.compute()

    def score(self) -> Tensor:
        return self.metric.compute()

    def reset(self) -> None:
        """Forgets everything that was added."""
        super().reset()
        self.metric.reset()


def _arrangement(metric: Any) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The form for a metric, told by its class's name: (preds, target), torchmetrics' order."""
    if type(metric).__module__.startswith("torchmetrics.wrappers"):
        kinds = torchmetrics_metric()
        held = [p for p in metric.modules() if isinstance(p, kinds) and p is not metric]
        return _arrangement(held[0]) if held else _as_they_are
    name = type(metric).__name__
    if name.startswith("Multiclass"):
        return _by_class
    if name.startswith("Binary"):
        return _yes_or_no
    if type(metric).__module__.startswith("torchmetrics.regression"):
        return _by_entry
    return _as_they_are


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


def _as_they_are(y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
    return y_pred, y_true
