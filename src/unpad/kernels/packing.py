"""The order in which the torch path walks a batch: longest first, one time after another.

Sorting is this path's private business: the caller's order is never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..ragged.own import Own


class Packing(NamedTuple):
    """Time-major order of the steps, sequences longest first, as cuDNN and PackedSequence have it.

    At time `t` the first `active[t]` rows are still running; their steps are the packed rows from
    `starts[t]` on.
    """

    order: Tensor  # (batch,) the sequence in each row
    back: Tensor  # (batch,) the row of each sequence
    active: list[int]  # (longest,) rows at each time
    starts: list[int]  # (longest,) packed row of each time's first step
    rows: Tensor  # (steps,) the row of each packed step
    steps: Tensor  # (directions, steps) the step at each packed row
    previous: Tensor  # (steps,) where the time before lies in [initial rows; packed rows]

    def times(self) -> Iterator[tuple[slice, int]]:
        """For each time from the first: its packed rows, and how many rows are running."""
        for start, n in zip(self.starts, self.active, strict=True):
            yield slice(start, start + n), n

    def times_back(self) -> Iterator[tuple[slice, int]]:
        """The same from the last time."""
        for start, n in zip(reversed(self.starts), reversed(self.active), strict=True):
            yield slice(start, start + n), n

    def sorted(self, state: Tensor | None, like: Tensor, shape: tuple[int, ...]) -> Tensor:
        """States (directions, batch, ...) in the order of the rows; zeros for None."""
        return like.new_zeros(shape) if state is None else state.index_select(1, self.order)

    def unsorted(self, state: Tensor) -> Tensor:
        """States back in the caller's order."""
        return state.index_select(1, self.back)

    def before(self, initial: Tensor, packed: Tensor) -> Tensor:
        """(directions, steps, hidden): at each packed step, what the time before it held."""
        return torch.cat([initial, packed], 1).index_select(1, self.previous)

    def last(self, own: Own) -> Tensor:
        """(batch,) where the last step of each sequence lies in [initial rows; packed rows]."""
        starts = torch.tensor([-own.batch, *self.starts], device=self.back.device)
        return self.back + own.batch + starts.index_select(0, own.lengths)

    def gather(self, by_step: Tensor, directions: int) -> Tensor:
        """(steps, directions * n) to (directions, steps, n) in packed order."""
        parts = by_step.chunk(directions, 1)
        picked = [p.index_select(0, s) for p, s in zip(parts, self.steps, strict=True)]
        return torch.stack(picked)

    def scatter(self, packed: Tensor) -> Tensor:
        """(directions, steps, n) in packed order to (steps, directions * n)."""
        directions, total, size = packed.shape
        by_step = packed.new_empty(total, directions, size)
        for d, steps in enumerate(self.steps):
            by_step[:, d].index_copy_(0, steps, packed[d])
        return by_step.flatten(1)


def pack(layout: Own | Tensor, reverse: Sequence[bool]) -> Packing:
    """Works out the order: of a layout once, which keeps it, of bare offsets at every call.

    Costs a sort of the lengths, on the host, and a few passes over the steps.
    """
    own = layout if isinstance(layout, Own) else Own(layout, None, None)
    return own.derived(("packing", *reverse), lambda own: _packed(own, reverse))


def _packed(own: Own, reverse: Sequence[bool]) -> Packing:
    """In numpy, whose operators take a fifth of torch's on so few numbers."""
    lengths, order, active, starts = own.derived(("packing", "sorted"), _sorted)
    batch, total = len(lengths), int(active.sum())
    ends = lengths.cumsum()
    time = np.repeat(np.arange(len(active)), active)
    row = np.arange(total) - starts[time]
    sequence = order[row]
    begins = ends - lengths
    steps = np.stack([
        ends[sequence] - 1 - time if backwards else begins[sequence] + time for backwards in reverse
    ])  # fmt: skip
    # Rows of a state: first the initial ones, one a sequence, then the packed ones.
    previous = np.where(time > 0, batch + starts[time - 1] + row, row) if total else row
    back = np.empty_like(order)
    back[order] = np.arange(batch)

    def there(indices: np.ndarray) -> Tensor:
        return torch.from_numpy(indices).to(own.device)

    return Packing(
        there(order), there(back), active.tolist(), starts.tolist(), there(row), there(steps),
        there(previous),
    )  # fmt: skip


def _sorted(own: Own) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lengths; the sequences longest first; how many run at each time; where its first is packed.

    What the host knows of the lengths is enough: no device is waited for.
    """
    lengths = np.array(own.counts, dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    ended = np.bincount(lengths).cumsum() if len(lengths) else lengths
    active = len(lengths) - ended[:-1]
    return lengths, order, active, active.cumsum() - active
