"""A loss as a metric: its mean over steps."""

from __future__ import annotations

import torch
from torch import Tensor

from ..arguments import DType
from ..losses import Loss
from .mean import MeanOverSteps
from .steps import Steps
from .targets import one_for_each


class OfLoss(MeanOverSteps):
    """The mean of a loss over the steps that count, weighted by the sum of the weights.

    Args:
        loss: of each step; its reduction must be a mean over steps.
        name: its key in logs; by default the loss's.
        dtype: of what `result` gives.
    """

    #: Whether targets may be one label a step, for several outputs.
    takes_sparse = True

    def __init__(self, loss: Loss, name: str | None = None, dtype: DType = None) -> None:
        super().__init__(name or loss.name, dtype, getattr(loss, "ignore_class", None))
        self._loss = loss
        if loss.own_lengths or loss.reduction not in ("mean", "mean_with_sample_weight", "none"):
            self.not_in_compile = (
                "as a metric a loss is the mean over steps, and this one is not. The epoch's log "
                "has the loss itself; for another mean give a function of (y_true, y_pred)"
            )

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        if not self.takes_sparse:
            y_true = one_for_each(self.name, y_true, y_pred)
        return self._loss.per_step(y_true, y_pred)

    def add(self, steps: Steps) -> None:
        counted, weight = self._loss.counted(steps.y_true), steps.weight
        if counted is not None:
            counted = counted.to(torch.float64)
            weight = counted if weight is None else weight * counted
        self.add_values(self.per_step(steps.y_true, steps.y_pred), weight)
