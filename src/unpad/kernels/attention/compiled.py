"""Attention in the library (csrc/attention): on values and offsets as they lie, a tile at a time.

No weights of pairs are kept, but those that are asked for: what is remembered for the way back is a
number a query and head.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

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
from .pairs import Blocks

#: For the way back; the last where they are asked for.
_KEPT = ("out", "logs", "weights")
#: Said to who differentiates again.
_FIRST_ONLY = (
    "attention: the library's kernel has first derivatives only. For a second one run the layer "
    "within unpad.kernels.force('reference'), which computes in torch's own operators."
)


def refuses(asked: Call) -> str | None:
    """Why the library does not compute this call; None where it does."""
    query = asked.query
    # Half types on a CPU are computed in float32; see `around.products_in`.
    here = library.absent() if query.is_cpu and query.dtype in HALF else library.refuses(query)
    return asked.scored() or around.refuses() or here


class _How(NamedTuple):
    """What else a call says.

    Args:
        fields: of the structure, by their names.
        held: tensors that they point to.
        widest: columns of the weights that are asked for; None where they are not.
    """

    fields: dict[str, int]
    held: tuple[Tensor, ...]
    widest: int | None


def attention(asked: Call) -> tuple[Tensor, Tensor | None]:
    """See `operator.attend`; of what `refuses` lets through."""
    query, key, value, queries, keys, *_ = asked
    given = query.dtype
    if given in HALF and key.dtype is given and value.dtype is given:
        query, key, value = around.brought((query, key, value), torch.float32)
    offsets = queries.own.offsets, keys.own.offsets
    found = _Attention.apply(query, key, value, *offsets, _how(asked))
    rows, weights = found if asked.with_weights else (found, None)
    if rows.dtype is not given:
        rows, weights = rows.to(given), None if weights is None else weights.to(given)
    return rows, weights


def _how(asked: Call) -> _How:
    query, scale, pairs, drop = asked.query, asked.scale, asked.pairs, asked.drop
    by = 1 / math.sqrt(query.shape[-1] or 1) if scale is None else float(scale)
    fields = {"causal": int(asked.causal), "window": asked.window or 0, "scale": bits(by)}
    held: tuple[Tensor, ...] = ()
    if isinstance(pairs, Blocks):
        for name, ids, of in zip(("query", "key"), pairs, (query, asked.key), strict=True):
            indices("attention", f"{name}_blocks", ids, (len(of),), query.device)
        held = pairs.as_int32()
        fields |= zip(("query_blocks", "key_blocks"), (t.data_ptr() for t in held), strict=True)
    elif pairs is not None:
        seen, steps = _seen(pairs.made(), asked)
        held = (seen,)
        fields |= {"seen": seen.data_ptr(), "seen_bytes": seen.numel(), **steps}
    if drop is not None:
        fields |= {"rate": bits(float(drop.rate)), "seed": int(drop.seed)}
    return _How(fields, held, asked.keys.longest if asked.with_weights else None)


def _seen(grid: Tensor, asked: Call) -> tuple[Tensor, dict[str, int]]:
    """The grid as it lies in memory, and how far it is from one sequence, head and query on."""
    count, heads, queries, keys = grid.shape
    longest = asked.queries.longest, asked.keys.longest
    batch, of_query = asked.queries.batch, asked.query.shape[1]
    fits = grid.dtype is torch.bool and grid.device == asked.query.device
    if (
        not fits
        or count not in (1, batch)
        or heads not in (1, of_query)
        or (queries, keys) < longest
    ):
        raise ValueError(
            f"attention: expected a mask (1 or {batch}, 1 or {of_query}, *{longest}) bool, got "
            f"{tuple(grid.shape)} {grid.dtype}."
        )
    grid = grid.contiguous()
    return grid, {
        "seen_sequence": heads * queries * keys if count > 1 else 0,
        "seen_head": queries * keys if heads > 1 else 0,
        "seen_query": keys,
    }


class _Attention(around.Direct):
    # No setup_context: see `operator._Eager`.
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Any:
        query, key, value, queries, keys, how = arguments
        _check(query, key, value, queries, keys)
        out = query.new_empty(*query.shape[:2], value.shape[2])
        kept = {"out": out, "logs": query.new_empty(query.shape[:2])}
        if how.widest is not None:
            kept["weights"] = query.new_empty(*query.shape[:2], how.widest)
        _call("unpad_attention_forward", query, key, value, queries, keys, how, **kept)
        if any(ctx.needs_input_grad[:3]):
            ctx.save_for_backward(query, key, value, queries, keys, *kept.values())
            ctx.how = how
        return out if how.widest is None else (out, kept["weights"])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        query, key, value, queries, keys, *kept = ctx.saved_tensors
        _check(query, key, value, queries, keys)
        with torch.no_grad():
            found = [x.new_empty(x.shape) for x in (query, key, value)]
            arrays: dict[str, Tensor] = dict(zip(_KEPT, kept, strict=False))
            for name, of, d in zip(("out", "weights"), kept[::2], gradients, strict=False):
                arrays[f"d_{name}"] = d.contiguous()
                like("attention", f"d_{name}", d, tuple(of.shape), query)
            arrays |= dict(zip(("d_query", "d_key", "d_value"), found, strict=True))
            _call("unpad_attention_backward", query, key, value, queries, keys, ctx.how, **arrays)
        if torch.is_grad_enabled():
            found = once(_FIRST_ONLY, found, [query, key, value, *gradients])
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
    how: _How,
    **arrays: Tensor,
) -> None:
    """Hands pointers over, of what `_check` has let through."""
    (_, heads, size), (steps, key_heads, value_size) = query.shape, value.shape
    rows = [_rows(x) for x in (query, key, value)]
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
        widest=how.widest or 0,
        **how.fields,
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
