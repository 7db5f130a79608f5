"""From step to step within each sequence: the running sum, differences, shifts, the way back.

Each takes values (steps, *feature) and a layout. A sequence's ends are its own: nothing comes from
a neighbour.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .layout import Layout
from .numbers import HALF
from .reductions import spread


def running_sum(values: Tensor, layout: Layout) -> Tensor:
    """(steps, *feature): the sum of a sequence's steps up to each, that step included.

    Integers and flags as int64, half precision in float32. Each sequence is summed by itself, in
    the order of its steps, so that it has the same bits alone and in any batch. Costs a grid of the
    longest sequence.
    """
    kind = values.dtype
    if not kind.is_floating_point:
        kind = torch.int64
    wide = torch.float32 if kind in HALF else kind
    own = layout.own
    at = own.sequence_ids, own.positions
    grid = values.new_zeros((layout.batch, layout.longest, *values.shape[1:]), dtype=wide)
    return grid.index_put(at, values.to(wide)).cumsum(1)[at].to(kind)


def shifted(values: Tensor, layout: Layout, by: int, fill: float) -> Tensor:
    """(steps, *feature): what stood `by` steps before each, `fill` where that is no step."""
    own = layout.own
    before = own.positions - by
    missing = before < 0 if by >= 0 else before >= spread(own.lengths, layout)
    index = torch.arange(layout.steps, device=layout.device) - by
    rows = values.index_select(0, index.masked_fill(missing, 0))
    return rows.masked_fill(missing.reshape(-1, *(1,) * (rows.ndim - 1)), fill)


def turned(layout: Layout) -> Tensor:
    """(steps,) the step that comes at each place when every sequence is read from its end."""
    offsets = layout.own.offsets
    ends = spread(offsets[:-1] + offsets[1:] - 1, layout)
    return ends - torch.arange(layout.steps, device=layout.device)
