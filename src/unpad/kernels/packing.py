"""The order in which the torch path walks a batch: longest first, one time after another.

Sorting is this path's private business: the caller's order is never changed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Packing(NamedTuple):
    """Time-major order of the steps, sequences longest first, as cuDNN and PackedSequence have it.

    At time `t` the first `active[t]` rows are still running; their steps are the packed rows from
    `starts[t]` on.
    """

    order: Tensor  # (batch,) the sequence in each row
    active: list[int]  # (longest,) rows at each time
    starts: list[int]  # (longest,) packed row of each time's first step
    rows: Tensor  # (steps,) the row of each packed step
    steps: Tensor  # (directions, steps) the step at each packed row
    previous: Tensor  # (steps,) where h of the time before lies in [h0 rows; packed rows]


def pack(offsets: Tensor, reverse: list[bool]) -> Packing:
    """Works out the order. Costs a sort of the lengths and a few passes over the steps."""
    lengths = offsets.diff()
    order = lengths.argsort(descending=True, stable=True)
    batch, total = len(lengths), int(offsets[-1])
    ended = torch.bincount(lengths).cumsum(0) if batch else lengths
    active = batch - ended[:-1]
    starts = active.cumsum(0) - active
    time = torch.arange(len(active), device=offsets.device)
    time = time.repeat_interleave(active, output_size=total)
    row = torch.arange(total, device=offsets.device) - starts[time]
    sequence = order[row]
    ahead = offsets[sequence] + time
    behind = offsets[sequence + 1] - 1 - time if any(reverse) else ahead
    steps = torch.stack([behind if backwards else ahead for backwards in reverse])
    # Rows of h: first the initial states, one a sequence, then the packed outputs.
    before = torch.where(time > 0, batch + starts[time - 1] + row, row) if total else row
    return Packing(order, active.tolist(), starts.tolist(), row, steps, before)
