"""What the operators on chains compute: the specification. One sequence, one step at a time."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from ...ragged.own import Own
from .steps import own_of


def _sequences(scores: Tensor, layout: Own | Tensor) -> list[Tensor]:
    """Each one's scores, (steps, tags, tags); into a first step there is one way, from row 0."""
    bounds = own_of(layout).offsets.tolist()
    return [scores[start:end] for start, end in pairwise(bounds)]


def _from_start(scores: Tensor) -> list[Tensor]:
    """The log of the summed ways to each tag, at every step."""
    states = [scores[0, 0]]
    for step in scores[1:]:
        states.append((states[-1][:, None] + step).logsumexp(0))
    return states


def log_partition(scores: Tensor, layout: Own | Tensor, entry: Tensor | None = None) -> Tensor:
    """See `operators.log_partition`; less the score of a path, given by its entries."""
    sequences = _sequences(scores, layout)
    # An empty sum is 0 and still has a gradient.
    totals = [_from_start(one)[-1].logsumexp(0) if len(one) else one.sum() for one in sequences]
    total = torch.stack(totals) if totals else scores.new_zeros(0) + scores.sum()
    if entry is None:
        return total
    taken = scores.flatten(1).gather(1, entry).squeeze(1)
    lengths = [len(one) for one in sequences]
    own = [part.sum() for part in taken.split(lengths)]
    return total - torch.stack(own) if own else total


def marginals(scores: Tensor, layout: Own | Tensor) -> Tensor:
    """See `operators.marginals`."""
    found = [scores[:, 0].softmax(-1)[:0]]
    for one in _sequences(scores, layout):
        after = [one.new_zeros(one.shape[-1])]
        for step in one[1:].flip(0):
            after.append((step + after[-1]).logsumexp(1))
        ways = zip(_from_start(one), reversed(after), strict=True) if len(one) else ()
        found += [(before + on).softmax(-1)[None] for before, on in ways]
    return torch.cat(found)


def best_path(scores: Tensor, layout: Own | Tensor) -> Tensor:
    """See `operators.best_path`."""
    found: list[int] = []
    for one in _sequences(scores, layout):
        if not len(one):
            continue
        state, came_from = one[0, 0], []
        for step in one[1:]:
            state, before = (state[:, None] + step).max(0)
            came_from.append(before)
        path = [int(state.argmax())]
        for before in reversed(came_from):
            path.append(int(before[path[-1]]))
        found += path[::-1]
    return torch.tensor(found, dtype=torch.int64, device=scores.device)
