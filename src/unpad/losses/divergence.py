"""How far one distribution is from another."""

from __future__ import annotations

from torch import Tensor

from ..arguments import Precision
from ..layers import Spec
from ..ragged import Ragged
from .crossentropy import check_classes
from .loss import Loss
from .probabilities import EPSILON
from .shapes import paired


class KLDivergence(Loss):
    """sum(y log(y / p)) of each step: Kullback and Leibler's divergence.

    Both are clipped to [1e-7, 1]. Shapes: y_true and y_pred (steps, classes), distributions. No
    steps give 0.

    Args:
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "kl_divergence",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y, p = (each.clamp(EPSILON, 1) for each in paired(self.name, y_true, y_pred))
        return (y * (y / p).log()).sum(-1)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_classes(self.name, target, output)
