"""Attention by torch's kernel for sequences of different lengths, on a GPU.

`torch.nn.attention.varlen.varlen_attn` (FlashAttention, Dao 2023) takes values and offsets as they
lie here: nothing is laid out, and nothing is waited for where the host knows the longest lengths.
"""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import torch
from torch import Tensor

from .. import around
from ..around import HALF
from .calls import Call

# FlashAttention's own bounds.
_LARGEST, _MULTIPLE = 256, 8


@cache
def _varlen_attn() -> Any:
    """Torch's function; None where this torch has none."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return varlen_attn


def refuses(call: Call) -> str | None:
    """Why varlen_attn does not compute this call; None where it does."""
    query = call.query
    if not query.is_cuda:
        return f"the values lie on {query.device}, and varlen_attn works on a GPU"
    if _varlen_attn() is None:
        return "this torch has no varlen_attn"
    if query.dtype not in HALF:
        return f"it knows half types, the values are {query.dtype}"
    if torch.cuda.get_device_capability(query.device) < (8, 0):
        return "it needs a GPU of compute capability 8.0"
    size = query.shape[-1]
    if size > _LARGEST or size % _MULTIPLE:
        return (
            f"it knows heads of {_MULTIPLE}, {2 * _MULTIPLE}, ... {_LARGEST} features, not {size}"
        )
    if (call.causal or call.window is not None) and not call.alike():
        # torch's kernel counts positions from the ends of both sequences.
        return "with other lengths on the other side it counts positions from the ends"
    if call.pairs is not None:
        return "it knows no mask of pairs of steps"
    return call.opened() or around.refuses()


def attention(call: Call) -> tuple[Tensor, None]:
    """See `operator.attend`; of what `refuses` lets through."""
    run, queries, keys = _varlen_attn(), call.queries.own, call.keys.own
    if not (queries.longest and keys.longest):
        nothing = call.query[:0].sum() + call.key[:0].sum() + call.value[:0].sum()
        return call.query.new_zeros(call.query.shape) + nothing, None
    near = -1 if call.window is None else call.window - 1
    options: dict[str, Any] = {
        "scale": call.scale,
        "window_size": (near, 0 if call.causal else near),
    }
    # A sequence's bits shall not hang on how long the others are.
    known = inspect.signature(run).parameters
    options |= {"num_splits": 1} if "num_splits" in known else {}
    query, key, value = call.with_heads()
    starts = (own.derived(("attention", "int32"), _as_int32) for own in (queries, keys))
    longest = queries.longest, keys.longest
    rows = run(
        query.contiguous(), key.contiguous(), value.contiguous(), *starts, *longest, **options
    )
    return rows, None


def _as_int32(own: Any) -> Tensor:
    return own.offsets.to(torch.int32)
