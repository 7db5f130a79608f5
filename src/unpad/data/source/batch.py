"""Where batches come from: what lies in memory, checked once, with targets and weights beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ...ragged import Layout, Ragged
from ...ragged.levels import innermost, take_rows
from ...ragged.without import still_without

Column = Ragged | Tensor


class Source(Protocol):
    """What sequences can be taken from."""

    @property
    def lengths(self) -> Tensor | None:
        """(n,) steps of each sequence; None where there are no sequences."""
        ...

    @property
    def steps(self) -> int:
        """Real steps in all; rows where there are no sequences."""
        ...

    def __len__(self) -> int:
        """The number of sequences."""
        ...

    def take(self, sequences: Tensor, device: torch.device) -> Batch:
        """These sequences, with their targets and weights, on the device."""
        ...


@dataclass(frozen=True)
class Batch:
    """Inputs, targets and weights: a batch, or all of them, which is a source in memory.

    Padding is gone, and targets and weights stand beside the steps.

    Shapes: inputs Ragged or (n, ...); for each output a target, Ragged where the model gives
    something for each step, else (n, ...), and a weight, None, (n,) or like the target.

    Args:
        inputs: as the model is fed, in its order; None for an optional one that is not there.
        targets: one for each output; None where it has no loss.
        weights: one for each output; None for 1 each.
        lengths: (n,) steps of each sequence; None where there are no sequences.
        steps: real steps in all; rows where there are no sequences.
    """

    inputs: Sequence[Column | None]
    targets: Sequence[Column | None] = ()
    weights: Sequence[Column | None] = ()
    lengths: Tensor | None = None
    steps: int = 0

    def __len__(self) -> int:
        """The number of sequences."""
        return len(self.first)

    @property
    def first(self) -> Column:
        """The first input that is there."""
        return next(x for x in self.inputs if x is not None)

    @property
    def x(self) -> Any:
        """What the model is called with: the input, or a list of several."""
        return self.inputs[0] if len(self.inputs) == 1 else list(self.inputs)

    def take(self, sequences: Tensor, device: torch.device) -> Batch:
        """These sequences, with their targets and weights, on the device."""
        taken: dict[int, tuple[Layout, Tensor]] = {}

        def pick(part: Column | None) -> Any:
            if part is None:
                return None
            if not isinstance(part, Ragged):
                return part.index_select(0, sequences).to(device)
            # What shares a layout goes on sharing it: its indices are made once a batch.
            key = id(part.layout)
            if key not in taken:
                layout, steps = part.layout.take(sequences)
                taken[key] = layout.to(device), steps
            layout, steps = taken[key]
            picked = Ragged._trusted(take_rows(part.values, steps).to(device), layout)
            return still_without(picked, part)

        lengths = self.lengths
        steps = len(sequences) if lengths is None else int(lengths.numpy()[sequences.numpy()].sum())
        x, y, weight = ([*map(pick, parts)] for parts in (self.inputs, self.targets, self.weights))
        return Batch(x, y, weight, None, steps)

    def whole(self, device: torch.device) -> Batch:
        """All sequences as `take` gives them in their order: copies, but not gathered."""

        def copy(part: Column | None) -> Any:
            if not isinstance(part, Ragged):
                return None if part is None else part.detach().to(device, copy=True)
            copied = Ragged._trusted(copy(part.values), part.layout.to(device))
            return still_without(copied, part)

        x, y, weight = ([*map(copy, part)] for part in (self.inputs, self.targets, self.weights))
        return Batch(x, y, weight, None, self.steps)

    @property
    def nbytes(self) -> int:
        """Of the values."""
        parts = [
            innermost(p) for p in (*self.inputs, *self.targets, *self.weights) if p is not None
        ]
        return sum(part.nbytes for part in parts)

    def cut(self, first: int, last: int) -> Batch:
        """A run of the sequences."""
        cut: dict[int, Layout] = {}

        def part(column: Column | None) -> Any:
            if not isinstance(column, Ragged):
                return None if column is None else column[first:last]
            run = column[first:last]
            return run.with_values(run.values, cut.setdefault(id(column.layout), run.layout))

        lengths = None if self.lengths is None else self.lengths[first:last]
        steps = last - first if lengths is None else int(lengths.sum())
        x, y, weight = ([*map(part, group)] for group in (self.inputs, self.targets, self.weights))
        return Batch(x, y, weight, lengths, steps)
