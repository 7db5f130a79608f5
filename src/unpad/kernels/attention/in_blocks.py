"""Attention in blocks of nearly equal lengths, in torch's own operators.

Sequences are computed side by side, never one with another, so the cost follows the pairs of real
steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import around
from ..once import once
from .blocks import Block, Blocks, blocks_of
from .blocks import in_graph as blocks_in_graph
from .calls import Call, dot


def fused(call: Call) -> tuple[Tensor, None]:
    """By torch's kernel, which never holds the weights of all pairs."""
    return _fused(call, blocks_of(call.queries, call.keys)), None


def in_the_open(call: Call) -> tuple[Tensor, Tensor | None]:
    """With the weights of a block in the open."""
    return _in_steps(call, blocks_of(call.queries, call.keys))


def in_one_block(call: Call) -> tuple[Tensor, Tensor | None]:
    """Of all sequences together, for a graph that is made once for all lengths."""
    steps = (F.pad(x, (0, 0, 0, 0, 0, 1)) for x in (call.query, call.key, call.value))
    query, key, value = steps
    call = call._replace(query=query, key=key, value=value)
    blocks = blocks_in_graph(call.queries, call.keys)
    return _in_steps(call, blocks) if call.opened() else (_fused(call, blocks), None)


#: Said to who differentiates again.
_FIRST_ONLY = (
    "attention: torch's kernel has first derivatives only. For a second one run the layer within "
    "unpad.kernels.force('reference'), which computes in torch's own operators."
)


class _Visible:
    """Which keys each query of a block may look at."""

    def __init__(self, call: Call) -> None:
        self.causal, self.window, self.alike = call.causal, call.window, call.alike()
        self.pairs, self.steps = call.pairs, (call.query.shape[0], call.key.shape[0])

    def by_torch(self, block: Block) -> bool:
        """Whether torch's own causal mask says it all: spare slots lie after every real query."""
        alone = self.window is None and self.pairs is None
        return self.causal and alone and (self.alike or block.real is None)

    def mask(self, block: Block, device: torch.device) -> Tensor | None:
        """(count or 1, 1 or heads, queries or 1, keys), True where visible; None where all are."""
        mask = block.real
        if self.causal or self.window is not None:
            near = torch.ones(block.queries, block.keys, dtype=torch.bool, device=device)
            if self.causal:
                near = near.tril()
            if self.window is not None:
                near = near.tril(self.window - 1).triu(1 - self.window)
            mask = near[None, None] if mask is None else mask & near
        if self.pairs is not None:
            shown = self.pairs(*block.steps(device, *self.steps))
            mask = shown if mask is None else mask & shown
        return mask

    def blind(self, mask: Tensor | None, block: Block) -> Tensor | None:
        """Queries that see nothing.

        A window beyond a shorter sequence's end leaves them, a sequence without keys, and pairs.
        """
        leave_some = self.window is not None or self.pairs is not None or block.keyless
        if mask is None or not leave_some:
            return None
        return ~mask.any(-1, keepdim=True)


def _fused(call: Call, blocks: Blocks) -> Tensor:
    visible, out = _Visible(call), []
    query, key, value = call.with_heads()
    for block in blocks.blocks:
        laid = _lay_out(query, key, value, block)
        _differentiate_once(laid)
        by_torch = visible.by_torch(block)
        mask = None if by_torch else visible.mask(block, query.device)
        blind = visible.blind(mask, block)
        if blind is not None and mask is not None:
            mask = mask | blind
        rows = F.scaled_dot_product_attention(*laid, mask, is_causal=by_torch, scale=call.scale)
        out.append(_as_slots(rows if blind is None else rows.masked_fill(blind, 0)))
    return _take(out, blocks, query, value, value.shape[1:])


def _differentiate_once(laid: Sequence[Tensor]) -> None:
    """Has a second derivative, which torch's kernel has not, say what to do."""
    if torch.is_grad_enabled() and not around.recorded() and around.nothing():
        for x in laid:
            if x.requires_grad:
                x.register_hook(_first_only)


def _first_only(gradient: Tensor | None) -> Tensor | None:
    # A gradient requires grad only where a second derivative may be asked for.
    followed = gradient is not None and gradient.requires_grad
    return once(_FIRST_ONLY, [gradient])[0] if followed else gradient


def _in_steps(call: Call, blocks: Blocks) -> tuple[Tensor, Tensor | None]:
    visible, out, shown = _Visible(call), [], []
    query, key, value = call.with_heads()
    score, drop = call.score or dot(call.scale), call.drop
    wide = call.keys.longest if call.with_weights else None
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
        if drop is not None:
            asking, _ = block.steps(query.device, *visible.steps)
            weights = weights * drop.kept(asking, block.keys, query.shape[1], weights.dtype)
        out.append(_as_slots(weights @ v))
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
        # Nothing was looked at. Empty sums are 0 and still have gradients.
        nothing = query[:0].sum() + other[:0].sum()
        return query.new_zeros((query.shape[0], *feature)) + nothing
    if blocks.places is None:
        return out[0]
    if not blocks.complete:
        out = [*out, out[0].new_zeros((1, *feature))]
    slots = out[0] if len(out) == 1 else torch.cat(out)
    return slots.index_select(0, blocks.places)
