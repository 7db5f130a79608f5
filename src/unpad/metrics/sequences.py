"""Metrics of whole sequences."""

from __future__ import annotations

import torch
from torch import Tensor

from ..arguments import DType
from ..ragged.reductions import segment_mean, segment_min
from .accuracy import labels_of
from .mean import MeanOverSteps
from .steps import Steps
from .targets import entries


class SequenceAccuracy(MeanOverSteps):
    """The share of sequences whose steps are all right; sequences without a step do not count.

    A step is right where its highest output is that of its class, or, with a threshold or one
    output, where each output is on the right side. Outputs may be labels already: integers. A
    step of weight 0 does not exist; a sequence weighs the mean of its steps' weights. No steps
    give 0.

    Args:
        threshold: outputs above it say yes; by default the highest output is the answer, and one
            output says yes above 0.5.
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: steps of this label do not count.

    Example:
        >>> m = SequenceAccuracy()
        >>> right = Ragged.from_list([[0, 1], [2]])
        >>> given = Ragged.from_list([[0, 1], [1]])
        >>> m.update_state(right, given)
        >>> float(m.result())
        0.5
    """

    reads_sequences = True
    takes_labels = True

    def __init__(
        self,
        threshold: float | None = None,
        name: str = "sequence_accuracy",
        dtype: DType = None,
        *,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(name, dtype, ignore_class)
        self.threshold = threshold

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if y_pred.ndim == 1:
            return y_true == y_pred
        if self.threshold is None and y_pred.shape[-1] > 1:
            return labels_of(y_true, y_pred) == y_pred.argmax(-1)
        yes = y_pred > (0.5 if self.threshold is None else self.threshold)
        return (entries(self.name, y_true, y_pred) == yes).all(-1)

    def add(self, steps: Steps) -> None:
        layout = steps.layout
        assert layout is not None
        right = self.per_step(steps.y_true, steps.y_pred).double()
        there = layout.own.lengths > 0
        values = segment_min(right, layout)[there]
        weight = steps.weight
        self.add_values(values, None if weight is None else segment_mean(weight, layout)[there])


def first_steps(sequence_ids: Tensor) -> Tensor:
    """(steps,) bool: where a sequence starts."""
    first = torch.ones_like(sequence_ids, dtype=torch.bool)
    first[1:] = sequence_ids[1:] != sequence_ids[:-1]
    return first
