"""The loss of a model on a batch, from its logits where that is possible, and the metrics."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..layers import Layer, Spec, activations
from ..losses import CustomLoss, Loss
from ..losses.loss import Reduced, on_steps
from ..metrics import StepMetric
from .data import Data

# Activations whose outputs a cross-entropy can take for probabilities.
_PROBABILITIES = {
    "softmax": ("softmax", "sigmoid"),
    "sigmoid": ("sigmoid", "softmax", "hard_sigmoid"),
}


class Outcome(NamedTuple):
    """A batch's loss, with what the metrics need: values at the real steps."""

    loss: Reduced
    y_true: Tensor
    y_pred: Tensor


class Objective:
    """A model's loss and metrics, summed up over batches with one denominator.

    Args:
        loss: of each step.
        metrics: fed with the values at the real steps.
    """

    def __init__(self, loss: Loss, metrics: list[StepMetric]) -> None:
        self.loss, self.metrics = loss, metrics
        self._total = self._count = torch.zeros((), dtype=torch.float64)

    def check(self, model: Layer) -> None:
        """Raises where the model's last activation and the loss do not go together."""
        tail, wanted, name = model.tail, self.loss.tail, type(self.loss).__name__
        if wanted is None or tail is None:
            return
        if self.loss.from_logits and tail in ("softmax", "sigmoid"):
            raise ValueError(
                f"compile: {name}(from_logits=True), but the model ends in {tail}, whose outputs "
                "are probabilities. Leave from_logits out; unpad works from the logits by itself."
            )
        if not self.loss.from_logits and tail not in _PROBABILITIES[wanted]:
            raise ValueError(
                f"compile: {self.loss.name} needs probabilities, but the model ends in {tail!r}. "
                f"End it in {wanted}, or use {name}(from_logits=True)."
            )

    def start(self, output: Spec, device: torch.device) -> None:
        """Forgets what came before."""
        size = (output.shape[-1] if output.shape else 1) or 1
        for metric in self.metrics:
            metric.start(size, self.loss, device)
        self._total = self._count = torch.zeros((), dtype=torch.float64, device=device)

    def __call__(self, model: Layer, batch: Data) -> Outcome:
        """Runs the model on the batch."""
        assert batch.y is not None
        finish, loss = None, self.loss
        if loss.tail is not None and model.tail == loss.tail and not loss.from_logits:
            outputs = model.before_tail(batch.x)
            finish, loss = activations.get(model.tail), loss.with_logits()
        else:
            outputs = model(batch.x)
        true, pred, weight = on_steps(batch.y, outputs, batch.weight)
        reduced = loss.reduce(true, pred, weight)
        with torch.no_grad():
            shown = pred.detach()
            if finish is not None and self.metrics:
                shown = finish(shown)
        return Outcome(reduced, true, shown)

    def add(self, outcome: Outcome) -> None:
        """Adds a batch to the sums."""
        with torch.no_grad():
            self._total = self._total + outcome.loss.total.detach()
            # A sum stays a sum over batches; a mean's denominator adds up with it.
            if self.loss.reduction == "sum":
                self._count = torch.ones_like(self._total)
            else:
                self._count = self._count + outcome.loss.divisor
            for metric in self.metrics:
                metric.update(outcome.y_true, outcome.y_pred)

    @property
    def mean_loss(self) -> float:
        """The loss of everything since `start`; 0 where there was no step."""
        return float(self._total / self._count) if self._count else 0.0

    def logs(self) -> dict[str, float]:
        """The loss and every metric of everything since `start`."""
        return {"loss": self.mean_loss, **{m.name: m.result() for m in self.metrics}}


__all__ = ["CustomLoss", "Objective", "Outcome"]
