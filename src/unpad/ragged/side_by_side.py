"""All sequences side by side in one grid, as a graph needs them that is made once for all lengths.

What runs step by step, or in blocks of like lengths, looks at the lengths first. A graph that
torch.export or torch.compile makes knows none: there the sequences lie in a grid as wide as the
longest, and what is no step is computed on zeros and left out.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .own import Own, whole


class SideBySide(NamedTuple):
    """A grid of the longest sequence's steps, of two slots at least.

    torch treats an axis of size 1 or 0 as another one: with two slots no graph has to know.

    Args:
        slots: of each sequence.
        index: (batch, slots) the step in each slot, the number of all steps where there is none.
        real: (batch, slots) bool, True where there is one.
        at: (steps,) and (steps,): the sequence and the slot of each step.
    """

    slots: int
    index: Tensor
    real: Tensor
    at: tuple[Tensor, Tensor]

    def lay(self, values: Tensor) -> Tensor:
        """(steps, *feature) to (batch, slots, *feature), 0 where there is no step."""
        return torch.cat([values, values.new_zeros(1, *values.shape[1:])])[self.index]

    def take(self, grid: Tensor) -> Tensor:
        """(batch, slots, *feature) to (steps, *feature)."""
        return grid[self.at]


def side_by_side(own: Own, backwards: bool = False) -> SideBySide:
    """The grid of a layout's sequences: made once for it.

    Args:
        own: of the layout.
        backwards: whether each sequence is laid from its own end to its start.
    """
    return own.derived(("side by side", backwards), lambda own: _made(own, backwards))


def _made(own: Own, backwards: bool) -> SideBySide:
    slots = whole(F.pad(own.lengths, (0, 1), value=2).max())
    torch._check(slots >= 2)
    slot = torch.arange(slots, device=own.device)
    lengths = own.lengths[:, None]
    real = slot < lengths
    index = own.offsets[1:, None] - 1 - slot if backwards else own.offsets[:-1, None] + slot
    places = own.positions
    if backwards:
        places = own.lengths.index_select(0, own.sequence_ids) - 1 - places
    return SideBySide(slots, index.where(real, own.steps), real, (own.sequence_ids, places))
