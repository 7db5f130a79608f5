"""Which pairs of steps may look at each other beside what `causal` and `window` say.

Each kind tells torch's ways which pairs of some steps are visible, and the library what it reads:
an id a step, or a grid of bool over places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ...ragged import Layout


class Blocks(NamedTuple):
    """A step looks at those of its own block.

    Args:
        queries: (steps,) int64, the block of each asking step.
        keys: (steps,) of each that is looked at.
    """

    queries: Tensor
    keys: Tensor

    def __call__(self, asking: Tensor, looked_at: Tensor) -> Tensor:
        """(count, queries) and (count, keys) steps to (count, 1, queries, keys) bool."""
        return (self.queries[asking][:, :, None] == self.keys[looked_at][:, None])[:, None]

    def as_int32(self) -> tuple[Tensor, Tensor]:
        """Both in 32 bits: other numbers for the same blocks."""
        both = torch.cat([self.queries, self.keys])
        if both.numel():
            low, high = both.aminmax()
            # Beyond 2^63 apart the difference is below 0.
            near = 0 <= int(high) - int(low) < 2**31
            both = both - low if near else both.unique(return_inverse=True)[1]
        queries, keys = both.int().split([len(self.queries), len(self.keys)])
        return queries, keys


class Grid(NamedTuple):
    """What a grid over the places of both sides says.

    Args:
        of_steps: (count, queries) and (count, keys) steps to (count, 1 or heads, queries, keys).
        made: gives the grid, (batch or 1, heads or 1, queries, keys) bool, over all places of the
            longest sequences; asked for where all of it is needed.
    """

    of_steps: Callable[[Tensor, Tensor], Tensor]
    made: Callable[[], Tensor]

    def __call__(self, asking: Tensor, looked_at: Tensor) -> Tensor:
        """As `of_steps`."""
        return self.of_steps(asking, looked_at)


Pairs = Blocks | Grid


def by_places(seen: Tensor, queries: Layout, keys: Layout) -> Tensor:
    """A grid over slots as one over places, which count steps and no holes.

    Args:
        seen: (batch or 1, heads or 1, time of queries, time of keys).
        queries: of the asking steps.
        keys: of those looked at.
    """
    if queries.own.slots is None and keys.own.slots is None:
        return seen
    rows, columns = (_slots_at_places(layout) for layout in (queries, keys))
    of = torch.arange(len(rows), device=seen.device)[:, None, None]
    whole = seen.expand(len(rows), *seen.shape[1:])
    return whole[of, :, rows[:, :, None], columns[:, None]].movedim(-1, 1)


def _slots_at_places(layout: Layout) -> Tensor:
    """(batch, longest) the slot at each place, 0 where a sequence has none."""
    own = layout.own
    slots = own.places.new_zeros(layout.batch, own.longest)
    slots[own.sequence_ids, own.positions] = own.places
    return slots
