"""Numbers of right and wrong answers at thresholds."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ..arguments import DType
from .thresholds import AtThresholds, Counts


class _Number(AtThresholds):
    """A number of answers, or the sum of their weights."""

    not_in_keras = {"from_logits": False}

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        name: str | None = None,
        dtype: DType = None,
        *,
        from_logits: bool = False,
    ) -> None:
        super().__init__(thresholds, name=name, from_logits=from_logits, dtype=dtype)
        # Integer labels are taken as one-hot: they have no axis of classes to average over.
        self.plain = False


class TruePositives(_Number):
    """How many answers are a right yes; weights add up. No steps give 0.

    Args:
        thresholds: from 0 to 1, one or several; by default 0.5.
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether outputs are logits: their sigmoid is compared.

    Example:
        >>> m = TruePositives()
        >>> m.update_state([0, 1, 1, 1], [1, 0, 1, 1])
        >>> float(m.result())
        2.0
    """

    keeps = ("true_positives",)

    def share(self, counts: Counts) -> Tensor:
        return counts.tp


class TrueNegatives(_Number):
    """How many answers are a right no; weights add up. No steps give 0.

    Args:
        thresholds: from 0 to 1, one or several; by default 0.5.
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether outputs are logits: their sigmoid is compared.
    """

    keeps = ("true_negatives",)

    def share(self, counts: Counts) -> Tensor:
        return counts.tn


class FalsePositives(_Number):
    """How many answers are a wrong yes; weights add up. No steps give 0.

    Args:
        thresholds: from 0 to 1, one or several; by default 0.5.
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether outputs are logits: their sigmoid is compared.
    """

    keeps = ("false_positives",)

    def share(self, counts: Counts) -> Tensor:
        return counts.fp


class FalseNegatives(_Number):
    """How many answers are a wrong no; weights add up. No steps give 0.

    Args:
        thresholds: from 0 to 1, one or several; by default 0.5.
        name: its key in logs.
        dtype: of what `result` gives.
        from_logits: whether outputs are logits: their sigmoid is compared.
    """

    keeps = ("false_negatives",)

    def share(self, counts: Counts) -> Tensor:
        return counts.fn
