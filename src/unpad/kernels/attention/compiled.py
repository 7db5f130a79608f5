"""Attention in the library (csrc/attention): on values and offsets as they lie, a tile at a time.

No weights of pairs are kept: what is remembered for the way back is a number a query and head.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from torch import Tensor

from ...ragged.numbers import HALF
from .. import around, library
from ..checks import indices, like
from ..library import DTYPES, call
from ..once import once
from ..structures import bits, by_name
from ..threads import threads
from .calls import Call, check_sizes

#: Said to who differentiates again.
_FIRST_ONLY = (
    "attention: the library's kernel has first derivatives only. For a second one run the layer "
    "within unpad.kernels.force('reference'), which computes in torch's own operators."
)


def refuses(asked: Call) -> str | None:
    """Why the library does not compute this call; None where it does."""
    if asked.pairs is not None:
        return "it knows no mask of pairs of steps"
    query = asked.query
    # Half types on a CPU are computed in float32; see `around.products_in`.
    here = library.absent() if query.is_cpu and query.dtype in HALF else library.refuses(query)
    return asked.needs_weights() or around.refuses() or here


def attention(asked: Call) -> tuple[Tensor, None]:
    """See `operator.attend`; of what `refuses` lets through."""
    query, key, value, queries, keys, scale, causal, window, *_ = asked
    given = query.dtype
    if given in HALF and key.dtype is given and value.dtype is given:
        query, key, value = around.brought((query, key, value), torch.float32)
    by = 1 / math.sqrt(query.shape[-1] or 1) if scale is None else float(scale)
    how = by, causal, window or 0
    offsets = queries.own.offsets, keys.own.offsets
    rows = cast(Tensor, _Attention.apply(query, key, value, *offsets, how))
    return rows if rows.dtype is given else rows.to(given), None


class _Attention(around.Direct):
    # No setup_context: see `operator._Eager`.
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        query, key, value, queries, keys, how = arguments
        _check(query, key, value, queries, keys)
        out = query.new_empty(*query.shape[:2], value.shape[2])
        logs = query.new_empty(query.shape[:2])
        _call("unpad_attention_forward", query, key, value, queries, keys, how, out=out, logs=logs)
        if any(ctx.needs_input_grad[:3]):
            ctx.save_for_backward(query, key, value, queries, keys, out, logs)
            ctx.how = how
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        query, key, value, queries, keys, out, logs = ctx.saved_tensors
        _check(query, key, value, queries, keys)
        with torch.no_grad():
            found = [x.new_empty(x.shape) for x in (query, key, value)]
            d_out = gradients[0].contiguous()
            like("attention", "d_out", d_out, tuple(out.shape), query)
            arrays = dict(zip(("d_query", "d_key", "d_value"), found, strict=True))
            arrays |= {"out": out, "logs": logs, "d_out": d_out}
            _call("unpad_attention_backward", query, key, value, queries, keys, ctx.how, **arrays)
        if torch.is_grad_enabled():
            found = once(_FIRST_ONLY, found, [query, key, value, gradients[0]])
        return *found, None, None, None


def _check(query: Tensor, key: Tensor, value: Tensor, queries: Tensor, keys: Tensor) -> None:
    """Compares all sizes, types and devices; the library looks at what the offsets hold."""
    check_sizes(query, key, value)
    for name, tensor in (("key", key), ("value", value)):
        like("attention", name, tensor, tensor.shape, query)
    batch = max(queries.numel(), 1)
    indices("attention", "queries", queries, (batch,), query.device)
    indices("attention", "keys", keys, (batch,), query.device)


def _call(
    function: str,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    queries: Tensor,
    keys: Tensor,
    how: tuple[float, bool, int],
    **arrays: Tensor,
) -> None:
    """Hands pointers over, of what `_check` has let through."""
    (_, heads, size), (steps, key_heads, value_size) = query.shape, value.shape
    rows = [_rows(x) for x in (query, key, value)]
    scale, causal, window = how
    given = dict(zip(("query", "key", "value"), rows, strict=True))
    given |= {"queries": queries.contiguous(), "keys": keys.contiguous(), **arrays}
    packed = by_name(
        "unpad_attention",
        **{name: t.data_ptr() for name, t in given.items()},
        query_steps=query.shape[0],
        key_steps=steps,
        batch=queries.numel() - 1,
        heads=heads,
        key_heads=key_heads,
        size=size,
        value_size=value_size,
        query_step=_step(rows[0]),
        key_step=_step(rows[1]),
        value_step=_step(rows[2]),
        causal=int(causal),
        window=window,
        scale=bits(scale),
    )
    call(function, DTYPES[query.dtype], threads(), packed)


def _rows(x: Tensor) -> Tensor:
    """With a step's numbers in a row, as a part of a projection has them too."""
    _, heads, size = x.shape
    side_by_side = (size < 2 or x.stride(2) == 1) and (heads < 2 or x.stride(1) == size)
    return x if side_by_side and _step(x) >= heads * size else x.contiguous()


def _step(x: Tensor) -> int:
    # Torch may give the only step of all any stride.
    return x.stride(0) if x.shape[0] > 1 else x.shape[1] * x.shape[2]
