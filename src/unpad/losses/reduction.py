"""From a number a step to a sum and a denominator, by named axis."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import look_up
from ..ragged import Layout
from ..ragged.reductions import segment_sum

_REDUCTIONS = {
    "sum_over_batch_size": "mean",
    "mean": "mean",
    "sum": "sum",
    "mean_with_sample_weight": "mean_with_sample_weight",
    "mean_over_sequences": "mean_over_sequences",
    "none": "none",
}


class Reduced(NamedTuple):
    """A loss summed over steps, and what it is divided by: both add up over batches.

    Where the reduction is "sum" the divisor is 1, for any number of batches.
    """

    total: Tensor
    divisor: Tensor | float  # a number where no weight and no label decides it

    @property
    def value(self) -> Tensor:
        """Total / divisor; 0 where nothing counted."""
        divisor = self.divisor
        if not isinstance(divisor, Tensor):
            return self.total / divisor if divisor else self.total * 0
        # Not asked in Python, which would wait for the device.
        none = divisor == 0
        return torch.where(none, self.total * 0, self.total / divisor.masked_fill(none, 1))


def known(who: str, reduction: str | None) -> str:
    """The kind of a reduction by this name, or the error that names the nearest."""
    return look_up(who, "reduction", "none" if reduction is None else reduction, _REDUCTIONS)


def reduce(
    losses: Tensor,
    weight: Tensor | None,
    counted: Tensor | None,
    reduction: str,
    layout: Layout | None = None,
) -> Reduced:
    """The weighted sum of the losses that count, and its denominator.

    Args:
        losses: (steps, ...) or (batch, ...), 0 where one does not count.
        weight: as `beside` gives it, or None.
        counted: like the losses, or None where all count.
        reduction: as `known` gives it.
        layout: of the steps; None where rows are sequences.
    """
    weighted = losses if weight is None else losses * weight
    if reduction == "mean_over_sequences":
        return _over_sequences(weighted, counted, layout)
    if reduction == "sum":
        return Reduced(weighted.sum(), 1)
    if reduction == "mean_with_sample_weight" and weight is not None:
        weight = weight.expand_as(losses)
        return Reduced(weighted.sum(), (weight if counted is None else weight * counted).sum())
    if counted is not None:
        return Reduced(weighted.sum(), counted.sum())
    return Reduced(weighted.sum(), losses.numel())


def _over_sequences(losses: Tensor, counted: Tensor | None, layout: Layout | None) -> Reduced:
    """The sum of each sequence's own mean, and the number of sequences that have one."""
    rows = losses.reshape(len(losses), losses.shape[1:].numel())
    entries = torch.ones_like(rows) if counted is None else counted.reshape(rows.shape).to(rows)
    total, number = rows.sum(1), entries.sum(1)
    if layout is not None:
        total, number = segment_sum(total, layout), segment_sum(number, layout)
    return Reduced((total / number.clamp(min=1)).sum(), (number > 0).sum())
