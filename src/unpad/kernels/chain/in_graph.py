"""Linear chains in a graph that is made once for all lengths: the functions of `operators`.

Each is a walk or two by torch's `scan`, and its gradient is that of the walk.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...ragged.own import Own
from ..scanned import Step, walk

Tensors = list[Tensor]


def best_path(scores: Tensor, own: Own) -> Tensor:
    """See `operators.best_path`."""
    came_from, (ends,) = _forward(scores, own, _best)
    (path,), _ = walk(_back, [came_from], own, [ends.argmax(-1)], [], backwards=True)
    return path


def log_partition(scores: Tensor, own: Own) -> Tensor:
    """See `operators.log_partition`."""
    _, (state, level) = _forward(scores, own, _summed, levels=True)
    return (state.logsumexp(-1) + level).masked_fill(own.lengths == 0, 0)


def marginals(scores: Tensor, own: Own) -> Tensor:
    """See `operators.marginals`."""
    before, _ = _forward(scores, own, _summed, levels=True)
    zeros = scores.new_zeros(own.batch, scores.shape[-1])
    (after,), _ = walk(_ways_on, [scores], own, [zeros], [], backwards=True)
    return torch.softmax(before + after, -1)


def _forward(
    scores: Tensor, own: Own, step: Step, levels: bool = False
) -> tuple[Tensor, list[Tensor]]:
    """A walk from the start; into a first step there is one way, from row 0."""
    tags = torch.arange(scores.shape[-1], device=scores.device)
    closed = (own.positions == 0)[:, None, None] & (tags > 0)[:, None]
    states = [scores.new_zeros(own.batch, scores.shape[-1])]
    states += [scores.new_zeros(own.batch)] if levels else []
    (outputs,), ends = walk(step, [scores.masked_fill(closed, -torch.inf)], own, states, [])
    return outputs, ends


def _best(rows: Tensors, held: Tensors, _: Tensors) -> tuple[Tensors, Tensors]:
    state, before = (rows[0] + held[0].unsqueeze(2)).max(1)
    return [before], [state - state.amax(-1, keepdim=True)]


def _back(rows: Tensors, held: Tensors, _: Tensors) -> tuple[Tensors, Tensors]:
    now = held[0]
    return [now], [rows[0].gather(1, now.unsqueeze(1)).squeeze(1)]


def _summed(rows: Tensors, held: Tensors, _: Tensors) -> tuple[Tensors, Tensors]:
    """What the sums have in common goes into the level, so that nothing grows with the length."""
    state = torch.logsumexp(rows[0] + held[0].unsqueeze(2), 1)
    level = state.detach().amax(-1)
    state = state - level.unsqueeze(1)
    return [state], [state.clone(), held[1] + level]


def _ways_on(rows: Tensors, held: Tensors, _: Tensors) -> tuple[Tensors, Tensors]:
    state = torch.logsumexp(rows[0] + held[0].unsqueeze(1), 2)
    return [held[0]], [state - state.detach().amax(-1, keepdim=True)]
