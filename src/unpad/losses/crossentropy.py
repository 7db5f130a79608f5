"""Cross-entropies: of integer labels, of distributions, of yes and no."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import first_true
from ..layers import Spec
from ..ragged import Ragged
from ..ragged.batch import place, values_of
from .loss import Loss

# Keras clips probabilities to [1e-7, 1 - 1e-7] before the logarithm.
_EPSILON = 1e-7


class SparseCategoricalCrossentropy(Loss):
    """-log p[label] of each step, labels as integers.

    Shapes: y_true (steps,) or (steps, 1) integers from 0; y_pred (steps, classes). A model that
    ends in softmax is trained from its logits. No steps give 0.

    Args:
        from_logits: whether y_pred are logits rather than probabilities.
        ignore_class: steps of this label do not count, neither in the sum nor in the number.
        reduction: see `Loss`.
        name: shown in logs.
    """

    tail = "softmax"

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str = "sparse_categorical_crossentropy",
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = from_logits
        self.ignore_class = ignore_class

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        labels = _labels(y_true, y_pred.ndim)
        counted = self.counted(labels)
        if counted is not None:
            labels = labels.masked_fill(~counted, 0)
        log_p = torch.log_softmax(y_pred, -1) if self.from_logits else _log_probabilities(y_pred)
        losses = F.nll_loss(log_p.flatten(0, -2), labels.flatten(), reduction="none")
        losses = losses.reshape(labels.shape)
        return losses if counted is None else losses.masked_fill(~counted, 0)

    def counted(self, y_true: Tensor) -> Tensor | None:
        return None if self.ignore_class is None else y_true != self.ignore_class

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        classes = output.shape[-1] if output.shape else None
        if classes is None or classes < 2:
            raise ValueError(
                f"{self.name}: expected one output for each class, got {output}. For one output "
                "that says yes or no use binary_crossentropy."
            )
        y = values_of(target)
        rank = (len(output.shape) - 1) + 1  # axes of one label a step, the leading one included
        if y.ndim > rank and y.shape[-1] != 1:
            what = "one-hot labels" if y.shape[-1] == classes else f"labels {tuple(y.shape)}"
            raise ValueError(
                f"{self.name}: got {what}; expected one integer a step. For one-hot labels use "
                "categorical_crossentropy, or give y.argmax(-1)."
            )
        if y.is_floating_point() and (broken := first_true(y != y.round())) is not None:
            raise ValueError(
                f"{self.name}: the label in {place(target, broken)} is {y[broken].item()}; "
                "expected integers. For numbers to predict use mse."
            )
        outside = (y < 0) | (y >= classes)
        if self.ignore_class is not None:
            outside &= y != self.ignore_class
        if (broken := first_true(outside)) is None:
            return
        wrong = int(y[broken])
        hint = (
            f"If it marks steps that do not count: ignore_class={wrong}."
            if wrong < 0
            else f"Labels go from 0 to {classes - 1}: give the last layer {int(y.max()) + 1} units."
        )
        raise ValueError(
            f"{self.name}: label {wrong} in {place(target, broken)}, but the model has {classes} "
            f"classes. {hint}"
        )


class CategoricalCrossentropy(Loss):
    """-sum(y log p) of each step, labels one-hot or any distribution.

    Shapes: y_true and y_pred (steps, classes). A model that ends in softmax is trained from its
    logits. No steps give 0.

    Args:
        from_logits: whether y_pred are logits rather than probabilities.
        label_smoothing: share of the label that is spread evenly over all classes.
        reduction: see `Loss`.
        name: shown in logs.
    """

    tail = "softmax"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y = y_true.to(y_pred.dtype)
        if self.label_smoothing:
            y = y * (1 - self.label_smoothing) + self.label_smoothing / y.shape[-1]
        log_p = torch.log_softmax(y_pred, -1) if self.from_logits else _log_probabilities(y_pred)
        return -(y * log_p).sum(-1)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        classes = output.shape[-1] if output.shape else None
        y = values_of(target)
        rank = len(output.shape) + 1
        if y.ndim == rank and y.shape[-1] == classes:
            if (broken := first_true((y < 0) | (y > 1))) is not None:
                raise ValueError(
                    f"{self.name}: expected labels from 0 to 1, got {y[broken].item()} in "
                    f"{place(target, broken[:-1])}."
                )
            return
        if y.ndim == rank - 1 or y.shape[-1] == 1:
            raise ValueError(
                f"{self.name}: got one integer a step; expected one-hot labels of {classes} "
                "classes. For integer labels use sparse_categorical_crossentropy."
            )
        raise ValueError(
            f"{self.name}: expected labels of {classes} classes, as the model gives, got "
            f"{y.shape[-1]}."
        )


class BinaryCrossentropy(Loss):
    """-y log p - (1 - y) log(1 - p), the mean over the features of each step.

    Shapes: y_true and y_pred (steps, feature); y_true may lack a feature axis of size 1. A model
    that ends in sigmoid is trained from its logits. No steps give 0.

    Args:
        from_logits: whether y_pred are logits rather than probabilities.
        label_smoothing: how far labels are drawn towards one half.
        reduction: see `Loss`.
        name: shown in logs.
    """

    tail = "sigmoid"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
    ) -> None:
        super().__init__(reduction, name)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y = same_rank(y_true, y_pred).to(y_pred.dtype)
        if self.label_smoothing:
            y = y * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        if self.from_logits:
            losses = F.binary_cross_entropy_with_logits(y_pred, y, reduction="none")
        else:
            p = y_pred.clamp(_EPSILON, 1 - _EPSILON)
            losses = F.binary_cross_entropy(p, y, reduction="none")
        return losses.mean(-1)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_shape(self.name, target, output)
        y = values_of(target)
        if (broken := first_true((y < 0) | (y > 1))) is not None:
            raise ValueError(
                f"{self.name}: label {y[broken].item():g} in {place(target, broken)}; expected 0 "
                "or 1. For more classes use sparse_categorical_crossentropy."
            )


def _labels(y_true: Tensor, rank: int) -> Tensor:
    if y_true.ndim == rank and y_true.shape[-1] == 1:
        y_true = y_true.squeeze(-1)
    return y_true.to(torch.int64)


def _log_probabilities(p: Tensor) -> Tensor:
    # As Keras does it: what does not sum to 1 is made to, zeros are kept from the logarithm.
    p = p / p.sum(-1, keepdim=True)
    return p.clamp(_EPSILON, 1 - _EPSILON).log()


def same_rank(y_true: Tensor, y_pred: Tensor) -> Tensor:
    """The target with the prediction's feature axis, where only an axis of size 1 is between."""
    if y_true.ndim == y_pred.ndim - 1 and y_pred.shape[-1] == 1:
        return y_true.unsqueeze(-1)
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        return y_true.squeeze(-1)
    return y_true


def check_shape(who: str, target: Ragged | Tensor, output: Spec) -> None:
    """Raises where target and output cannot be compared entry by entry."""
    y = values_of(target)
    want = tuple(output.shape)
    got = tuple(y.shape[1:])
    fits = len(got) == len(want) and all(w in (None, g) for w, g in zip(want, got, strict=True))
    if not fits and not (want and want[-1] == 1 and len(got) == len(want) - 1):
        per = "step" if output.ragged else "sequence"
        raise ValueError(
            f"{who}: expected targets of shape {want} for each {per}, as the model gives, got "
            f"{got}."
        )
