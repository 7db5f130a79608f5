"""A cross-entropy that forgives wrong labels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..arguments import Precision, number
from ..layers import Spec
from ..ragged import Ragged
from ..signatures import of_numbers
from .crossentropy import SparseCategoricalCrossentropy
from .loss import Loss, of_each_step


class CategoricalGeneralizedCrossEntropy(Loss):
    """(1 - p^q) / q of each step, p the probability of its label, labels as integers.

    Near q = 0 it is the cross-entropy, at 1 the mean absolute error, which a wrong label pulls no
    further than 1 / q. Shapes: y_true (steps,) or (steps, 1) integers from 0; y_pred (steps,
    classes). A model that ends in softmax is trained from its logits. No steps give 0.

    Source of the formula: Zhang and Sabuncu, "Generalized Cross Entropy Loss for Training Deep
    Neural Networks with Noisy Labels", 2018.

    Args:
        q: between 0 and 1, neither of both.
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.

    Raises:
        ValueError: q is not between 0 and 1; a label is no class.

    Example:
        >>> loss = CategoricalGeneralizedCrossEntropy(q=0.5)
        >>> loss([0, 1], [[0.25, 0.75], [0.0, 1.0]])
        tensor(0.5000)
    """

    tail = "softmax"
    takes = ("softmax", "sigmoid")

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.q = number(type(self).__name__, "q", q, above=0, below=1)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        labels = self._labels.labels_of(y_true, y_pred)[..., None]
        if self.from_logits:
            log_p = torch.log_softmax(y_pred, -1)
        else:  # p^q has no derivative at 0
            log_p = y_pred.clamp(min=torch.finfo(y_pred.dtype).tiny).log()
        return -torch.expm1(self.q * log_p.gather(-1, labels).squeeze(-1)) / self.q

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        self._labels.check(target, output)

    @property
    def _labels(self) -> SparseCategoricalCrossentropy:
        """What knows which labels go with which outputs."""
        return SparseCategoricalCrossentropy(name=self.name)


@of_numbers
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - p^q) / q, p the label's probability: see `CategoricalGeneralizedCrossEntropy`.

    Args:
        y_true: labels, integers: a tensor, an array or a Ragged.
        y_pred: probabilities beside them, (..., classes).
        q: between 0 and 1.

    Returns:
        One number for each row of the predictions, beside them where these are a Ragged.
    """
    return of_each_step(CategoricalGeneralizedCrossEntropy(q), y_true, y_pred)
