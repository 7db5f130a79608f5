"""Metrics of yes and no at thresholds: counts of hits and misses, precision, recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn

import numpy as np
import torch
from torch import Tensor

from .. import arguments
from ..arguments import Count, DType, Positive
from ..variable import Variable
from .metric import Metric, divide
from .steps import Steps
from .targets import one_hot


class Counts:
    """Weights of right and wrong answers at each threshold: (thresholds, columns) each.

    Args:
        table: (thresholds + 1, columns, 2) weights by how many thresholds an output is above, and
            by target.
    """

    def __init__(self, table: Tensor) -> None:
        # Above threshold t is what is above more than t of them.
        above = table.flip(0).cumsum(0).flip(0)[1:]
        self.negative, self.positive = table.sum(0).unbind(-1)
        self.fp, self.tp = above.unbind(-1)
        self.fn, self.tn = self.positive - self.tp, self.negative - self.fp

    def precision(self) -> Tensor:
        """The share of yes that is right; 0 where nothing says yes."""
        return divide(self.tp, self.tp + self.fp)

    def recall(self) -> Tensor:
        """The share of positive targets that is found, also called sensitivity; 0 of none."""
        return divide(self.tp, self.tp + self.fn)

    def specificity(self) -> Tensor:
        """The share of negative targets that is left alone; 0 of none."""
        return divide(self.tn, self.tn + self.fp)


#: Keras's names of the counts.
_COUNTS = {
    "true_positives": "tp",
    "false_positives": "fp",
    "true_negatives": "tn",
    "false_negatives": "fn",
}


class Counted(Variable):
    """A count as Keras's state of the name: it is read from the table of all, and not set."""

    def _changed(self, word: str, change: Any, value: Any) -> NoReturn:
        raise ValueError(
            f"{self.name}.{word}: the counts of all thresholds are one table, from which this is "
            "read. Set them to 0 with reset_state(); add to them with update_state(y, p)."
        )


