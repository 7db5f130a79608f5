"""How alike the directions of two vectors are."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ..arguments import Precision
from ..errors import refuse
from ..layers import Spec
from ..ragged import Ragged
from .loss import Loss
from .probabilities import EPSILON, last_axis
from .shapes import check_shape, paired


class CosineSimilarity(Loss):
    """Minus the cosine of the angle between target and prediction of each step: -1 is the best.

    A vector shorter than 1e-7 is divided by 1e-7; zeros give 0. Shapes: y_true and y_pred (steps,
    feature). No steps give 0.

    Args:
        axis: of the features; only the last.
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        refuse(type(self).__name__, axis=last_axis(axis))
        self.axis = axis

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y, p = (F.normalize(v, dim=-1, eps=EPSILON) for v in paired(self.name, y_true, y_pred))
        return -(y * p).sum(-1)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_shape(self.name, target, output)
