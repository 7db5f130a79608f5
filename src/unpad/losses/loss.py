"""The base of every loss: a number for each step, then one denominator."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import look_up
from ..layers import Spec
from ..ragged import Ragged

_REDUCTIONS = {
    "sum_over_batch_size": "mean",
    "mean": "mean",
    "sum": "sum",
    "mean_with_sample_weight": "mean_with_sample_weight",
    "none": "none",
    None: "none",
}


class Reduced(NamedTuple):
    """A loss summed over steps, and what it is divided by: both add up over batches."""

    total: Tensor
    divisor: Tensor

    @property
    def value(self) -> Tensor:
        """Total / divisor; 0 where nothing counted."""
        return self.total / self.divisor if bool(self.divisor) else self.total * 0


class Loss:
    """A loss on real steps: called with (y_true, y_pred, sample_weight) as Keras's.

    `y_true` and `y_pred` are values (steps, ...), tensors of any leading shape, or Ragged. The
    mean is over the steps that count (all, or those whose class is not ignored): the sum of loss
    times weight divided by their number. With no step at all it is 0.

    Args:
        reduction: "sum_over_batch_size" (the mean), "sum", "mean_with_sample_weight" (divides by
            the sum of the weights) or None (a value for each step).
        name: shown in logs.
    """

    #: The activation whose input this loss can be computed from, more exactly than its output.
    tail: str | None = None
    from_logits = False

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None):
        who = type(self).__name__
        self.reduction = look_up(who, "reduction", reduction, _REDUCTIONS)  # pyright: ignore[reportArgumentType]
        self.name = name or who

    def per_step(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each step, 0 where it does not count: (...,) from (..., feature)."""
        raise NotImplementedError

    def counted(self, y_true: Tensor) -> Tensor | None:
        """Which steps count, or None for all."""
        return None

    def check(self, target: Ragged | Tensor, output: Spec) -> None:
        """Raises a ValueError for targets that this loss cannot take, naming the first."""

    def with_logits(self) -> Loss:
        """The same loss, computed from what goes into the model's last activation."""
        other = copy.copy(self)
        other.from_logits = True
        return other

    def reduce(self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None) -> Reduced:
        """The weighted sum over the steps that count, and the denominator."""
        losses = self.per_step(y_true, y_pred)
        counted = self.counted(y_true)
        if counted is not None:
            counted = counted.reshape(losses.shape)
        if weight is not None:
            losses = losses * weight
        return Reduced(losses.sum(), self._denominator(losses, weight, counted))

    def _denominator(self, losses: Tensor, weight: Tensor | None, counted: Tensor | None) -> Tensor:
        if self.reduction == "sum":
            return losses.new_ones(())
        if self.reduction == "mean_with_sample_weight" and weight is not None:
            weight = weight.expand_as(losses)
            return (weight if counted is None else weight * counted).sum()
        if counted is not None:
            return counted.sum()
        return losses.new_tensor(float(losses.numel()))

    def __call__(
        self,
        y_true: Ragged | Tensor,
        y_pred: Ragged | Tensor,
        sample_weight: Ragged | Tensor | None = None,
    ) -> Tensor:
        """The reduced loss; with reduction None the loss of each step."""
        true, pred, weight = on_steps(y_true, y_pred, sample_weight)
        if self.reduction == "none":
            losses = self.per_step(true, pred)
            return losses if weight is None else losses * weight
        return self.reduce(true, pred, weight).value

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


def on_steps(
    y_true: Ragged | Tensor, y_pred: Ragged | Tensor, weight: Ragged | Tensor | None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Targets and weights as tensors beside the predictions' values, aligned by named axis.

    A weight of shape (batch,) belongs to sequences, one a step is Ragged or has the steps' axes.

    Raises:
        ValueError: layouts or shapes that cannot be aligned.
    """
    if isinstance(y_pred, Ragged):
        layout = y_pred.layout
        true = _values_on(layout, y_true, "y_true")
        if isinstance(weight, Tensor) and weight.ndim == 1 and len(weight) == layout.batch:
            weight = weight[layout.sequence_ids]
        elif weight is not None:
            weight = _values_on(layout, weight, "sample_weight")
        return true, y_pred.values, weight
    true = torch.as_tensor(y_true)  # pyright: ignore[reportArgumentType]
    if weight is not None:
        weight = torch.as_tensor(weight)  # pyright: ignore[reportArgumentType]
        if len(weight) != len(y_pred) or weight.ndim > max(1, y_pred.ndim - 1):
            raise ValueError(
                f"sample_weight: expected one for each of {len(y_pred)} sequences or for each of "
                f"their steps, got {tuple(weight.shape)} for outputs {tuple(y_pred.shape)}."
            )
        weight = weight.reshape(*weight.shape, *(1,) * (y_pred.ndim - 1 - weight.ndim))
    return true, y_pred, weight


def _values_on(layout, data: Ragged | Tensor, who: str) -> Tensor:
    """The data's values at the layout's steps: of a Ragged, or picked out of the caller's grid."""
    if isinstance(data, Ragged):
        if not layout.agrees(data.layout):
            raise ValueError(
                f"{who}: its sequences and the model's output differ: "
                f"{data.layout.difference(layout)}."
            )
        return data.values
    data = torch.as_tensor(data)
    if data.ndim < 2 or data.shape[0] != layout.batch or data.shape[1] != layout.time:
        raise ValueError(
            f"{who}: expected a Ragged, or the grid ({layout.batch}, {layout.time}, ...) of the "
            f"model's output, got {tuple(data.shape)}."
        )
    return data[layout.sequence_ids, layout.places]
