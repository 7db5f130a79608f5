"""Attention between sequences: each step of one looks at the steps of its own other one."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ...ragged import Layout, Ragged
from ..recurrent.recurrent import as_ragged
from .transformer_block import Block, Blocks, blocks_of, in_graph

Batch = Ragged | Tensor
#: (n, heads, queries, d) and (n, heads, keys, d) to (n, heads, queries, keys).
Score = Callable[[Tensor, Tensor], Tensor]


def attend(
    query: Batch,
    key: Batch,
    value: Batch,
    *,
    score: Score | None = None,
    scale: float | None = None,
    causal: bool = False,
    window: int | None = None,
    drop: Callable[[Tensor], Tensor] | None = None,
    with_weights: bool = False,
) -> tuple[Batch, Batch | None]:
    """For each query the mean of its sequence's values, weighted by softmax(score(query, key)).

    Sequences are computed in blocks of nearly equal lengths, never one with another, so the cost
    follows the pairs of real steps. A query whose sequence has nothing to look at gets 0, and so
    does one that `causal` or `window` leave nothing. Formula: Vaswani et al. (2017), section 3.2.

    Args:
        query: Ragged (batch, steps*, heads, d), dense (batch, time, heads, d), or one query a
            sequence, (batch, heads, d).
        key: Ragged or dense, with its own lengths, (heads, d) a step; with fewer heads each serves
            several of the query's.
        value: on the key's steps, (heads, any size).
        score: of blocks; by default the dot product times `scale`.
        scale: of the dot product; by default 1 / sqrt(d).
        causal: a query looks at keys at its own position and before, both counted from the
            sequence's first step.
        window: a query looks at keys less than this many positions away.
        drop: applied to the weights before the values are summed.
        with_weights: whether the weights come out too.

    Returns:
        One row for each query; and the weights as (heads, keys) for each query, keys up to the
        longest sequence's, 0 beyond a sequence's own. Without `with_weights` None.
    """
    alone = not isinstance(query, Ragged) and query.ndim == 3
    asking, rebuild = as_ragged(query[:, None] if alone and isinstance(query, Tensor) else query)
    (keys, _), (values, _) = as_ragged(key), as_ragged(value)
    steps = (asking.values, *_with_heads(asking, keys, values))
    if torch.compiler.is_compiling():
        q, k, v = (F.pad(x, (0, 0, 0, 0, 0, 1)) for x in steps)
        steps = q, k, v
        blocks = in_graph(asking.layout, keys.layout)
    else:
        blocks = blocks_of(asking.layout, keys.layout)
    visible = _Visible(causal, window, alike=asking.layout.own.offsets is keys.layout.own.offsets)
    # Where values are of another size than keys, torch has no kernel and would do as `_in_steps`
    # does, with a softmax whose gradient has other bits with other threads.
    served = asking.feature[-1] == values.feature[-1]
    if score is None and drop is None and not with_weights and served:
        rows, weights = _fused(*steps, blocks, visible, scale), None
    else:
        score = score or _dot(scale)
        wide = keys.layout.longest if with_weights else None
        rows, weights = _in_steps(*steps, blocks, visible, score, drop, wide)

    def back(rows: Tensor) -> Batch:
        out = rebuild(asking.with_values(rows))
        return out[:, 0] if alone and isinstance(out, Tensor) else out

    return back(rows), None if weights is None else back(weights)


def _with_heads(query: Ragged, key: Ragged, value: Ragged) -> tuple[Tensor, Tensor]:
    times = query.feature[0] // key.feature[0]
    if times == 1:
        return key.values, value.values
    return key.values.repeat_interleave(times, 1), value.values.repeat_interleave(times, 1)


class _Visible:
    """Which keys each query of a block may look at."""

    def __init__(self, causal: bool, window: int | None, alike: bool) -> None:
        self.causal, self.window, self.alike = causal, window, alike

    def by_torch(self, block: Block) -> bool:
        """Whether torch's own causal mask says it all: spare slots lie after every real query."""
        return self.causal and self.window is None and (self.alike or block.real is None)

    def mask(self, block: Block, device: torch.device) -> Tensor | None:
        """(count or 1, 1, queries or 1, keys), True where visible; None where all are."""
        mask = block.real
        if self.causal or self.window is not None:
            near = torch.ones(block.queries, block.keys, dtype=torch.bool, device=device)
            if self.causal:
                near = near.tril()
            if self.window is not None:
                near = near.tril(self.window - 1).triu(1 - self.window)
            mask = near[None, None] if mask is None else mask & near
        return mask

    def blind(self, mask: Tensor | None, block: Block) -> Tensor | None:
        """Queries that see nothing.

        A window beyond a shorter sequence's end leaves them, and a sequence without keys.
        """
        if mask is None or (self.window is None and not block.keyless):
            return None
        return ~mask.any(-1, keepdim=True)


