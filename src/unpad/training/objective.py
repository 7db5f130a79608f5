"""The loss of a model on a batch, from its logits where that is possible, and the metrics."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..layers import Layer, Spec, activations
from ..losses import Loss
from ..losses.loss import Reduced, on_steps
from ..metrics import StartedMetric, StepMetric
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
    """A model's loss and metrics on a batch.

    Args:
        loss: of each step.
        metrics: fed with the values at the real steps.
    """

    def __init__(self, loss: Loss, metrics: list[StepMetric]) -> None:
        self.loss, self.metrics = loss, metrics

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

    def tally(self, output: Spec, device: torch.device) -> Tally:
        """Sums of its own, so that an evaluation within an epoch leaves the epoch's alone."""
        size = (output.shape[-1] if output.shape else 1) or 1
        return Tally(self.loss, [m.start(size, self.loss, device) for m in self.metrics], device)


class Tally:
    """Loss and metrics summed up over batches, with one denominator.

    Args:
        loss: whose reduction says what is divided by.
        metrics: started anew.
        device: where the sums are kept, so that no batch waits for its number.
    """

    def __init__(self, loss: Loss, metrics: list[StartedMetric], device: torch.device) -> None:
        self._loss, self._metrics = loss, metrics
        self._zero = torch.zeros((), dtype=torch.float64, device=device)
        self.reset()

    def reset(self) -> None:
        """Forgets every batch."""
        self._total = self._divisor = self._zero
        for metric in self._metrics:
            metric.reset()

    def add(self, outcome: Outcome) -> None:
        """Adds a batch."""
        with torch.no_grad():
            self._total = self._total + outcome.loss.total.detach()
            # A sum stays a sum over batches; a mean's denominator adds up with it.
            if self._loss.reduction == "sum":
                self._divisor = self._zero + 1
            else:
                self._divisor = self._divisor + outcome.loss.divisor
            for metric in self._metrics:
                metric.update(outcome.y_true, outcome.y_pred)

    @property
    def mean_loss(self) -> float:
        """The loss of all batches; 0 where there was no step."""
        return float(self._total / self._divisor) if self._divisor else 0.0

    def logs(self) -> dict[str, float]:
        """The loss and every metric of all batches."""
        return {"loss": self.mean_loss, **{m.name: m.result() for m in self._metrics}}
