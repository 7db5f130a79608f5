"""A linear map of sequences laid out in slots, from their steps alone: the grid is never written.

Row b of the grid holds sequence b's steps in their slots and zeros elsewhere. Its product with a
matrix is a sum over the steps, each times the rows of the matrix that belong to its slot:

    out[b] = bias + sum over the steps s of b of values[s] @ kernel[slot of s]

So the steps of one slot, of all sequences together, are one small product. With 143 of 1,100 slots
filled, 128 sequences and 300 features, the grid has 169 MB, the steps 22.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from . import around, checks, products
from .groups import by_group
from .library import DTYPES, address, call
from .paths import Operator, Path
from .products import column_sums
from .structures import by_name
from .threads import threads


def serves_slots(values: Tensor) -> bool:
    """Whether the library can compute `linear` for these values."""
    return not around.recorded() and around.values_refused(values) is None


def linear(
    values: Tensor,
    offsets: Tensor,
    sequence_ids: Tensor,
    slots: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
) -> Tensor:
    """The grid @ kernel + bias, differentiable: (batch, units).

    A sequence's bits do not depend on the others, nor any on the number of threads, where the
    library serves. An empty sequence gives the bias.

    Args:
        values: (steps, feature).
        offsets: (batch + 1,).
        sequence_ids: (steps,) the sequence of each step.
        slots: (steps,) the slot of each step.
        kernel: (number of slots * feature, units), of the same type.
        bias: (units,) or None.

    Raises:
        ValueError: the sizes, types or devices do not go together.
    """
    checks.slots(values, offsets, sequence_ids, slots, kernel, bias)
    given = values, offsets, sequence_ids, slots, kernel, bias
    return SLOTS_LINEAR(*given) if around.recorded() else SLOTS_LINEAR.choose(values).direct(*given)


def _compiled(values: Tensor, offsets: Tensor, ids: Tensor, slots: Tensor, *rest: Any) -> Tensor:
    return _Linear.apply(values, *rest, offsets, ids, slots)


def _torch(
    values: Tensor,
    offsets: Tensor,
    sequence_ids: Tensor,
    slots: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
) -> Tensor:
    """The grid is written."""
    batch, feature = len(offsets) - 1, values.shape[1]
    count = kernel.shape[0] // max(feature, 1)
    grid = values.new_zeros(batch, count, feature).index_put((sequence_ids, slots), values)
    return products.linear(grid.reshape(batch, count * feature), kernel, bias)


def _reference(
    values: Tensor,
    offsets: Tensor,
    sequence_ids: Tensor,
    slots: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
) -> Tensor:
    """Step after step, each times the rows of its slot."""
    feature = values.shape[1]
    zero = values.new_zeros(kernel.shape[1])
    out = [zero if bias is None else bias] * (len(offsets) - 1)
    for row, sequence, slot in zip(values, sequence_ids.tolist(), slots.tolist(), strict=True):
        out[sequence] = out[sequence] + row @ kernel[slot * feature : (slot + 1) * feature]
    return torch.stack(out) if out else zero.new_zeros(0, kernel.shape[1])


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
        rows = _rows(values, kernel, offsets, sequence_ids, slots)
        offsets = rows["offsets"]
        values, kernel = values.contiguous(), kernel.contiguous()
        parts = values.new_empty(len(values), kernel.shape[1])
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
        wanted = ctx.needs_input_grad[0]
        found = _backward(gradients[0], values, kernel, ctx.rows, ctx.biased, wanted)
        return *found, None, None, None


def _rows(
    values: Tensor, kernel: Tensor, offsets: Tensor, sequence_ids: Tensor, slots: Tensor
) -> dict[str, Tensor]:
    """Which steps lie in each slot, and whose they are."""
    order, starts = by_group(slots, kernel.shape[0] // max(values.shape[1], 1))
    offsets, sequence_ids = offsets.contiguous(), sequence_ids.contiguous()
    return {"order": order, "starts": starts, "sequence_ids": sequence_ids, "offsets": offsets}


def _backward(
    d_out: Tensor,
    values: Tensor,
    kernel: Tensor,
    rows: dict[str, Tensor],
    biased: bool,
    wanted: bool,
) -> tuple[Tensor | None, Tensor, Tensor | None]:
    """The gradients of values, where it is wanted, of the kernel and of the bias."""
    d_out, d_kernel = d_out.contiguous(), torch.empty_like(kernel)
    d_values = torch.empty_like(values) if wanted else None
    shape = len(rows["offsets"]) - 1, kernel.shape[1]
    checks.like("slots.linear", "d_out", d_out, shape, values)
    steps, slots = len(rows["order"]), len(rows["starts"]) - 1
    checks.like("slots.linear", "values", values, (steps, values.shape[1]), kernel)
    shape = slots * values.shape[1], kernel.shape[1]
    checks.like("slots.linear", "kernel", kernel, shape, values)
    _call(1, values, kernel, rows, d_out=d_out, d_kernel=d_kernel, d_values=d_values)
    return d_values, d_kernel, column_sums(d_out) if biased else None


def _back(gradients: Any, arguments: Any, results: Any, wanted: Any) -> tuple[Tensor | None, ...]:
    """See `paths.Operator.backward`."""
    (d_out,), (values, offsets, sequence_ids, slots, kernel, _) = gradients, arguments
    if d_out is None:
        return None, None, None
    values, kernel = values.contiguous(), kernel.contiguous()
    rows = _rows(values, kernel, offsets, sequence_ids, slots)
    return _backward(d_out, values, kernel, rows, wanted[2], wanted[0])


def _shapes(values: Tensor, offsets: Tensor, *rest: Any) -> Tensor:
    return values.new_empty(offsets.shape[0] - 1, rest[2].shape[1])


SLOTS_LINEAR = Operator(
    "slots_linear",
    [
        Path("compiled", around.values_refused, _compiled, _back),
        Path("torch", lambda values: None, _torch),
        Path("reference", lambda values: None, _reference),
    ],
    takes="Tensor values, Tensor offsets, Tensor sequence_ids, Tensor slots, Tensor kernel, "
    "Tensor? bias",
    gives="Tensor",
    shapes=_shapes,
    check=checks.slots,
    followed=("values", "kernel", "bias"),
)


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
