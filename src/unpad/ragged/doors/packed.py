"""torch's PackedSequence, in and out."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ...errors import shown
from ..layout import Layout
from ..levels import refuse_levels
from ..numbers import as_values
from ..parts import Parts


def from_packed(packed: PackedSequence) -> Parts:
    """See `Ragged.from_packed`."""
    _check(packed)
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
    values = as_values(packed.data, "Ragged.from_packed")
    starts = active.cumsum(0) - active
    index = starts[layout.own.positions] + order[layout.own.sequence_ids]
    return Parts(values.index_select(0, index), layout)


def _check(packed: PackedSequence) -> None:
    """Raises where batch sizes and indices do not describe the data."""
    if not isinstance(packed, PackedSequence):
        raise ValueError(
            f"Ragged.from_packed: expected a PackedSequence, got {type(packed).__name__}."
        )
    sizes, steps = packed.batch_sizes, len(packed.data)
    right = sizes.ndim == 1 and sizes.dtype == torch.int64
    right = right and bool((sizes > 0).all() and (sizes[1:] <= sizes[:-1]).all())
    if not right or int(sizes.sum()) != steps:
        raise ValueError(
            "Ragged.from_packed: expected batch_sizes as (time,) int64 above 0 that never rise "
            f"and sum to the {steps} rows of data, got {shown(sizes.tolist())}."
        )
    batch = int(sizes[0]) if len(sizes) else 0
    order = packed.unsorted_indices
    if order is not None and sorted(order.tolist()) != list(range(batch)):
        raise ValueError(
            f"Ragged.from_packed: expected unsorted_indices as each of 0 to {batch - 1} once, got "
            f"{shown(order.tolist())}."
        )


def to_packed(values: Tensor, layout: Layout) -> PackedSequence:
    """See `Ragged.to_packed`."""
    refuse_levels(values, "Ragged.to_packed")
    lengths = layout.own.lengths
    empty = (lengths == 0).nonzero()
    if len(empty) or not len(lengths):
        what = f"sequence {int(empty[0])} is empty" if len(empty) else "there is no sequence"
        raise ValueError(
            f"to_packed: {what}, which a PackedSequence cannot hold. Leave such sequences out "
            "first: ragged[ragged.lengths > 0]."
        )
    longest_first = lengths.argsort(descending=True, stable=True)
    time = torch.arange(layout.longest, device=lengths.device)
    grid = layout.own.offsets[:-1][longest_first] + time[:, None]
    active = time[:, None] < lengths[longest_first]
    rows = values.index_select(0, grid[active])
    unsorted = longest_first.argsort()
    return PackedSequence(rows, active.sum(1).cpu(), longest_first, unsorted)
