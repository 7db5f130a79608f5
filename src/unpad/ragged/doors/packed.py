"""torch's PackedSequence, in and out."""

from __future__ import annotations

import torch
from torch.nn.utils.rnn import PackedSequence

from ..layout import Layout
from ..levels import refuse_levels
from ..ragged import Ragged


def from_packed(packed: PackedSequence) -> Ragged:
    """See `Ragged.from_packed`."""
    # batch_sizes[t] rows are active at time t; the row of step (t, j) is the j-th longest sequence.
    active = packed.batch_sizes.to(packed.data.device)
    batch = int(active[0]) if len(active) else 0
    rows = torch.arange(batch, device=active.device)
    lengths = (active[:, None] > rows).sum(0)
    if packed.unsorted_indices is not None:
        order = packed.unsorted_indices
        lengths = lengths[order]
    else:
        order = rows
    layout = Layout._of_lengths(lengths)
    starts = active.cumsum(0) - active
    index = starts[layout.own.positions] + order[layout.own.sequence_ids]
    return Ragged._trusted(packed.data.index_select(0, index), layout)


def to_packed(ragged: Ragged) -> PackedSequence:
    """See `Ragged.to_packed`."""
    refuse_levels(ragged, "Ragged.to_packed")
    lengths = ragged.layout.own.lengths
    empty = (lengths == 0).nonzero()
    if len(empty) or not len(lengths):
        what = f"sequence {int(empty[0])} is empty" if len(empty) else "there is no sequence"
        raise ValueError(
            f"to_packed: {what}, which a PackedSequence cannot hold. Leave such sequences out "
            "first: ragged[ragged.lengths > 0]."
        )
    longest_first = lengths.argsort(descending=True, stable=True)
    layout = ragged.layout
    time = torch.arange(layout.longest, device=lengths.device)
    grid = layout.own.offsets[:-1][longest_first] + time[:, None]
    active = time[:, None] < lengths[longest_first]
    values = ragged.values.index_select(0, grid[active])
    unsorted = longest_first.argsort()
    return PackedSequence(values, active.sum(1).cpu(), longest_first, unsorted)