def _fused(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    blocks: Blocks,
    visible: _Visible,
    scale: float | None,
) -> Tensor:
    """By torch's kernel, which never holds the weights of all pairs."""
    out = []
    for block in blocks.blocks:
        laid = _lay_out(query, key, value, block)
        by_torch = visible.by_torch(block)
        mask = None if by_torch else visible.mask(block, query.device)
        blind = visible.blind(mask, block)
        if blind is not None and mask is not None:
            mask = mask | blind
        rows = F.scaled_dot_product_attention(*laid, mask, is_causal=by_torch, scale=scale)
        out.append(_as_slots(rows if blind is None else rows.masked_fill(blind, 0)))
    return _take(out, blocks, query, value, value.shape[1:])


def _in_steps(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    blocks: Blocks,
    visible: _Visible,
    score: Score,
    drop: Callable[[Tensor], Tensor] | None,
    wide: int | None,
) -> tuple[Tensor, Tensor | None]:
    """With the weights of a block in the open."""
    out, shown = [], []
    for block in blocks.blocks:
        q, k, v = _lay_out(query, key, value, block)
        scores = score(q, k)
        mask = visible.mask(block, query.device)
        blind = visible.blind(mask, block)
        if mask is not None:
            scores = scores.masked_fill(~(mask if blind is None else mask | blind), -math.inf)
        weights = _softmax(scores)
        if blind is not None:
            weights = weights.masked_fill(blind, 0)
        if wide is not None:
            shown.append(_as_slots(F.pad(weights, (0, wide - block.keys))))
        out.append(_as_slots((weights if drop is None else drop(weights)) @ v))
    rows = _take(out, blocks, query, value, value.shape[1:])
    if wide is None:
        return rows, None
    return rows, _take(shown, blocks, query, key, torch.Size([query.shape[1], wide]))


def _softmax(scores: Tensor) -> Tensor:
    return _Softmax.apply(scores)  # pyright: ignore[reportReturnType]


class _Softmax(torch.autograd.Function):
    """The softmax over keys; torch's own gives other bits on the way back with other threads."""

    @staticmethod
    def forward(ctx, scores: Tensor) -> Tensor:
        weights = scores.softmax(-1)
        ctx.save_for_backward(weights)
        return weights

    @staticmethod
    def backward(ctx, *gradients: Tensor) -> Tensor:
        (weights,) = ctx.saved_tensors
        parts = gradients[0] * weights
        return parts - weights * parts.sum(-1, keepdim=True)


def _dot(scale: float | None) -> Score:
    def score(query: Tensor, key: Tensor) -> Tensor:
        by = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
        return (query * by) @ key.mT

    return score


def _lay_out(
    query: Tensor, key: Tensor, value: Tensor, block: Block
) -> tuple[Tensor, Tensor, Tensor]:
    """The block's steps as (count, heads, slots, d)."""

    def laid(steps: Tensor, index: Tensor | None, slots: int) -> Tensor:
        rows = steps if index is None else steps.index_select(0, index)
        return rows.unflatten(0, (block.count, slots)).transpose(1, 2)

    of_keys = block.key_steps
    return (
        laid(query, block.query_steps, block.queries),
        laid(key, of_keys, block.keys),
        laid(value, of_keys, block.keys),
    )


def _as_slots(rows: Tensor) -> Tensor:
    """(count, heads, slots, d) to (count * slots, heads, d)."""
    return rows.transpose(1, 2).flatten(0, 1)


def _take(
    out: list[Tensor], blocks: Blocks, query: Tensor, other: Tensor, feature: torch.Size
) -> Tensor:
    """Each query's own row out of all slots; 0 for a query that is in no block."""
    if not out:
        # Nothing was looked at; the sums of nothing keep the gradient's way open.
        nothing = query[:0].sum() + other[:0].sum()
        return query.new_zeros((query.shape[0], *feature)) + nothing
    if blocks.places is None:
        return out[0]
    if not blocks.complete:
        out = [*out, out[0].new_zeros((1, *feature))]
    slots = out[0] if len(out) == 1 else torch.cat(out)
    return slots.index_select(0, blocks.places)


def layouts_of(*batches: Batch) -> list[Layout]:
    """The layout of each; a dense batch's sequences are all alike."""
    return [as_ragged(x)[0].layout for x in batches]
