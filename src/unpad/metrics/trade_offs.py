"""What can be had of one rate where another is at least so high: a point on a curve."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from .. import arguments
from ..arguments import Count, DType, Share
from .targets import one_hot
from .thresholds import Counts, ThresholdMetric, check_class, of_class


def even_thresholds(who: str, count: int) -> list[float]:
    """Thresholds evenly from 0 to 1; one of them is 0.5."""
    arguments.integer(who, "num_thresholds", count, 1)
    return [0.5] if count == 1 else [i / (count - 1) for i in range(count)]


class _TradeOff(ThresholdMetric):
    """The highest `rate` among the thresholds at which `bound` is at least what it must be."""

    rate: ClassVar[Callable[[Counts], Tensor]]
    bound: ClassVar[Callable[[Counts], Tensor]]

    def __init__(
        self,
        least: float,
        num_thresholds: int,
        class_id: int | None,
        name: str | None,
        dtype: DType,
    ) -> None:
        edges = even_thresholds(type(self).__name__, num_thresholds)
        super().__init__(edges, name, dtype=dtype)
        self._least, self.num_thresholds, self.class_id = least, num_thresholds, class_id
        self.thresholds = edges

    def columns(self, y_true: Tensor, y_pred: Tensor) -> tuple[Tensor, Tensor]:
        y_true = one_hot(self.name, y_true, y_pred.shape[-1])
        return of_class(y_true, self.class_id), of_class(y_pred, self.class_id)

    def weights(self, weight: Tensor) -> Tensor:
        return of_class(weight, self.class_id)

    def build(self, size: int, labels: bool) -> None:
        check_class(self.name, self.class_id, size)
        # Integer labels are taken as one-hot: entries are counted together.
        super().build(size, False)

    def of_counts(self, counts: Counts) -> Tensor:
        enough = type(self).bound(counts) >= self._least
        return type(self).rate(counts).where(enough, 0).amax()


class SensitivityAtSpecificity(_TradeOff):
    """The highest share of positive targets that is found where specificity is high enough.

    Sensitivity is the share of positive targets that are found, specificity that of negative
    targets that are left alone; both are counted at thresholds, all entries together. 0 where no
    threshold will do, and without a step.

    Args:
        specificity: the least that it must be, from 0 to 1.
        num_thresholds: how many, evenly from 0 to 1.
        class_id: only this class is looked at.
        name: its key in logs.
        dtype: of what `result` gives.

    Example:
        >>> m = SensitivityAtSpecificity(0.5)
        >>> m.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        >>> float(m.result())
        0.5
    """

    rate, bound = Counts.recall, Counts.specificity

    def __init__(
        self,
        specificity: Share,
        num_thresholds: int = 200,
        class_id: Count | None = None,
        name: str | None = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity


class SpecificityAtSensitivity(_TradeOff):
    """The highest share of negative targets left alone where sensitivity is high enough.

    See `SensitivityAtSpecificity`. 0 where no threshold will do, and without a step.

    Args:
        sensitivity: the least that it must be, from 0 to 1.
        num_thresholds: how many, evenly from 0 to 1.
        class_id: only this class is looked at.
        name: its key in logs.
        dtype: of what `result` gives.
    """

    rate, bound = Counts.specificity, Counts.recall

    def __init__(
        self,
        sensitivity: Share,
        num_thresholds: int = 200,
        class_id: Count | None = None,
        name: str | None = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity


class PrecisionAtRecall(_TradeOff):
    """The highest precision where recall is high enough.

    Precision is the share of yes that is right, recall the share of positive targets that is found;
    both are counted at thresholds, all entries together. 0 where no threshold will do, and without
    a step.

    Args:
        recall: the least that it must be, from 0 to 1.
        num_thresholds: how many, evenly from 0 to 1.
        class_id: only this class is looked at.
        name: its key in logs.
        dtype: of what `result` gives.

    Example:
        >>> m = PrecisionAtRecall(0.5)
        >>> m.update_state([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
        >>> float(m.result())
        0.5
    """

    rate, bound = Counts.precision, Counts.recall

    def __init__(
        self,
        recall: Share,
        num_thresholds: int = 200,
        class_id: Count | None = None,
        name: str | None = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall


class RecallAtPrecision(_TradeOff):
    """The highest recall where precision is high enough.

    See `PrecisionAtRecall`. 0 where no threshold will do, and without a step.

    Args:
        precision: the least that it must be, from 0 to 1.
        num_thresholds: how many, evenly from 0 to 1.
        class_id: only this class is looked at.
        name: its key in logs.
        dtype: of what `result` gives.
    """

    rate, bound = Counts.recall, Counts.precision

    def __init__(
        self,
        precision: Share,
        num_thresholds: int = 200,
        class_id: Count | None = None,
        name: str | None = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision
