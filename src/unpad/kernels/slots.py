"""A linear map of sequences laid out in slots, from their steps alone: the grid is never written.

Row b of the grid holds sequence b's steps in their slots and zeros elsewhere. Its product with a
matrix is a sum over the steps, each times the rows of the matrix that belong to its slot:

    out[b] = bias + sum over the steps s of b of values[s] @ kernel[slot of s]

So the steps of one slot, of all sequences together, are one small product. With 143 of 1,100 slots
filled, 128 sequences and 300 features, the grid has 169 MB, the steps 22.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from . import around, checks
from .groups import by_group
from .library import DTYPES, address, call, serves
from .products import column_sums
from .structures import by_name
from .threads import threads


def serves_slots(values: Tensor) -> bool:
    """Whether the library can compute `linear` for these values."""
    plain = type(values) is Tensor and not torch.compiler.is_compiling() and serves(values)
    return plain and around.nothing()


def linear(
    values: Tensor,
    offsets: Tensor,
    sequence_ids: Tensor,
    slots: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
) -> Tensor:
    """The grid @ kernel + bias, differentiable: (batch, units).

    A sequence's bits do not depend on the others, nor any on the number of threads. An empty
    sequence gives the bias.

    Args:
        values: (steps, feature), which `serves_slots` has agreed to.
        offsets: (batch + 1,).
        sequence_ids: (steps,) the sequence of each step.
        slots: (steps,) the slot of each step.
        kernel: (number of slots * feature, units), of the same type.
        bias: (units,) or None.

    Raises:
        ValueError: the sizes, types or devices do not go together.
    """
    checks.slots(values, offsets, sequence_ids, slots, kernel, bias)
    return _Linear.apply(values, kernel, bias, offsets, sequence_ids, slots)


class _Linear(torch.autograd.Function):
    # No setup_context: see `operator._Eager`.
    @staticmethod
    def forward(
        ctx,
        values: Tensor,
        kernel: Tensor,
        bias: Tensor | None,
        offsets: Tensor,
        sequence_ids: Tensor,
        slots: Tensor,
    ) -> Tensor:
        feature = values.shape[1]
        order, starts = by_group(slots, kernel.shape[0] // max(feature, 1))
        values, kernel = values.contiguous(), kernel.contiguous()
        parts = values.new_empty(len(values), kernel.shape[1])
        offsets, sequence_ids = offsets.contiguous(), sequence_ids.contiguous()
        rows = {"order": order, "starts": starts, "sequence_ids": sequence_ids, "offsets": offsets}
        _call(0, values, kernel, rows, parts=parts)
        if len(offsets) == 1:  # segment_reduce wants a sequence
            out = parts
        else:
            out = torch.segment_reduce(parts, "sum", offsets=offsets, axis=0, initial=0)
        ctx.biased = bias is not None
        ctx.rows = rows
        ctx.save_for_backward(values, kernel)
        return out if bias is None else out.add_(bias)

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, kernel = ctx.saved_tensors
        d_out, d_kernel = gradients[0].contiguous(), torch.empty_like(kernel)
        d_values = torch.empty_like(values) if ctx.needs_input_grad[0] else None
        shape = len(ctx.rows["offsets"]) - 1, kernel.shape[1]
        checks.like("slots.linear", "d_out", d_out, shape, values)
        steps, slots = len(ctx.rows["order"]), len(ctx.rows["starts"]) - 1
        checks.like("slots.linear", "values", values, (steps, values.shape[1]), kernel)
        shape = slots * values.shape[1], kernel.shape[1]
        checks.like("slots.linear", "kernel", kernel, shape, values)
        _call(1, values, kernel, ctx.rows, d_out=d_out, d_kernel=d_kernel, d_values=d_values)
        d_bias = column_sums(d_out) if ctx.biased else None
        return d_values, d_kernel, d_bias, None, None, None


def _call(
    backward: int,
    values: Tensor,
    kernel: Tensor,
    rows: dict[str, Tensor],
    **arrays: Tensor | None,
) -> None:
    arrays |= {"values": values, "kernel": kernel, **rows}
    feature, units = values.shape[1], kernel.shape[1]
    slots = by_name(
        "unpad_slots",
        **{name: address(array) for name, array in arrays.items()},
        steps=len(rows["order"]),
        batch=len(rows["offsets"]) - 1,
        slots=len(rows["starts"]) - 1,
        feature=feature,
        units=units,
    )
    call("unpad_slots_linear", DTYPES[values.dtype], threads(), backward, slots)