class ThresholdMetric(Metric):
    """A metric of the counts at thresholds; what to do with them is said in `of_counts`.

    `true_positives`, `true_negatives`, `false_positives` and `false_negatives` can be read:
    (thresholds,), or (thresholds, columns) where columns are counted apart.

    Args:
        thresholds: rising; an output above one says yes there.
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether outputs are logits: their sigmoid is compared.
        by_column: whether the outputs' columns are counted apart.
    """

    by_entry = True
    table: Tensor
    edges: Tensor
    #: Which counts Keras keeps of it, by its names: its `variables`.
    keeps: ClassVar[tuple[str, ...]] = tuple(_COUNTS)

    def __init__(
        self,
        thresholds: Sequence[float],
        name: str | None,
        from_logits: bool = False,
        by_column: bool = False,
        dtype: DType = None,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits = from_logits
        self.by_column = by_column
        self.register_buffer("edges", torch.tensor(list(thresholds), dtype=torch.float64), False)

    def of_counts(self, counts: Counts) -> Tensor:
        """The metric, where something was counted.

        Args:
            counts: true and false, positives and negatives, (thresholds, columns) each.
        """
        raise NotImplementedError

    def columns(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
        """What is counted: targets and outputs (steps, columns), before the sigmoid.

        Args:
            y_true: targets, (steps, feature) or labels (steps,).
            y_pred: outputs, (steps, feature).
        """
        return one_hot(self.name, y_true, y_pred.shape[-1]), y_pred

    def weights(self, weight: Tensor) -> Tensor:
        """(steps, columns) or (steps, 1) of what is counted, from those of the outputs.

        Args:
            weight: (steps, feature) or (steps, 1).
        """
        return weight

    def build(self, size: int, labels: bool) -> None:
        self.labels = labels
        columns = size if self.by_column or labels else 1
        shape = len(self.edges) + 1, columns, 2
        self.add_state("table", torch.zeros(shape, dtype=torch.float64), "sum")

    def add(self, steps: Steps) -> None:
        y_pred = steps.y_pred.sigmoid() if self.from_logits else steps.y_pred
        y_true, y_pred = self.columns(steps.y_true, y_pred)
        edges = self.edges.to(y_pred.dtype)
        columns = self.table.shape[1]
        cell = torch.searchsorted(edges, y_pred.contiguous()) * columns
        if columns > 1:
            cell = cell + torch.arange(columns, device=cell.device)
        cell = (2 * cell + (y_true != 0)).flatten()
        weight = steps.weight
        if weight is not None:
            weight = self.weights(weight if weight.ndim == 2 else weight[:, None])
            weight = weight.expand(y_pred.shape).flatten()
        table = torch.bincount(cell, weight, minlength=self.table.numel())
        self.table = self.table + table.view(self.table.shape)

    def score(self) -> Tensor:
        if self._sizes is None:
            return torch.zeros((), dtype=torch.float64)
        return self.of_counts(Counts(self.table))

    @property
    def counts(self) -> Counts:
        """What was counted so far, at rising thresholds."""
        if self._sizes is None:
            return Counts(self.edges.new_zeros(len(self.edges) + 1, 1, 2))
        return Counts(self.table)

    def in_order(self, count: Tensor) -> Tensor:
        """A count, (thresholds, columns), in the order in which the thresholds were given."""
        return count

    def __getattr__(self, name: str) -> Any:
        if name not in _COUNTS:
            return super().__getattr__(name)
        count = self.in_order(getattr(self.counts, _COUNTS[name]))
        return Counted(count.squeeze(1) if count.shape[1] == 1 else count, name)

    @property
    def variables(self) -> list[Tensor]:
        """The counts that Keras keeps of it."""
        return [getattr(self, name) for name in self.keeps]


class AtThresholds(ThresholdMetric):
    """A number of the counts at one threshold or several: see `share`.

    Args:
        thresholds: from 0 to 1, one or several; by default 0.5.
        top_k: only the k highest outputs of a step can say yes.
        class_id: only this class is looked at.
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether outputs are logits: their sigmoid is compared.
    """

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: Positive | None = None,
        class_id: Count | None = None,
        name: str | None = None,
        dtype: DType = None,
        *,
        from_logits: bool = False,
    ) -> None:
        who = type(self).__name__
        # Among the k highest any output says yes, unless a threshold is given too.
        default = 0.5 if top_k is None else -torch.inf
        given = [default] if thresholds is None else checked_thresholds(who, thresholds)
        order = sorted(range(len(given)), key=given.__getitem__)
        super().__init__([given[i] for i in order], name, from_logits, False, dtype=dtype)
        self.thresholds = thresholds
        self._back = [order.index(i) for i in range(len(order))]
        self.top_k = top_k
        self.class_id = class_id
        self.plain = thresholds is None and top_k is None and class_id is None
        if len(given) > 1:
            self.not_in_compile = "it gives a number for each threshold. Give one"

    def build(self, size: int, labels: bool) -> None:
        self._by_class = labels and self.plain
        check_class(self.name, self.class_id, size)
        super().build(size, self._by_class)

    def columns(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
        y_true = one_hot(self.name, y_true, y_pred.shape[-1])
        if self._by_class:
            classes = torch.arange(y_pred.shape[-1], device=y_pred.device)
            return y_true, (y_pred.argmax(-1, keepdim=True) == classes).to(y_pred.dtype)
        if self.top_k is not None:
            among = y_pred.topk(min(self.top_k, y_pred.shape[-1])).indices
            y_pred = torch.full_like(y_pred, -torch.inf).scatter(
                -1, among, y_pred.gather(-1, among)
            )
        if self.class_id is not None:
            y_true, y_pred = (of_class(x, self.class_id) for x in (y_true, y_pred))
        return y_true, y_pred

    def weights(self, weight: Tensor) -> Tensor:
        return of_class(weight, self.class_id)

    def in_order(self, count: Tensor) -> Tensor:
        return count[self._back]

    def share(self, counts: Counts) -> Tensor:
        """(thresholds, columns) the number.

        Args:
            counts: true and false, positives and negatives, (thresholds, columns) each.
        """
        raise NotImplementedError

    def of_counts(self, counts: Counts) -> Tensor:
        shares = self.share(counts)
        if self._by_class:
            occurs = counts.tp + counts.fp + counts.fn > 0
            return divide((shares * occurs).sum(), occurs.sum())
        shares = shares[self._back, 0]
        return shares[0] if len(shares) == 1 else shares


class Precision(AtThresholds):
    """The share of yes that was right: true positives by all positives.

    Targets of the outputs' own shape (yes and no, or one-hot) are compared entry by entry, all
    together, as in Keras. Integer labels among several classes, which Keras refuses, are compared
    with the highest output, and the mean over classes is the metric (macro; classes that occur
    neither in targets nor in predictions do not count), as in torchmetrics; with thresholds, top_k
    or class_id they are taken as one-hot. Where nothing says yes it is 0; no steps give 0.

    Args:
        thresholds: from 0 to 1, one or several; by default 0.5.
        top_k: only the k highest outputs of a step can say yes.
        class_id: only this class is looked at.
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether outputs are logits: their sigmoid is compared.

    Example:
        >>> m = Precision()
        >>> m.update_state([0, 1, 1, 1], [1, 0, 1, 1])
        >>> round(float(m.result()), 4)
        0.6667
    """

    keeps = ("true_positives", "false_positives")

    def share(self, counts: Counts) -> Tensor:
        return counts.precision()


class Recall(AtThresholds):
    """The share of what was to be found that was found: true positives by positive targets.

    Targets are taken as in `Precision`. Where nothing was to be found it is 0; no steps give 0.

    Args:
        thresholds: from 0 to 1, one or several; by default 0.5.
        top_k: only the k highest outputs of a step can say yes.
        class_id: only this class is looked at.
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether outputs are logits: their sigmoid is compared.
    """

    keeps = ("true_positives", "false_negatives")

    def share(self, counts: Counts) -> Tensor:
        return counts.recall()


def check_class(who: str, class_id: int | None, size: int) -> None:
    """Raises where there is no such class among so many outputs."""
    if class_id is not None and not 0 <= class_id < size:
        raise ValueError(
            f"{who}: class_id={class_id}, but there are {size} outputs. Classes go from 0 to "
            f"{size - 1}."
        )


def of_class(columns: Tensor, class_id: int | None) -> Tensor:
    """(steps, 1) the column of a class; as it is without one, or where there is one column."""
    return columns if class_id is None or columns.shape[1] == 1 else columns[:, class_id, None]


def checked_thresholds(who: str, thresholds: Any) -> list[float]:
    """The thresholds as a list, if there is one, or several, and all are from 0 to 1."""
    try:
        if isinstance(thresholds, (list, tuple)) or np.ndim(thresholds):
            return arguments.numbers(who, "thresholds", thresholds, 0, 1)
        return [arguments.share(who, "thresholds", thresholds)]
    except ValueError as error:
        hint = " For logits give from_logits=True: thresholds are then of their sigmoid."
        raise ValueError(str(error) + hint) from None
