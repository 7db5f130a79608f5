"""What tags score, where sequences begin and end, and which entry of the scores a path takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ...ragged.own import Own


class Scores(NamedTuple):
    """What paths of tags score: what the steps' tags do, and what all sequences have in common.

    -inf forbids a tag or a transition.

    Args:
        values: (steps, tags); or (steps, tags, tags), from the tag before to the tag of the step:
            of a sequence's first step, where no tag is before, only row 0 counts.
        transitions: (tags, tags) from the tag before to the next; None for none, and where
            `values` has them.
        start: (tags,) added to a sequence's first step, or None.
        end: (tags,) added to its last, or None.
    """

    values: Tensor
    transitions: Tensor | None = None
    start: Tensor | None = None
    end: Tensor | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> Scores:
        """A function of each."""
        values, *others = self
        return Scores(function(values), *(None if o is None else function(o) for o in others))

    def detach(self) -> Scores:
        """Cut from the gradient."""
        return self.map(Tensor.detach)

    @property
    def dtype(self) -> torch.dtype:
        """The type that torch would add them up in."""
        found = self.values.dtype
        for part in self[1:]:
            if part is not None and part.dtype is not found:  # torch would note it in a graph
                found = torch.promote_types(found, part.dtype)
        return found


def own_of(layout: Own | Tensor) -> Own:
    """Of offsets (batch + 1,) their own; that of a layout as it is."""
    return layout if isinstance(layout, Own) else Own(layout, None, None)


def first_steps(layout: Own | Tensor) -> Tensor:
    """The first step of each sequence that has one."""
    own = own_of(layout)
    return own.derived(("chain", "first"), lambda own: own.offsets[:-1][_there(own)])


def last_steps(layout: Own | Tensor) -> Tensor:
    """The last step of each sequence that has one."""
    own = own_of(layout)
    return own.derived(("chain", "last"), lambda own: own.offsets[1:][_there(own)] - 1)


def _there(own: Own) -> Tensor:
    """Which sequences have a step: by their numbers where the host can tell, else by a mask."""
    counts = own.told_counts
    if counts is None:
        return own.lengths > 0
    return torch.tensor(
        [i for i, n in enumerate(counts) if n], dtype=torch.int64, device=own.device
    )


def pairs_of(scores: Scores, layout: Own | Tensor) -> Tensor:
    """Laid out: (steps, tags, tags), from the tag before; at a first step all rows are alike."""
    values, transitions, start, end = scores
    own = own_of(layout)
    first, last = first_steps(own), last_steps(own)
    if values.ndim == 3:
        if start is not None:
            values = values.index_add(0, first, start.expand(len(first), *values.shape[1:]))
        if end is not None:
            values = values.index_add(0, last, end.expand(len(last), *values.shape[1:]))
        return values
    if end is not None:
        values = values.index_add(0, last, end.expand(last.shape[0], -1))
    opening = values[first] if start is None else values[first] + start
    size = values.shape[-1]
    between = values.unsqueeze(1)
    pairs = between.repeat(1, size, 1) if transitions is None else between + transitions
    return pairs.index_copy_(0, first, opening.unsqueeze(1).expand(-1, size, -1))


def entries(scores: Tensor, own: Own, tags: Tensor) -> Tensor:
    """The entry, of tags * tags, that a path of tags takes at each step: (steps, 1)."""
    before = tags.roll(1).index_fill(0, first_steps(own), 0)
    return (before * scores.shape[-1] + tags).unsqueeze(1)


def only(scores: Tensor, tags: Tensor) -> Tensor:
    """Pairs with -inf wherever a step has another tag than the one it must; -1 may be any."""
    other = torch.arange(scores.shape[-1], device=tags.device) != tags.unsqueeze(-1)
    out = other & (tags >= 0).unsqueeze(-1)
    return scores.masked_fill(out.unsqueeze(1), -torch.inf)
