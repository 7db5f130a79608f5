"""Chains in torch's own operators: all running sequences take a step together.

Longest first, the rows shrink as sequences end. The sums go from both ends at once
(forward-backward, Rabiner 1989), in the log domain and set back on the way, so that nothing grows
with the length. The gradient of a log partition is its marginals: no graph is kept of the walk.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...ragged.own import Own
from ..packing import Packing, pack
from .steps import Scores, entries, first_steps, only, own_of, pairs_of

# So many steps apart the sums are set back to near 0: every step would cost a quarter more, and
# over 8 steps they grow too little to lose digits.
_OFTEN = 8


def log_partition(
    scores: Scores, layout: Own | Tensor, tags: Tensor | None, partly: bool
) -> Tensor:
    """See `reference.log_partition`."""
    own = own_of(layout)
    pairs = pairs_of(scores, own)
    if tags is None or not len(pairs):
        return _summed(pairs, own, None)
    if not partly:
        return _summed(pairs, own, entries(pairs, own, tags))
    fitting = only(pairs, tags)
    # Both are measured from near the paths: a small difference of two sums that grow with the
    # length would be lost in float32.
    level = fitting.detach().amax((1, 2), keepdim=True)
    return _summed(pairs - level, own, None) - _summed(fitting - level, own, None)


def _summed(pairs: Tensor, own: Own, entry: Tensor | None) -> Tensor:
    """The log partition of laid out scores, less the score of a path.

    The path is given as the entry, of tags * tags, that it takes at each step: (steps, 1).
    """
    if not len(pairs):
        # An empty sum is 0 and still has a gradient.
        return pairs.new_zeros(own.batch) + pairs.sum()
    return cast(Tensor, _LogPartition.apply(pairs, own, entry))


def sums(scores: Tensor, own: Own, entry: Tensor | None, keep: bool) -> tuple[Tensor, Tensor]:
    """The same, and with `keep` its gradient: (steps, tags, tags)."""
    if entry is not None:
        # Measured from the path at every step: of two sums that grow with the length, a small
        # difference would be lost in float32.
        scores = scores - scores.flatten(1).gather(1, entry).unsqueeze(2)
    if not keep:
        return _from_start(scores, own), scores.new_zeros(0)
    before, after, total = _from_both_ends(scores, own)
    # Into a first step there is one way, from row 0.
    start = torch.full_like(before[:1], -torch.inf).index_fill_(1, own.offsets[:1], 0)
    first = first_steps(own)
    before = before.roll(1, 0).index_copy_(0, first, start.expand(len(first), -1))
    joint = (scores + before.unsqueeze(2)).add_(after.unsqueeze(1))
    shares = torch.softmax(joint.flatten(1), -1)
    if entry is not None:
        shares.scatter_add_(1, entry, shares.new_full((1, 1), -1).expand(len(entry), 1))
    return total, shares.unflatten(1, scores.shape[1:])


def _of_steps(d_total: Tensor, shares: Tensor, own: Own) -> Tensor:
    return shares * d_total.index_select(0, own.sequence_ids)[:, None, None]


def marginals(scores: Scores, layout: Own | Tensor) -> Tensor:
    """See `operators.marginals`."""
    own = own_of(layout)
    pairs = pairs_of(scores, own)
    if not len(pairs):
        return pairs.sum(1)
    before, after, _ = _from_both_ends(pairs, own)
    return torch.softmax(before + after, -1)


def best_path(chain: Scores, layout: Own | Tensor) -> Tensor:
    """See `operators.best_path`."""
    scores = pairs_of(chain, layout)
    tags = torch.empty(len(scores), dtype=torch.int64, device=scores.device)
    if not len(scores):
        return tags
    packing = pack(layout, [False])
    rows, steps = packing.active[0], packing.steps[0]
    rest = scores.index_select(0, steps[rows:]).transpose(1, 2)
    best, came_from = _maxima(scores[steps[:rows], 0], rest, packing)
    ends = best.argmax(-1)
    now, path = ends[:0], []
    for at, _ in packing.times_back():
        # Those that end at this time join those that go on.
        now = torch.cat([now, ends[at][len(now) :]])
        path.append(now)
        if at.start:
            way = came_from[at.start - rows : at.stop - rows]
            now = way.gather(1, now.unsqueeze(1)).squeeze(1)
    return tags.index_copy_(0, steps, torch.cat(path[::-1]))


class _LogPartition(torch.autograd.Function):
    """`_summed`; what it keeps for the gradient is the gradient."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, own: Own, entry: Tensor | None) -> Tensor:
        total, shares = sums(scores, own, entry, ctx.needs_input_grad[0])
        ctx.save_for_backward(shares)
        ctx.own = own
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (shares,) = ctx.saved_tensors
        return _of_steps(gradients[0], shares, ctx.own), None, None


