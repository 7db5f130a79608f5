"""Where each sequence starts and ends, and where its steps stood in the caller's grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from .arrays import as_integers


@dataclass(frozen=True, eq=False, repr=False)
class Layout:
    """The structure of a batch of sequences: offsets, and the grid it came from.

    Sequence `i` owns the steps `offsets[i]` to `offsets[i + 1]`, in the caller's order; empty
    sequences are legal. Everything else (lengths, positions, sequence ids, the mask) is derived
    from the offsets, once, and kept.

    A layout also remembers, where there is something to remember, the grid that the steps were
    taken from: `width` is its number of slots in time, `slots` the slot of each step. So a left
    padded batch, or one with holes, goes back to the right places. Without `slots` the steps of a
    sequence stand at 0, 1, 2, ...

    Args:
        offsets: (batch + 1,) int64, from 0, never falling.
        slots: (steps,) int64, rising within a sequence, or None.
        width: slots of the grid, or None where there was no grid.

    Raises:
        ValueError: the offsets or slots do not describe a batch; the text says where first.

    Example:
        >>> Layout(torch.tensor([0, 2, 2, 5])).lengths
        tensor([2, 0, 3])
    """

    offsets: Tensor
    slots: Tensor | None = None
    width: int | None = None
    _checked: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if not self._checked:
            _check_offsets(self.offsets)
            _check_slots(self)

    @classmethod
    def from_lengths(cls, lengths: Tensor | Sequence[int]) -> Layout:
        """The layout of sequences with these lengths, end to end.

        Args:
            lengths: (batch,) integers, none negative.

        Raises:
            ValueError: a length is negative or not an integer; the text says which.
        """
        lengths = as_integers(lengths)
        if lengths.ndim != 1 or lengths.is_floating_point() or lengths.dtype == torch.bool:
            raise ValueError(
                "Layout: expected lengths as (batch,) integers, "
                f"got {tuple(lengths.shape)} of {lengths.dtype}."
            )
        negative = (lengths < 0).nonzero()
        if len(negative):
            first = int(negative[0])
            raise ValueError(f"Layout: length of sequence {first} is {int(lengths[first])}.")
        return cls._of_lengths(lengths.to(torch.int64))

    @classmethod
    def full(cls, batch: int, time: int) -> Layout:
        """The layout of a grid whose every slot is a step: `batch` sequences of `time` steps."""
        return _full(batch, time)

    @classmethod
    def _of_lengths(
        cls, lengths: Tensor, slots: Tensor | None = None, width: int | None = None
    ) -> Layout:
        return cls(_offsets_of(lengths), slots, width, _checked=True)

    # --- what is known without looking at a step -------------------------------------------------

    @property
    def batch(self) -> int:
        """The number of sequences."""
        return len(self.offsets) - 1

    @cached_property
    def steps(self) -> int:
        """The number of steps of the whole batch."""
        return int(self.offsets[-1])

    @property
    def device(self) -> torch.device:
        """Where the offsets are."""
        return self.offsets.device

    @cached_property
    def lengths(self) -> Tensor:
        """(batch,) the number of steps of each sequence."""
        return self.offsets.diff()

    @cached_property
    def longest(self) -> int:
        """The number of steps of the longest sequence; 0 for an empty batch."""
        return int(self.lengths.max()) if self.batch else 0

    @cached_property
    def time(self) -> int:
        """The number of slots of the grid that `to_padded` makes."""
        if self.width is not None:
            return self.width
        if self.slots is None:
            return self.longest
        return int(self.slots.max()) + 1 if self.steps else 0

    # --- views, one entry a step -----------------------------------------------------------------

    @cached_property
    def sequence_ids(self) -> Tensor:
        """(steps,) the sequence that each step belongs to."""
        ids = torch.arange(self.batch, device=self.device)
        return ids.repeat_interleave(self.lengths, output_size=self.steps)

    @cached_property
    def positions(self) -> Tensor:
        """(steps,) the place of each step within its sequence: 0, 1, 2, ...; holes do not count."""
        starts = self.offsets[:-1].repeat_interleave(self.lengths, output_size=self.steps)
        return torch.arange(self.steps, device=self.device) - starts

    @property
    def places(self) -> Tensor:
        """(steps,) the slot of each step in the grid."""
        return self.positions if self.slots is None else self.slots

    def steps_of(self, grid: Tensor) -> Tensor:
        """(steps, ...): what stands in a grid (batch, time, ...) in the slots of the steps."""
        return grid[self.sequence_ids, self.places]

    @cached_property
    def mask(self) -> Tensor:
        """(batch, time) bool: True where a step is real."""
        mask = torch.zeros(self.batch, self.time, dtype=torch.bool, device=self.device)
        mask[self.sequence_ids, self.places] = True
        return mask

    @cached_property
    def _gaps(self) -> Tensor:
        """(steps,) how far each step stands from its sequence's first: holes, not the side."""
        if self.slots is None:
            return self.positions
        nonempty = self.lengths > 0
        starts = self.offsets[:-1][nonempty]
        first = self.slots[starts].repeat_interleave(self.lengths[nonempty], output_size=self.steps)
        return self.slots - first

    # --- relations -------------------------------------------------------------------------------

    def agrees(self, other: Layout) -> bool:
        """Whether steps of both layouts can be paired: equal lengths, holes at the same places.

        The side on which the grid was padded does not matter.
        """
        if self is other or (self.offsets is other.offsets and self.slots is other.slots):
            return True
        if not torch.equal(self.offsets, other.offsets):
            return False
        if self.slots is None and other.slots is None:
            return True
        return torch.equal(self._gaps, other._gaps)

    def difference(self, other: Layout) -> str:
        """Where two layouts that do not agree differ first, in words."""
        if self.batch != other.batch:
            return f"{self.batch} sequences against {other.batch}"
        differing = (self.lengths != other.lengths).nonzero()
        if len(differing):
            first = int(differing[0])
            mine, theirs = int(self.lengths[first]), int(other.lengths[first])
            return f"sequence {first} has {mine} steps against {theirs}"
        first = int(self.sequence_ids[(self._gaps != other._gaps).nonzero()[0]])
        return f"sequence {first} has its holes at other places"

    def where(self, step: int) -> str:
        """Where a step stands, in words: its sequence, its place in it, its slot if another."""
        sequence, place = int(self.sequence_ids[step]), int(self.positions[step])
        slot = int(self.places[step])
        grid = f" (slot {slot} of the grid)" if slot != place else ""
        return f"sequence {sequence}, step {place}{grid}"

    def to(self, device: torch.device | str) -> Layout:
        """The same layout on another device."""
        device = torch.device(device)
        if device == self.device:
            return self
        slots = None if self.slots is None else self.slots.to(device)
        return Layout(self.offsets.to(device), slots, self.width, _checked=True)

    def keep(self, kept: Tensor) -> Layout:
        """The layout of the steps where `kept` is True; the others leave holes.

        Args:
            kept: (steps,) bool.
        """
        before = torch.cat([kept.new_zeros(1, dtype=torch.int64), kept.cumsum(0)])
        # The width is fixed now: the grid must not shrink with the steps that leave it.
        return Layout(before[self.offsets], self.places[kept], self.time, _checked=True)

    def take(self, sequences: Tensor) -> tuple[Layout, Tensor]:
        """The layout of these sequences, and the (steps,) index that gathers their steps.

        Args:
            sequences: (n,) int64, each within the batch; repeats are legal.
        """
        lengths = self.lengths.index_select(0, sequences)
        offsets = _offsets_of(lengths)
        steps = int(offsets[-1])
        shift = self.offsets.index_select(0, sequences) - offsets[:-1]
        index = torch.arange(steps, device=self.device)
        index += shift.repeat_interleave(lengths, output_size=steps)
        slots = None if self.slots is None else self.slots.index_select(0, index)
        taken = Layout(offsets, slots, self.width, _checked=True)
        vars(taken).update(lengths=lengths, steps=steps)  # known without a look at the offsets
        return taken, index

    def run(self, first: int, last: int, start: int, end: int) -> Layout:
        """The layout of the sequences from `first` to before `last`; nothing is gathered.

        Args:
            first: a sequence.
            last: another, not before it.
            start: where the first sequence starts, `offsets[first]`.
            end: where the last one ends, `offsets[last]`.
        """
        slots = None if self.slots is None else self.slots[start:end]
        run = Layout(self.offsets[first : last + 1] - start, slots, self.width, _checked=True)
        vars(run)["steps"] = end - start  # known without a look at the device
        return run

    def within(self, whole: Layout) -> Tensor:
        """(steps,) where each step lies in a layout that holds all of them at the same places."""
        reach = max(self.time, whole.time, 1)
        held = whole.sequence_ids * reach + whole.places
        return torch.searchsorted(held, self.sequence_ids * reach + self.places)

    def __reduce__(self) -> tuple:
        return _rebuild, (self.offsets, self.slots, self.width)

    def __repr__(self) -> str:
        shown = ", ".join(str(n) for n in self.lengths[:6].tolist())
        more = ", ..." if self.batch > 6 else ""
        grid = "" if self.width is None else f", grid of {self.width} slots"
        return f"Layout({self.batch} sequences, {self.steps} steps: [{shown}{more}]{grid})"


