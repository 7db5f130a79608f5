"""What the operators on chains compute: the specification. One sequence, one step at a time."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from ...ragged.own import Own
from .steps import Scores, only, own_of, pairs_of


def _sequences(scores: Tensor, layout: Own | Tensor) -> list[Tensor]:
    """Each one's scores, (steps, tags, tags); into a first step there is one way, from row 0."""
    bounds = own_of(layout).offsets.tolist()
    return [scores[start:end] for start, end in pairwise(bounds)]


def _log_sum(scores: Tensor, dim: int) -> Tensor:
    """The log of the summed exp; of nothing but -inf it is -inf, and has no slope.

    torch.logsumexp has the slope NaN there.
    """
    top = scores.detach().amax(dim, keepdim=True)
    top = top.masked_fill(top == -torch.inf, 0)
    sums = (scores - top).exp().sum(dim)
    none = sums == 0
    return (sums.masked_fill(none, 1).log() + top.squeeze(dim)).masked_fill(none, -torch.inf)


def _from_start(scores: Tensor) -> list[Tensor]:
    """The log of the summed ways to each tag, at every step."""
    states = [scores[0, 0]]
    for step in scores[1:]:
        states.append(_log_sum(states[-1][:, None] + step, 0))
    return states


def _total(scores: Tensor) -> Tensor:
    # An empty sum is 0 and still has a gradient.
    return _log_sum(_from_start(scores)[-1], 0) if len(scores) else scores.sum()


def log_partition(
    scores: Scores, layout: Own | Tensor, tags: Tensor | None, partly: bool
) -> Tensor:
    """See `operators.log_partition`; less that of the paths that have these tags.

    -1 is any tag, which `partly` lets be; 0 of a sequence of which none is known.
    """
    pairs = pairs_of(scores, layout)
    totals = []
    known = [None] * len(pairs) if tags is None else tags
    for one, own in zip(_sequences(pairs, layout), _sequences_of(known, layout), strict=True):
        if tags is None:
            totals.append(_total(one))
        elif bool((own >= 0).any()):
            totals.append(_total(one) - _total(only(one, own)))
        else:
            totals.append(one[:0].sum())
    return torch.stack(totals) if totals else pairs.new_zeros(0) + pairs[:0].sum()


def _sequences_of(rows: list[None] | Tensor, layout: Own | Tensor) -> list:
    return [rows[start:end] for start, end in pairwise(own_of(layout).offsets.tolist())]


def marginals(scores: Scores, layout: Own | Tensor) -> Tensor:
    """See `operators.marginals`."""
    pairs = pairs_of(scores, layout)
    found = [pairs[:0, 0]]
    for one in _sequences(pairs, layout):
        after = [one.new_zeros(one.shape[-1])]
        for step in one[1:].flip(0):
            after.append(_log_sum(step + after[-1], 1))
        ways = zip(_from_start(one), reversed(after), strict=True) if len(one) else ()
        for before, on in ways:
            both = before + on
            every = _log_sum(both, 0)
            found.append((both - every.masked_fill(every == -torch.inf, 0)).exp()[None])
    return torch.cat(found)


def best_path(scores: Scores, layout: Own | Tensor) -> Tensor:
    """See `operators.best_path`."""
    found: list[int] = []
    for one in _sequences(pairs_of(scores, layout), layout):
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
    return torch.tensor(found, dtype=torch.int64, device=scores.values.device)


def best_paths(scores: Scores, layout: Own | Tensor, count: int) -> tuple[Tensor, Tensor]:
    """See `operators.best_paths`."""
    found, totals = [], []
    for one in _sequences(pairs_of(scores, layout), layout):
        # Of each tag the best ways to it, from the best down: their scores and their tags.
        ways = [[(0.0, ())]]
        for step in one.tolist():
            ends = []
            for tag in range(one.shape[-1]):
                into = [
                    (score + row[tag], (*path, tag))
                    for row, held in zip(step, ways, strict=False)
                    for score, path in held
                    if score + row[tag] > -torch.inf
                ]
                ends.append(sorted(into, key=lambda way: -way[0])[:count])
            ways = ends
        best = sorted((way for held in ways for way in held), key=lambda way: -way[0])[:count]
        best += [(-torch.inf, (-1,) * len(one))] * (count - len(best))
        totals.append([score for score, _ in best])
        found += [list(tags) for tags in zip(*(path for _, path in best), strict=True)]
    device = scores.values.device
    paths = torch.tensor(found, dtype=torch.int64, device=device).reshape(-1, count)
    return paths, scores.values.new_tensor(totals).reshape(-1, count)


def ctc(scores: Tensor, layout: Own | Tensor, labels: Tensor, label_layout: Own | Tensor) -> Tensor:
    """See `ctc.ctc`. States are the labels, and a blank before, between and after them."""
    totals = []
    spelt = _sequences(labels, label_layout)
    for one, wanted in zip(_sequences(scores, layout), spelt, strict=True):
        states = [c for label in wanted.tolist() for c in (0, label)] + [0]
        if not len(one):
            totals.append(one.sum() if len(states) == 1 else one.sum() + torch.inf)
            continue
        steps = torch.log_softmax(one, -1)[:, states]
        none = steps.new_full((1,), -torch.inf)
        ways = (
            torch.cat([steps[0, :2], none.expand(len(states) - 2)]) if wanted.numel() else steps[0]
        )
        # From a label to the next one, past the blank between, where the two differ.
        past = [i > 1 and c != 0 and c != states[i - 2] for i, c in enumerate(states)]
        out = ~torch.tensor(past, device=steps.device)
        for step in steps[1:]:
            one_on = torch.cat([none, ways[:-1]])
            two_on = torch.cat([none, one_on[:-1]]).masked_fill(out, -torch.inf)
            ways = _log_sum(torch.stack([ways, one_on, two_on]), 0) + step
        totals.append(-_log_sum(ways[-2:], 0))
    return torch.stack(totals) if totals else scores.new_zeros(0) + scores.sum()