def _from_start(scores: Tensor, own: Own) -> Tensor:
    """The log partition of each sequence."""
    packing = pack(own, [False])
    rows, steps = packing.active[0], packing.steps[0]
    first = scores[steps[:rows], 0]
    rest = scores.index_select(0, steps[rows:]).transpose(1, 2)
    states, levels = _sums(first[None], rest[None], packing)
    return _total(packing.scatter(states), packing.scatter(levels), own)


def _from_both_ends(scores: Tensor, own: Own) -> tuple[Tensor, Tensor, Tensor]:
    """The walks from the start and from the end, at every step.

    Returns:
        (steps, tags) the log sum over the ways to each tag; the same over the ways on from it, each
        up to a constant of the step; (batch,) the log partition.
    """
    packing = pack(own, [False, True])
    rows, (ahead, back) = packing.active[0], packing.steps
    to_first = scores[ahead[:rows], 0]
    first = torch.stack([to_first, torch.zeros_like(to_first)])
    # Ways to a tag are summed over the tag before, ways on from it over the tag after.
    rest = [
        scores.index_select(0, ahead[rows:]).transpose(1, 2),
        scores.index_select(0, back[rows:] + 1),
    ]
    states, levels = _sums(first, torch.stack(rest), packing)
    before, after = packing.scatter(states).chunk(2, 1)
    return before, after, _total(before, packing.scatter(levels), own)


def _sums(first: Tensor, rest: Tensor, packing: Packing) -> tuple[Tensor, Tensor]:
    """Log sums over all ways to each tag, packed.

    Args:
        first: (directions, rows, tags) at the first time.
        rest: (directions, packed rows of the other times, tags, tags), from the tag in the last
            axis.
        packing: of the steps.

    Returns:
        (directions, steps, tags), less what was taken off on the way; that, (directions, steps, 1).
    """
    state, states = first, [first]
    levels = first.new_zeros(first.shape[0], len(packing.rows), 1)
    parts = rest.split(packing.active[1:], 1)
    for time, (part, n) in enumerate(zip(parts, packing.active[1:], strict=True), 1):
        state = torch.logsumexp(part + state[:, :n].unsqueeze(2), -1)
        if time % _OFTEN == 0:
            level = state.detach().amax(-1, keepdim=True)
            levels[:, packing.starts[time] : packing.starts[time] + n] = level
            state = state - level
        states.append(state)
    return torch.cat(states, 1), levels


def _maxima(first: Tensor, rest: Tensor, packing: Packing) -> tuple[Tensor, Tensor]:
    """The highest score of a way to each tag, packed, and the tag before on it.

    Args:
        first: (rows, tags) at the first time.
        rest: (packed rows of the other times, tags, tags), from the tag in the last axis.
        packing: of the steps.

    Returns:
        (steps, tags) up to a constant of the step; (steps of the other times, tags).
    """
    state = first
    states, came_from = [state], []
    for part, n in zip(rest.split(packing.active[1:]), packing.active[1:], strict=True):
        state, before = (part + state[:n].unsqueeze(1)).max(-1)
        state = state - state.amax(-1, keepdim=True)
        states.append(state)
        came_from.append(before)
    return torch.cat(states), torch.cat([rest.new_empty(0, rest.shape[1]).long(), *came_from])


def _total(before: Tensor, levels: Tensor, own: Own) -> Tensor:
    """The log partition of each sequence.

    Args:
        before: (steps, tags) the log sum over the ways to each tag.
        levels: (steps, directions): what was taken off on the way.
        own: of the layout.
    """
    taken = levels[:, 0].contiguous()
    total = torch.segment_reduce(taken, "sum", offsets=own.offsets, initial=0, unsafe=True)
    at_end = before.index_select(0, (own.offsets[1:] - 1).clamp(min=0)).logsumexp(-1)
    return total + at_end.masked_fill(own.lengths == 0, 0)
