"""Areas under curves: ROC and precision by recall."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .. import arguments
from ..arguments import DType, Positive
from ..errors import first_true, look_up
from .metric import Metric, divide
from .steps import Steps
from .targets import entries, one_hot
from .thresholds import Counts, ThresholdMetric, checked_thresholds

_CURVES = {
    "ROC": "ROC",
    "roc": "ROC",
    "PR": "PR",
    "pr": "PR",
    "PRGAIN": "PRGAIN",
    "prgain": "PRGAIN",
}
_METHODS = {
    "interpolation": "interpolation",
    "Interpolation": "interpolation",
    "minoring": "minoring",
    "Minoring": "minoring",
    "majoring": "majoring",
    "Majoring": "majoring",
}
# The outermost thresholds lie this far outside of 0 to 1, as in Keras.
_EPSILON = 1e-7
# How far a probability may be off.
_ROUNDING = 1e-3


class AUC(ThresholdMetric):
    """The area under the curve that thresholds draw, by Keras's sums.

    Targets of the outputs' own shape are compared entry by entry, all together, or with
    multi_label column by column. Integer labels among several classes, which Keras refuses, are
    taken one class against the rest, and the mean over the classes that have both is the metric,
    as in torchmetrics. The more thresholds, the nearer to the exact area; memory is theirs times
    the columns that are counted apart. No steps give 0.

    Args:
        num_thresholds: how many, evenly from 0 to 1; not looked at beside thresholds of one's
            own.
        curve: "ROC" (true by false positive rate), "PR" (precision by recall) or "PRGAIN" (their
            gains over saying yes to everything: Flach and Kull, Precision-recall-gain curves,
            2015; gains below 0 count as 0 for recall).
        summation_method: "interpolation", "minoring" (the lower end of each interval) or
            "majoring" (the higher).
        name: its key in logs.
        dtype: of what `result` gives.
        thresholds: of one's own, between 0 and 1, instead of num_thresholds.
        multi_label: whether each column has an area of its own; their mean is the metric.
        num_labels: the number of columns, with multi_label; checked.
        label_weights: weight of each column.
        from_logits: whether outputs are logits: their sigmoid is compared.

    Example:
        >>> m = AUC(num_thresholds=3)
        >>> m.update_state([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
        >>> float(m.result())
        0.75
    """

    label_weights: Tensor | None

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: DType = None,
        *,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: Positive | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        if thresholds is None:
            last = arguments.integer("AUC", "num_thresholds", num_thresholds, 2) - 1
            inner = [i / last for i in range(1, last)]
        else:
            inner = sorted(checked_thresholds("AUC", thresholds))
        if label_weights is not None:
            label_weights = arguments.numbers("AUC", "label_weights", label_weights, 0)
        if num_labels and not multi_label:
            raise ValueError("AUC: num_labels goes with multi_label=True. Leave it out.")
        edges = [-_EPSILON, *inner, 1 + _EPSILON]
        by_column = multi_label or label_weights is not None
        super().__init__(edges, name or "auc", from_logits, by_column, dtype=dtype)
        self.curve = look_up("AUC", "curve", curve, _CURVES)
        self.summation_method = look_up("AUC", "summation_method", summation_method, _METHODS)
        self.num_thresholds, self.thresholds = num_thresholds, thresholds
        self.multi_label, self.num_labels = multi_label, num_labels
        weights = None if label_weights is None else torch.tensor(label_weights).double()
        self.register_buffer("label_weights", weights, False)

    def build(self, size: int, labels: bool) -> None:
        wanted = self.num_labels
        if self.label_weights is not None:
            wanted = len(self.label_weights)
        if wanted is not None and wanted != size:
            what = "num_labels" if self.num_labels is not None else "label_weights"
            raise ValueError(
                f"{self.name}: {what} is for {wanted} labels, but {size} outputs came."
            )
        super().build(size, labels)

    def columns(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
        y_true = one_hot(self.name, y_true, y_pred.shape[-1])
        # NaN is neither; what is off by rounding is put back to between the outermost thresholds.
        for what, given, right in (
            ("y_pred", y_pred, (y_pred >= -_ROUNDING) & (y_pred <= 1 + _ROUNDING)),
            ("y_true", y_true, (y_true == 0) | (y_true == 1)),
        ):
            if (at := first_true(~right)) is not None:
                wanted = "a probability" if what == "y_pred" else "0 or 1"
                hint = " Of logits: from_logits=True." if what == "y_pred" else ""
                raise ValueError(
                    f"{self.name}: {what} is {given[at].item():g} in row {at[0]} of the batch; "
                    f"expected {wanted}.{hint}"
                )
        return y_true, y_pred.clamp(0, 1)

    def score(self) -> Tensor:
        if self._sizes is None:
            return torch.zeros((), dtype=torch.float64)
        table, weights = self.table, self.label_weights
        if self.multi_label or self.labels:
            areas = self._areas(Counts(table))
            if weights is not None:
                return divide((areas * weights).sum(), weights.sum())
            if self.multi_label:
                return areas.mean()
            occurs = table.sum(0).amin(-1) > 0
            return divide((areas * occurs).sum(), occurs.sum())
        if weights is not None:
            table = (table * weights[:, None]).sum(1, keepdim=True)
        return self._areas(Counts(table))[0]

    def _areas(self, counts: Counts) -> Tensor:
        """(columns,) the area of each."""
        recall = divide(counts.tp, counts.positive)
        if self.curve == "ROC":
            x, y = divide(counts.fp, counts.negative), recall
        elif self.curve == "PRGAIN":
            x, y = _gains(counts)
        elif self.summation_method == "interpolation":
            return _precision_by_recall(counts)
        else:
            x, y = recall, counts.precision()
        ends = torch.stack([y[:-1], y[1:]])
        if self.summation_method == "interpolation":
            height = ends.mean(0)
        else:
            height = ends.amin(0) if self.summation_method == "minoring" else ends.amax(0)
        return ((x[:-1] - x[1:]) * height).sum(0)


def _gains(counts: Counts) -> tuple[Tensor, Tensor]:
    """Recall's and precision's gain at each threshold; without a hit 0 and 1, as in Keras."""
    odds = divide(counts.positive, counts.negative)
    recall = 1 - odds * divide(counts.fn, counts.tp)
    precision = 1 - odds * divide(counts.fp, counts.tp)
    none = counts.tp == 0
    return recall.masked_fill(none, 0).clamp(min=0), precision.masked_fill(none, 1)


def _precision_by_recall(counts: Counts) -> Tensor:
    """The area where hits and all positives, not their ratio, run straight between thresholds.

    Davis and Goadrich, The relationship between precision-recall and ROC curves, 2006: with tp =
    a + s p along an interval, the integral of tp / p over recall is s (d tp + a log(p' / p)).
    """
    positives = counts.tp + counts.fp
    gained, more = counts.tp[:-1] - counts.tp[1:], positives[:-1] - positives[1:]
    slope = divide(gained, more)
    start = counts.tp[1:] - slope * positives[1:]
    ratio = torch.where(positives[1:] > 0, divide(positives[:-1], positives[1:]), 1)
    area = slope * (gained + start * ratio.where(ratio > 0, 1).log())
    return divide(area, counts.positive.expand_as(area)).sum(0)


class AveragePrecision(Metric):
    """The mean of precision over the positive targets, highest outputs first; exact.

    Targets of the outputs' own shape: each column by itself. Integer labels among several classes:
    one class against the rest. Several columns give the mean over those with a positive target.
    It keeps every output until the epoch ends: for less memory use AUC(curve="PR"). No steps give
    0.

    Args:
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: steps of this label do not count.

    Example:
        >>> m = AveragePrecision()
        >>> m.update_state([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.5])
        >>> round(float(m.result()), 4)
        0.8333
    """

    preds: list[Tensor]
    targets: list[Tensor]
    weights: list[Tensor]

    def __init__(
        self,
        name: str = "average_precision",
        dtype: DType = None,
        *,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(name, dtype, ignore_class)
        for state in ("preds", "targets", "weights"):
            self.add_state(state, [], "cat")

    def add(self, steps: Steps) -> None:
        true = one_hot(self.name, steps.y_true, steps.y_pred.shape[-1])
        true = entries(self.name, true, steps.y_pred) != 0
        weight = steps.weight
        if weight is None:
            weight = torch.ones(len(true), dtype=torch.float64, device=true.device)
        self.preds.append(steps.y_pred)
        self.targets.append(true)
        self.weights.append(weight)

    def score(self) -> Tensor:
        if not len(self.preds):
            return torch.zeros((), dtype=torch.float64)
        preds, targets, weights = map(torch.cat, (self.preds, self.targets, self.weights))
        areas = [_average(p, t, weights) for p, t in zip(preds.T, targets.T, strict=True)]
        found = torch.stack([a for a in areas if a is not None] or [weights.new_zeros(())])
        return found.mean()


def _average(preds: Tensor, targets: Tensor, weights: Tensor) -> Tensor | None:
    """The sum of precision times the recall that each threshold adds; None without a positive."""
    order = preds.argsort(descending=True)
    preds, weights = preds[order], weights[order]
    hits = (weights * targets[order]).cumsum(0)
    positives = weights.cumsum(0)
    if not hits[-1] > 0:
        return None
    # Outputs that tie are let in together.
    last = torch.cat([preds[1:] != preds[:-1], preds.new_ones(1, dtype=torch.bool)])
    hits, positives = hits[last], positives[last]
    gained = hits.diff(prepend=hits.new_zeros(1))
    return (gained * divide(hits, positives)).sum() / hits[-1]
