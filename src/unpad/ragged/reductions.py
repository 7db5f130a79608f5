"""Per-sequence reductions: many steps to one row a sequence, by offsets.

Each takes values (steps, *feature) and a layout, and gives (batch, *feature). A sequence's result
is summed in the order of its own steps, so it has the same bits alone and in any batch. Integers
and flags are summed as int64, half precision in float32, whatever comes out.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from .layout import Layout
from .numbers import HALF, as_constant


def spread(rows: Tensor, layout: Layout) -> Tensor:
    """One row a sequence to one row a step: (batch, *feature) to (steps, *feature)."""
    return rows.index_select(0, layout.own.sequence_ids)


def segment_sum(values: Tensor, layout: Layout) -> Tensor:
    """The sum over each sequence's steps; an empty sequence gives 0."""
    if values.dtype in HALF:
        return segment_sum(values.float(), layout).to(values.dtype)
    if values.is_floating_point():
        asked = values.requires_grad and torch.is_grad_enabled() and not in_another_s_hands()
        return _Sum.apply(values, layout) if asked else _segment_reduce(values, layout, "sum", 0)
    values = values.to(torch.int64)
    total = values.new_zeros((layout.batch, *values.shape[1:]))
    return total.index_add_(0, layout.own.sequence_ids, values)


def segment_mean(values: Tensor, layout: Layout) -> Tensor:
    """The mean over each sequence's steps; an empty sequence gives 0."""
    if values.dtype in HALF:
        return segment_mean(values.float(), layout).to(values.dtype)
    if not values.is_floating_point():
        values = values.to(torch.get_default_dtype())
    dtype = values.dtype
    counts = layout.derived(("mean", dtype), lambda own: own.lengths.clamp(min=1).to(dtype))
    return segment_sum(values, layout) / _like_rows(counts, values)


def segment_var(values: Tensor, layout: Layout, correction: float = 0) -> Tensor:
    """The mean square distance from the mean, of steps less `correction`; 0 where none is left."""
    if values.dtype in HALF:
        return segment_var(values.float(), layout, correction).to(values.dtype)
    if not values.is_floating_point():
        values = values.to(torch.get_default_dtype())
    squares = (values - spread(segment_mean(values, layout), layout)).square()
    counts = _like_rows((layout.own.lengths - correction).to(values.dtype), values)
    none_left = counts <= 0
    return segment_sum(squares, layout).masked_fill(none_left, 0) / counts.masked_fill(none_left, 1)


def segment_std(values: Tensor, layout: Layout, correction: float = 0) -> Tensor:
    """The root of the variance; where that is 0, so is the gradient."""
    if values.dtype in HALF:  # whose squares it may not hold
        return segment_std(values.float(), layout, correction).to(values.dtype)
    variance = segment_var(values, layout, correction)
    none = variance == 0
    return variance.masked_fill(none, 1).sqrt().masked_fill(none, 0)


def segment_max(values: Tensor, layout: Layout, empty: float = 0) -> Tensor:
    """The largest value of each sequence, feature by feature; an empty sequence gives `empty`."""
    return _extreme(values, layout, "max", empty)


def segment_min(values: Tensor, layout: Layout, empty: float = 0) -> Tensor:
    """The smallest value of each sequence, feature by feature; an empty sequence gives `empty`."""
    return _extreme(values, layout, "min", empty)


def segment_argmax(values: Tensor, layout: Layout) -> Tensor:
    """Where in its sequence the largest value stands, the first of several; -1 for an empty one."""
    return _first_at(values, layout, segment_max(values.detach(), layout))


def segment_argmin(values: Tensor, layout: Layout) -> Tensor:
    """Where in its sequence the smallest value stands, the first of several; -1 if it is empty."""
    return _first_at(values, layout, segment_min(values.detach(), layout))


def segment_any(values: Tensor, layout: Layout) -> Tensor:
    """Whether a value of the sequence is not 0; False for an empty one."""
    return segment_sum(values != 0, layout) > 0


def segment_all(values: Tensor, layout: Layout) -> Tensor:
    """Whether no value of the sequence is 0; True for an empty one."""
    return segment_sum(values == 0, layout) == 0


def segment_softmax(values: Tensor, layout: Layout) -> Tensor:
    """The softmax over each sequence's own steps, feature by feature: (steps, *feature)."""
    if values.dtype in HALF:
        return segment_softmax(values.float(), layout).to(values.dtype)
    if not values.is_floating_point():
        values = values.to(torch.get_default_dtype())
    # The largest value is taken out before the exponential, so that nothing overflows. It is a
    # constant of the result, hence no gradient through it.
    highest = spread(segment_max(values.detach(), layout), layout)
    weights = (values - highest).exp()
    return weights / spread(segment_sum(weights, layout), layout)


def segment_first(values: Tensor, layout: Layout, empty: float = 0) -> Tensor:
    """Each sequence's first step; an empty sequence gives `empty`."""
    return _pick(values, layout, layout.own.offsets[:-1], empty, "first")


def segment_last(values: Tensor, layout: Layout, empty: float = 0) -> Tensor:
    """Each sequence's last step; an empty sequence gives `empty`."""
    return _pick(values, layout, layout.own.offsets[1:] - 1, empty, "last")


def _like_rows(vector: Tensor, rows: Tensor) -> Tensor:
    return vector.reshape(-1, *(1,) * (rows.ndim - 1))