def _offsets_of(lengths: Tensor) -> Tensor:
    offsets = lengths.new_zeros(len(lengths) + 1)
    torch.cumsum(lengths, 0, out=offsets[1:])
    return offsets


def _rebuild(offsets: Tensor, slots: Tensor | None, width: int | None) -> Layout:
    return Layout(offsets, slots, width, _checked=True)


@lru_cache(maxsize=64)
def _full(batch: int, time: int) -> Layout:
    return Layout(torch.arange(batch + 1) * time, width=time, _checked=True)


def _check_offsets(offsets: Tensor) -> None:
    if not isinstance(offsets, Tensor) or offsets.dtype != torch.int64 or offsets.ndim != 1:
        got = (
            f"{tuple(offsets.shape)} of {offsets.dtype}"
            if isinstance(offsets, Tensor)
            else type(offsets).__name__
        )
        raise ValueError(f"Layout: expected offsets as a (batch + 1,) int64 tensor, got {got}.")
    if len(offsets) == 0 or int(offsets[0]) != 0:
        got = int(offsets[0]) if len(offsets) else "nothing"
        raise ValueError(
            f"Layout: offsets start at 0, got {got}. Offsets are the running sum of the lengths: "
            "use Layout.from_lengths(lengths)."
        )
    falling = (offsets.diff() < 0).nonzero()
    if len(falling):
        first = int(falling[0])
        raise ValueError(
            f"Layout: offsets never fall, but offset {first + 1} is {int(offsets[first + 1])} "
            f"after {int(offsets[first])}: sequence {first} would have a negative length."
        )


def _check_slots(layout: Layout) -> None:
    slots, width = layout.slots, layout.width
    if slots is None:
        if width is not None and layout.longest > width:
            first = int(layout.lengths.argmax())
            raise ValueError(
                f"Layout: sequence {first} has {layout.longest} steps, but the grid has {width} "
                "slots."
            )
        return
    if slots.dtype != torch.int64 or tuple(slots.shape) != (layout.steps,):
        raise ValueError(
            f"Layout: expected slots as a ({layout.steps},) int64 tensor, one for each step, got "
            f"{tuple(slots.shape)} of {slots.dtype}."
        )
    if layout.steps == 0:
        return
    inside = layout.sequence_ids.diff() == 0
    wrong = (slots < 0) | (slots >= (layout.time if width is None else width))
    wrong[1:] |= inside & (slots.diff() <= 0)
    if wrong.any():
        step = int(wrong.nonzero()[0])
        raise ValueError(
            f"Layout: slots rise within a sequence and lie inside the grid, but step "
            f"{int(layout.positions[step])} of sequence {int(layout.sequence_ids[step])} has slot "
            f"{int(slots[step])}."
        )
