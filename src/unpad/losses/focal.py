"""Focal cross-entropies: steps that are right already weigh little.

Source of the formula: Lin et al., "Focal Loss for Dense Object Detection", 2017.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import arguments
from ..arguments import NotNegative, Precision, Share
from ..errors import refuse
from ..layers import Spec
from ..ragged import Ragged
from ..ragged.numbers import as_tensor
from .crossentropy import check_classes, check_yes_or_no
from .loss import Loss
from .probabilities import EPSILON, clipped, last_axis, normalised, smoothed, smoothing
from .shapes import mean_of_features, paired


class BinaryFocalCrossentropy(Loss):
    """(1 - p_t)^gamma times the binary cross-entropy, the mean over the features of each step.

    p_t is the probability of what is right: p where the label is 1, 1 - p where it is 0. Shapes:
    y_true and y_pred (steps, feature); y_true may lack a feature axis of size 1. A model that ends
    in sigmoid is trained from its logits. No steps give 0.

    Args:
        apply_class_balancing: whether label 1 weighs alpha, label 0 1 - alpha.
        alpha: the weight of label 1.
        gamma: how little the steps weigh that are right; 0 gives the cross-entropy.
        from_logits: whether y_pred are logits rather than probabilities.
        label_smoothing: how far labels are drawn towards one half.
        axis: of the features; only the last.
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.

    Raises:
        ValueError: gamma is negative, or label_smoothing not from 0 to 1.
    """

    tail = "sigmoid"
    takes = ("sigmoid", "softmax", "hard_sigmoid")

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: NotNegative = 0.25,
        gamma: NotNegative = 2.0,
        from_logits: bool = False,
        label_smoothing: Share = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        refuse(type(self).__name__, axis=last_axis(axis))
        self.axis = axis
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = smoothing(type(self).__name__, label_smoothing)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y, y_pred = paired(self.name, y_true, y_pred)
        y = smoothed(y, self.label_smoothing, 0.5)
        if self.from_logits:
            losses = F.binary_cross_entropy_with_logits(y_pred, y, reduction="none")
            yes, no = torch.sigmoid(y_pred), torch.sigmoid(-y_pred)
        else:
            losses = F.binary_cross_entropy(clipped(y_pred), y, reduction="none")
            yes, no = y_pred, 1 - y_pred
        losses = _missing(y * no + (1 - y) * yes) ** self.gamma * losses
        if self.apply_class_balancing:
            losses = losses * (y * self.alpha + (1 - y) * (1 - self.alpha))
        return mean_of_features(losses)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_yes_or_no(self.name, target, output)


class CategoricalFocalCrossentropy(Loss):
    """-sum(alpha (1 - p)^gamma y log p) of each step, labels one-hot or any distribution.

    Shapes: y_true and y_pred (steps, classes). A model that ends in softmax is trained from its
    logits. No steps give 0.

    Args:
        alpha: the weight of every class, or one for each.
        gamma: how little the steps weigh that are right; 0 gives the cross-entropy.
        from_logits: whether y_pred are logits rather than probabilities.
        label_smoothing: share of the label that is spread evenly over all classes.
        axis: of the classes; only the last.
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.

    Raises:
        ValueError: gamma is negative, or label_smoothing not from 0 to 1.
    """

    tail = "softmax"
    takes = ("softmax", "sigmoid")

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: NotNegative = 2.0,
        from_logits: bool = False,
        label_smoothing: Share = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        refuse(type(self).__name__, axis=last_axis(axis))
        self.axis = axis
        if isinstance(alpha, (list, tuple)):
            alpha = arguments.numbers(type(self).__name__, "alpha", alpha, 0)
        elif not isinstance(alpha, Tensor) or not alpha.ndim:
            alpha = arguments.number(type(self).__name__, "alpha", alpha, 0)
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = smoothing(type(self).__name__, label_smoothing)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y, y_pred = paired(self.name, y_true, y_pred)
        y = smoothed(y, self.label_smoothing, 1 / y.shape[-1])
        if self.from_logits:
            log_p = torch.log_softmax(y_pred, -1)
            missing = -torch.expm1(log_p)
        else:
            p = normalised(y_pred)
            log_p, missing = p.log(), 1 - p
        alpha = as_tensor(self.alpha, f"{self.name}: alpha", y.device).to(y.dtype)
        if alpha.ndim and alpha.shape != y.shape[-1:]:
            raise ValueError(
                f"{self.name}: expected alpha as a number or one for each of {y.shape[-1]} "
                f"classes, got {tuple(alpha.shape)}."
            )
        return -(alpha * _missing(missing) ** self.gamma * y * log_p).sum(-1)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_classes(self.name, target, output)


def _missing(p: Tensor) -> Tensor:
    # With gamma below 1 the power has no derivative at 0.
    return p.clamp(min=EPSILON)