def _segment_reduce(values: Tensor, layout: Layout, reduce: str, empty: float) -> Tensor:
    own = layout.own
    if values.is_cpu and not in_another_s_hands():
        # Four and ten times as fast as segment_reduce, and of a sequence the same bits.
        if reduce == "sum":
            rows = values.new_zeros((layout.batch, *values.shape[1:]))
            return rows.index_add_(0, own.sequence_ids, values)
        if equal := own.equal:
            grid = values.reshape(layout.batch, equal, *values.shape[1:])
            return grid.amax(1) if reduce == "max" else grid.amin(1)
    flat = values.reshape(values.shape[0], values.shape[1:].numel())
    if layout.batch == 0:
        return values.sum(0, keepdim=True)[:0]
    rows = torch.segment_reduce(
        flat.contiguous(), reduce, offsets=own.offsets, axis=0, initial=empty, unsafe=True
    )
    return rows.reshape(layout.batch, *values.shape[1:])


class _Sum(torch.autograd.Function):
    """The sum of each sequence, whose gradient every step gets: torch's own has no second one."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, layout: Layout) -> Tensor:
        ctx.layout = layout
        return _segment_reduce(values, layout, "sum", 0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return spread(gradients[0], ctx.layout), None


def in_another_s_hands() -> bool:
    """Whether a graph is made, or torch.func or a tangent asks, each of which knows torch's own."""
    return (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
    )


def _extreme(values: Tensor, layout: Layout, reduce: str, empty: float) -> Tensor:
    if type(empty) is not int or empty:
        empty = as_constant(empty, values.dtype, f"Ragged.{reduce}", "empty")
    if values.is_floating_point():
        asked = values.requires_grad and torch.is_grad_enabled()
        rows = (_Extreme.apply if asked else _extreme_of_floats)(values, layout, reduce)
    elif values.dtype == torch.bool:
        return _extreme(values.to(torch.uint8), layout, reduce, empty).to(torch.bool)
    else:
        ids = _like_rows(layout.own.sequence_ids, values).expand_as(values)
        rows = values.new_zeros((layout.batch, *values.shape[1:]))
        rows = rows.scatter_reduce(0, ids, values, f"a{reduce}", include_self=False)
    if layout.own.equal:  # none is empty
        return rows
    return rows.masked_fill(_like_rows(layout.own.lengths == 0, rows), empty)


def _extreme_of_floats(values: Tensor, layout: Layout, reduce: str) -> Tensor:
    beyond = float("-inf") if reduce == "max" else float("inf")
    return _segment_reduce(values, layout, reduce, beyond)


class _Extreme(torch.autograd.Function):
    """The largest or smallest of each sequence, whose gradient equal steps share.

    torch's own derivative of segment_reduce gives each of them all of it where it is negative.
    """

    @staticmethod
    def forward(values: Tensor, layout: Layout, reduce: str) -> Tensor:
        return _extreme_of_floats(values, layout, reduce)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Layout, str], output: Tensor) -> None:
        values, ctx.layout, _ = inputs
        ctx.save_for_backward(values, output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        values, found = ctx.saved_tensors
        layout, shape = ctx.layout, values.shape
        equal = layout.own.equal
        if equal:  # beside all steps of a sequence without being laid out
            values, found = values.reshape(layout.batch, equal, *shape[1:]), found[:, None]
        else:
            found = spread(found, layout)
        # Into floats at once: by way of flags it takes six times as long.
        takes = values.detach().clone().eq_(found.detach())
        many = takes.sum(1) if equal else segment_sum(takes, layout)
        shares = gradients[0] / many.clamp(min=1)
        gradient = takes * (shares[:, None] if equal else spread(shares, layout))
        return gradient.reshape(shape), None, None


def _first_at(values: Tensor, layout: Layout, found: Tensor) -> Tensor:
    wanted = spread(found, layout)
    # NaN is the largest and the smallest, as in torch.
    hits = (values == wanted) | ((values != values) & (wanted != wanted))
    positions = _like_rows(layout.own.positions, values)
    return segment_min(torch.where(hits, positions, layout.longest), layout, -1)


def _pick(values: Tensor, layout: Layout, index: Tensor, empty: float, who: str) -> Tensor:
    if type(empty) is not int or empty:
        empty = as_constant(empty, values.dtype, f"Ragged.{who}", "empty")
    return picked(values, layout, index, layout.own.lengths == 0, empty)


def picked(
    values: Tensor, layout: Layout, index: Tensor, missing: Tensor, empty: float = 0
) -> Tensor:
    """One row of the values for each sequence; `empty` for those that have none there.

    Args:
        values: (steps, *feature).
        layout: of the steps.
        index: (batch,) the row of each sequence; that of a missing one may be anything.
        missing: (batch,) bool.
        empty: a number that the values' type holds.
    """
    if torch.compiler.is_compiling():
        # A graph cannot ask whether there are steps: with a row of zeros more there always are.
        values = torch.cat([values, values.new_zeros(1, *values.shape[1:])])
    elif layout.steps == 0:
        # Nothing to pick from. An empty sum is 0 and still has a gradient.
        none = values.sum(0, keepdim=True).to(values.dtype)
        rows = none.repeat(layout.batch, *(1,) * (values.ndim - 1))
        return rows.masked_fill(_like_rows(missing, rows), empty)
    rows = values.index_select(0, index.masked_fill(missing, 0))
    return rows.masked_fill(_like_rows(missing, rows), empty)
