"""A row for each window of rows that follow each other: their mean, or the largest, by feature.

Each way is one call of the library, which reads every row where it lies; torch gathers the rows of
all windows first. 32 sequences of 32 steps of 64 features, windows of two, two cores with AVX-512,
forward and backward: .38 ms became .16.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ragged.numbers import HALF
from . import around, checks
from .library import DTYPES, call
from .paths import Operator, Path, forced
from .structures import words
from .threads import threads


def pool(values: Tensor, first: Tensor, last: Tensor, largest: bool, longest: int) -> Tensor:
    """The mean of each window's rows or, feature by feature, the largest; differentiable.

    A window's bits do not depend on the others, nor any on the number of threads, where the library
    serves. Of equally large rows the first takes the gradient; NaN is the largest. A window without
    rows gives 0.

    Args:
        values: (rows, *feature); the mean of integers is of torch's default type.
        first: (windows,) int64, the first row of each; these and the next never fall.
        last: (windows,) the row behind its last.
        largest: whether the largest is wanted, and not the mean.
        longest: no window has more rows; from 1 on.

    Returns:
        (windows, *feature).

    Raises:
        ValueError: the sizes, types or devices do not go together.
    """
    if not (largest or values.is_floating_point()):
        values = values.to(torch.get_default_dtype())
    given = values, first, last, largest, longest
    if not around.recorded():
        return POOL.choose(values).direct(*given)
    if torch.compiler.is_exporting() or not (values.is_cpu and values.dtype in DTYPES):
        return _torch(*given)
    return POOL.op(*given, forced() or "")


# --- in the library -------------------------------------------------------------------------------


def _called(
    way: str, values: Tensor, first: Tensor, last: Tensor, largest: bool, *written: Tensor
) -> None:
    """`written`: what comes out; backward, what flows back and where it goes."""
    out, d_out, d_values = (written[0], None, None) if way == "forward" else (None, *written)
    rows, count = values.shape[0], first.shape[0]
    held = values.contiguous(), first.contiguous(), last.contiguous()  # until the call is over
    addresses = [0 if t is None else t.data_ptr() for t in (*held, out, d_out, d_values)]
    width = values.shape[1:].numel()
    packed = words((*addresses, rows, count, width, largest))
    call(f"unpad_pooling_{way}", DTYPES[values.dtype], threads(), packed)


def _forward(values: Tensor, first: Tensor, last: Tensor, largest: bool, longest: int) -> Tensor:
    with around.as_tensors():
        checks.pool(values, first, last)
        out = values.new_empty((first.shape[0], *values.shape[1:]))
        _called("forward", values, first, last, largest, out)
    return out


def _backward(d_out: Tensor, values: Tensor, first: Tensor, last: Tensor, largest: bool) -> Tensor:
    with around.as_tensors():
        checks.pool(values, first, last)
        checks.like("pool", "gradients", d_out, (first.shape[0], *values.shape[1:]), values)
        d_values = torch.empty_like(values, memory_format=torch.contiguous_format)
        _called("backward", values, first, last, largest, d_out.contiguous(), d_values)
    return d_values


class _Pooled(around.Direct):
    # No setup_context: see `operator._Eager`.
    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        *tensors, ctx.largest, ctx.longest = given
        ctx.save_for_backward(*tensors)
        return _forward(*given)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (d_out,), (values, first, last) = gradients, ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody differentiates it again
            again = _torch(values, first, last, ctx.largest, ctx.longest)
            (found,) = torch.autograd.grad(again, values, d_out, create_graph=True)
        else:
            found = _backward(d_out, values, first, last, ctx.largest)
        return found, None, None, None, None


def _compiled(values: Tensor, *rest: Any) -> Tensor:
    return (_Pooled.apply if torch.is_grad_enabled() else _forward)(values, *rest)


def _back(gradients: Any, arguments: Any, results: Any, wanted: Any) -> tuple[Tensor | None, ...]:
    """See `paths.Operator.backward`."""
    (d_out,), (values, first, last, largest, _) = gradients, arguments
    return (None if d_out is None else _backward(d_out, values, first, last, largest),)


# --- by torch's operators -------------------------------------------------------------------------


def _torch(values: Tensor, first: Tensor, last: Tensor, largest: bool, longest: int) -> Tensor:
    """The rows of all windows, (windows, longest, *feature), and what is beyond their ends."""
    checks.pool(values, first, last)
    if values.dtype in HALF and not largest:
        return _torch(values.float(), first, last, largest, longest).to(values.dtype)
    beyond = _lowest(values.dtype) if largest else 0
    index = first[:, None] + torch.arange(longest, device=first.device)
    index = index.masked_fill(index >= last[:, None], values.shape[0])
    rows = torch.cat([values, values.new_full((1, *values.shape[1:]), beyond)])
    held = rows.index_select(0, index.reshape(-1)).unflatten(0, index.shape)
    counts = (last - first).reshape(-1, *(1,) * (values.ndim - 1))
    if not largest:
        return held.sum(1) / counts.clamp(min=1).to(values.dtype)
    return _largest(held).masked_fill(counts == 0, 0)


def _largest(held: Tensor) -> Tensor:
    """By feature: of equal rows the first takes the gradient, where amax shares it out."""
    if not (held.requires_grad and torch.is_grad_enabled()) or not held.numel():
        return held.amax(1)
    flat = held.flatten(2) if held.ndim > 2 else held[..., None]
    return F.max_pool1d(flat.transpose(1, 2), held.shape[1]).reshape(-1, *held.shape[2:])


def _lowest(dtype: torch.dtype) -> float:
    """What no number of this type is below."""
    if dtype is torch.bool:
        return False
    return float("-inf") if dtype.is_floating_point else torch.iinfo(dtype).min


def _reference(values: Tensor, first: Tensor, last: Tensor, largest: bool, longest: int) -> Tensor:
    """Window after window."""
    checks.pool(values, first, last)
    rows = [values.sum(0) * 0] * first.shape[0]
    for i, (start, end) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        held = values[start:end]
        if start < end:
            rows[i] = held.max(0).values if largest else held.mean(0)
    return torch.stack(rows) if rows else values[:0]


POOL = Operator(
    "pool",
    [
        Path("compiled", around.values_refused, _forward, _back, direct=_compiled),
        Path("torch", lambda values: None, _torch),
        Path("reference", lambda values: None, _reference),
    ],
    takes="Tensor values, Tensor first, Tensor last, bool largest, SymInt longest",
    gives="Tensor",
    shapes=lambda values, first, *_: values.new_empty((first.shape[0], *values.shape[1:])),
    check=lambda values, first, last, *_: checks.pool(values, first, last),
    followed=("values",),
)
