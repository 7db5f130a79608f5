"""F scores: precision and recall in one number."""

from __future__ import annotations

import torch
from torch import Tensor

from .. import arguments
from ..arguments import AboveZero, DType
from ..errors import look_up
from .metric import Metric
from .steps import Steps
from .targets import entries, one_hot

_AVERAGES = {"micro": "micro", "macro": "macro", "weighted": "weighted"}
# As in Keras: keeps divisors from 0, and outputs of 0 from being the highest.
_EPSILON, _ZERO = 1e-7, 1e-9


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), class by class.

    Targets are one-hot or several yes and no; integer labels, which Keras refuses, are taken as
    one-hot. The mean is over all classes, those that never occur included, as in Keras, but not one
    that is ignored. No steps give 0.

    Args:
        average: "micro" (hits of all classes together), "macro" (the mean over classes),
            "weighted" (by how often each is a target) or None: a number for each class.
        beta: how much more recall counts than precision.
        threshold: outputs above it say yes; by default the highest of a step does.
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: where targets are integers, steps of this label do not count.
    """

    sums: Tensor

    def __init__(
        self,
        average: str | None = None,
        beta: AboveZero = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: DType = None,
        *,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(name, dtype, ignore_class)
        who = type(self).__name__
        if average is None:
            self.not_in_compile = "it gives a number for each class. Give average='macro'"
        else:
            look_up(who, "average", average, _AVERAGES)
        arguments.share(who, "threshold", threshold, or_none=True)
        self.average, self.beta, self.threshold = average, beta, threshold

    def build(self, size: int, labels: bool) -> None:
        if size == 1 and self.threshold is None:
            raise ValueError(
                f"{self.name}: one output needs a threshold, as threshold=0.5: without one the "
                "highest output says yes, and with one output that is every step."
            )
        # Of each class: hits, false alarms, misses.
        self.add_state("sums", torch.zeros(3, size, dtype=torch.float64), "sum")

    def add(self, steps: Steps) -> None:
        pred = steps.y_pred
        true = one_hot(self.name, steps.y_true, pred.shape[-1])
        true = entries(self.name, true, pred).double()
        if self.threshold is None:
            yes = (pred >= pred.amax(-1, keepdim=True)) & (pred.abs() > _ZERO)
        else:
            yes = pred > self.threshold
        rows = torch.stack([yes * true, yes * (1 - true), ~yes * true])
        if steps.weight is not None:
            rows = rows * steps.weight[:, None]
        self.sums = self.sums + rows.sum(1)

    def score(self) -> Tensor:
        if self._sizes is None:
            return torch.zeros((), dtype=torch.float64)
        sums = self.sums.sum(1) if self.average == "micro" else self.sums
        hits, alarms, misses = sums
        precision = hits / (hits + alarms + _EPSILON)
        recall = hits / (hits + misses + _EPSILON)
        square = self.beta**2
        scores = (1 + square) * precision * recall / (square * precision + recall + _EPSILON)
        if self.average == "weighted":
            often = hits + misses
            return (scores * often).sum() / (often.sum() + _EPSILON)
        if self.average == "macro":
            # A class that is ignored is nobody's target: it has no score that could count.
            kept = [c for c in range(len(scores)) if c not in self.ignored]
            return scores[kept].sum() / max(1, len(kept))
        return scores


class F1Score(FBetaScore):
    """2 precision recall / (precision + recall), class by class: see `FBetaScore`.

    Args:
        average: "micro", "macro", "weighted" or None: a number for each class.
        threshold: outputs above it say yes; by default the highest of a step does.
        name: its key in logs.
        dtype: of what `result` gives.
        ignore_class: where targets are integers, steps of this label do not count.

    Example:
        >>> m = F1Score(average="macro")
        >>> m.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> round(float(m.result()), 3)
        0.667
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: DType = None,
        *,
        ignore_class: int | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, ignore_class=ignore_class, dtype=dtype)
