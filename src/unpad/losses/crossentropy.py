"""Cross-entropies: of integer labels, of distributions, of yes and no."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import Precision, Share
from ..errors import first_true, refuse
from ..layers import Spec
from ..ragged import Ragged
from ..ragged.batch import place, values_of
from .loss import Loss
from .probabilities import clipped, last_axis, normalised, smoothed, smoothing
from .shapes import check_shape, mean_of_features, paired, same_rank

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
    "same_rank",
]


class SparseCategoricalCrossentropy(Loss):
    """-log p[label] of each step, labels as integers.

    Shapes: y_true (steps,) or (steps, 1) integers from 0; y_pred (steps, classes). A model that
    ends in softmax is trained from its logits. No steps give 0.

    Args:
        from_logits: whether y_pred are logits rather than probabilities.
        ignore_class: steps of this label do not count, neither in the sum nor in the number.
        reduction: see `Loss`.
        axis: of the classes; only the last.
        name: shown in logs.
        dtype: see `Loss`.
    """

    tail = "softmax"
    takes = ("softmax", "sigmoid")

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        refuse(type(self).__name__, axis=last_axis(axis))
        self.axis = axis
        self.from_logits = from_logits
        self.ignore_class = ignore_class

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        labels = self.labels_of(y_true, y_pred)
        counted = self.counted(labels)
        if counted is not None:
            labels = labels.masked_fill(~counted, 0)
        rows, each = (
            (y_pred, labels) if y_pred.ndim == 2 else (y_pred.flatten(0, -2), labels.flatten())
        )
        if self.from_logits:
            losses = F.cross_entropy(rows, each, reduction="none")
        else:
            losses = F.nll_loss(normalised(rows).log(), each, reduction="none")
        losses = losses if losses.shape == labels.shape else losses.reshape(labels.shape)
        return losses if counted is None else losses.masked_fill(~counted, 0)

    def labels_of(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """One integer for each row of the predictions.

        Args:
            y_true: labels (...,) or (..., 1).
            y_pred: predictions (..., classes).

        Raises:
            ValueError: there are more or fewer.
        """
        if y_true.ndim == y_pred.ndim and y_true.shape[-1] == 1:
            y_true = y_true.squeeze(-1)
        if y_true.shape != y_pred.shape[:-1]:
            raise ValueError(
                f"{self.name}: expected labels of shape {tuple(y_pred.shape[:-1])}, one for each "
                f"row of the predictions {tuple(y_pred.shape)}, got {tuple(y_true.shape)}."
            )
        return y_true.to(torch.int64)

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
        axis: of the classes; only the last.
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    tail = "softmax"
    takes = ("softmax", "sigmoid")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: Share = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        refuse(type(self).__name__, axis=last_axis(axis))
        self.axis = axis
        self.from_logits = from_logits
        self.label_smoothing = smoothing(type(self).__name__, label_smoothing)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y, y_pred = paired(self.name, y_true, y_pred)
        y = smoothed(y, self.label_smoothing, 1 / y.shape[-1])
        log_p = torch.log_softmax(y_pred, -1) if self.from_logits else normalised(y_pred).log()
        return -(y * log_p).sum(-1)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_classes(self.name, target, output)


class BinaryCrossentropy(Loss):
    """-y log p - (1 - y) log(1 - p), the mean over the features of each step.

    Shapes: y_true and y_pred (steps, feature); y_true may lack a feature axis of size 1. A model
    that ends in sigmoid is trained from its logits. No steps give 0.

    Args:
        from_logits: whether y_pred are logits rather than probabilities.
        label_smoothing: how far labels are drawn towards one half.
        axis: of the features; only the last.
        reduction: see `Loss`.
        name: shown in logs.
        dtype: see `Loss`.
    """

    tail = "sigmoid"
    takes = ("sigmoid", "softmax", "hard_sigmoid")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: Share = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Precision = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        refuse(type(self).__name__, axis=last_axis(axis))
        self.axis = axis
        self.from_logits = from_logits
        self.label_smoothing = smoothing(type(self).__name__, label_smoothing)

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y, y_pred = paired(self.name, y_true, y_pred)
        y = smoothed(y, self.label_smoothing, 0.5)
        if self.from_logits:
            losses = F.binary_cross_entropy_with_logits(y_pred, y, reduction="none")
        else:
            losses = F.binary_cross_entropy(clipped(y_pred), y, reduction="none")
        return mean_of_features(losses)

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        check_yes_or_no(self.name, target, output)


def check_classes(who: str, target: Ragged | Tensor, output: Spec) -> None:
    """Raises where the target is no distribution over the output's classes."""
    classes = output.shape[-1] if output.shape else None
    y = values_of(target)
    rank = len(output.shape) + 1
    if y.ndim == rank and y.shape[-1] == classes:
        if (broken := first_true((y < 0) | (y > 1))) is not None:
            raise ValueError(
                f"{who}: expected labels from 0 to 1, got {y[broken].item()} in "
                f"{place(target, broken[:-1])}."
            )
        return
    if y.ndim == rank - 1 or y.shape[-1] == 1:
        raise ValueError(
            f"{who}: got one integer a step; expected one-hot labels of {classes} classes. For "
            "integer labels use sparse_categorical_crossentropy."
        )
    raise ValueError(
        f"{who}: expected labels of {classes} classes, as the model gives, got {y.shape[-1]}."
    )


def check_yes_or_no(who: str, target: Ragged | Tensor, output: Spec) -> None:
    """Raises where the target is not from 0 to 1, entry by entry."""
    check_shape(who, target, output)
    y = values_of(target)
    if (broken := first_true((y < 0) | (y > 1))) is not None:
        hint = "For more classes use sparse_categorical_crossentropy."
        if y[broken].item() == -1:
            hint = "If -1 says that there is no label: make it NaN and weigh it 0, or leave it out."
        raise ValueError(
            f"{who}: label {y[broken].item():g} in {place(target, broken)}; expected 0 or 1. {hint}"
        )
