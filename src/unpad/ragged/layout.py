"""Where each sequence starts and ends, and where its steps stood in the caller's grid."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments import integer
from .layout_checks import check_offsets, check_slots
from .numbers import as_integers
from .own import Found, Own, even, fresh_even, whole


class Layout:
    """The structure of a batch of sequences: offsets, and the grid it came from.

    Sequence `i` owns the steps `offsets[i]` to `offsets[i + 1]`, in the caller's order; empty
    sequences are legal. Everything else (lengths, positions, sequence ids, the mask) is derived
    from the offsets, once, and kept.

    A layout also remembers, where there is something to remember, the grid that the steps were
    taken from: `width` is its number of slots in time, `slots` the slot of each step. So a left
    padded batch, or one with holes, goes back to the right places. Without `slots` the steps of a
    sequence stand at 0, 1, 2, ...

    A layout owns its tensors: it is made with copies and hands out copies, so that nothing done to
    those of a caller can change it. The library itself reads `own`, which costs no copy.

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

    __slots__ = ("__weakref__", "own")

    own: Own

    def __init__(
        self,
        offsets: Tensor,
        slots: Tensor | None = None,
        width: int | None = None,
        *,
        _checked: bool = False,
        **facts: Any,
    ) -> None:
        if not _checked:
            # Copied before they are looked at: what is checked is what is kept.
            offsets, slots = _owned(offsets), _owned(slots)
            width = None if width is None else integer("Layout", "width", width, 0)
            check_offsets(offsets)
            check_slots(Own(offsets, None, None), slots, width)
        object.__setattr__(self, "own", Own(offsets, slots, width, **facts))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"Layout is immutable; another one is made, as Layout(offsets). (set {name!r})"
        )

    @classmethod
    def from_lengths(cls, lengths: Tensor | Sequence[int]) -> Layout:
        """The layout of sequences with these lengths, end to end.

        Args:
            lengths: (batch,) integers, none negative.

        Raises:
            ValueError: a length is negative or not an integer; the text says which.
        """
        lengths = as_integers(lengths, "Layout", "lengths as (batch,) integers")
        if lengths.ndim != 1:
            raise ValueError(
                f"Layout: expected lengths as (batch,) integers, got {tuple(lengths.shape)}."
            )
        made = cls._of_lengths(lengths)
        # Where the sum falls, a length is negative or it has left what int64 counts.
        if bool((made.own.offsets[1:] < made.own.offsets[:-1]).any()):
            negative = (lengths < 0).nonzero()
            if not len(negative):
                raise ValueError("Layout: the lengths sum up to more steps than int64 counts.")
            first = int(negative[0])
            raise ValueError(f"Layout: length of sequence {first} is {int(lengths[first])}.")
        return made

    @classmethod
    def full(cls, batch: int, time: int) -> Layout:
        """The layout of a grid whose every slot is a step: `batch` sequences of `time` steps.

        Args:
            batch: sequences.
            time: steps of each.

        Raises:
            ValueError: a size is negative or no whole number.
        """
        if type(batch) is not int or type(time) is not int or batch < 0 or time < 0:
            if isinstance(batch, torch.SymInt) or isinstance(time, torch.SymInt):
                return cls._over(fresh_even(batch, time))
            batch = integer("Layout.full", "batch", batch, 0)
            time = integer("Layout.full", "time", time, 0)
        return _full(batch, time)

    @classmethod
    def _over(cls, own: Own) -> Layout:
        layout = cls.__new__(cls)
        object.__setattr__(layout, "own", own)
        return layout

    @classmethod
    def _of_lengths(
        cls, lengths: Tensor, slots: Tensor | None = None, width: int | None = None, **facts: Any
    ) -> Layout:
        return cls(_offsets_of(lengths), slots, width, _checked=True, **facts)

    @classmethod
    def _even(cls, batch: int, time: int, width: int | None) -> Layout:
        if width == time:
            return _full(batch, time)
        own = even(batch, time)
        facts = {"steps": own.steps, "longest": time, "counts": own.counts, "lengths": own.lengths}
        return cls(own.offsets, None, width, _checked=True, **facts)

    # --- what is known without looking at a step -------------------------------------------------

    @property
    def batch(self) -> int:
        """The number of sequences."""
        return self.own.batch

    @property
    def steps(self) -> int:
        """The number of steps of the whole batch."""
        return self.own.steps

    @property
    def device(self) -> torch.device:
        """Where the offsets are."""
        return self.own.offsets.device

    @property
    def width(self) -> int | None:
        """The number of slots of the grid that the steps came from, or None."""
        return self.own.width

    @property
    def longest(self) -> int:
        """The number of steps of the longest sequence; 0 for an empty batch."""
        return self.own.longest

    @property
    def time(self) -> int:
        """The number of slots of the grid that `to_padded` makes."""
        return self.own.time

    # --- tensors: each a copy, the caller's own --------------------------------------------------

    @property
    def offsets(self) -> Tensor:
        """(batch + 1,) int64: sequence `i` owns the steps `offsets[i]` to `offsets[i + 1]`."""
        return self.own.offsets.clone()

    @property
    def slots(self) -> Tensor | None:
        """(steps,) int64 the slot of each step in the grid; None where it is its position."""
        return None if self.own.slots is None else self.own.slots.clone()

    @property
    def lengths(self) -> Tensor:
        """(batch,) the number of steps of each sequence."""
        return self.own.lengths.clone()

    @property
    def sequence_ids(self) -> Tensor:
        """(steps,) the sequence that each step belongs to."""
        return self.own.sequence_ids.clone()

    @property
    def positions(self) -> Tensor:
        """(steps,) the place of each step within its sequence: 0, 1, 2, ...; holes do not count."""
        return self.own.positions.clone()

    @property
    def places(self) -> Tensor:
        """(steps,) the slot of each step in the grid."""
        return self.own.places.clone()

    @property
    def mask(self) -> Tensor:
        """(batch, time) bool: True where a step is real."""
        return self.own.mask.clone()

    def derived(
        self,
        key: Hashable,
        make: Callable[[Own], Found],
        beside: Layout | None = None,
        *,
        in_grid: bool = False,
    ) -> Found:
        """What follows from the layout, made at the first call and kept as long as the layout.

        An order, an index, blocks: whatever a layer or a kernel works out from offsets and slots
        alone. It is shared, so that it is only read; and it carries no mode, so that what `predict`
        has made serves `fit`.

        Args:
            key: what it is; a tuple whose first entry names who makes it.
            make: gives it, from the layout's own tensors. What it gives must not hold the layout.
            beside: another layout that it follows from too; then it is kept as long as both are.
            in_grid: whether it follows from the grid's width too; else it is shared by all layouts
                of as many sequences of one length, and longer kept.

        Example:
            >>> layout = Layout.from_lengths([2, 3])
            >>> layout.derived(("example", "order"), lambda own: own.lengths.argsort()).tolist()
            [0, 1]
        """
        return self.own.derived(key, make, None if beside is None else beside.own, in_grid)

    def steps_of(self, grid: Tensor) -> Tensor:
        """(steps, ...): what stands in a grid (batch, time, ...) in the slots of the steps.

        Args:
            grid: (batch, time, ...), wide enough for the slots.
        """
        return grid[self.own.sequence_ids, self.own.places]

    # --- relations -------------------------------------------------------------------------------

    def agrees(self, other: Layout) -> bool:
        """Whether steps of both layouts can be paired: equal lengths, holes at the same places.

        The side on which the grid was padded does not matter.

        Args:
            other: a layout.
        """
        mine, theirs = self.own, other.own
        if mine is theirs or (mine.offsets is theirs.offsets and mine.slots is theirs.slots):
            return True
        if torch.compiler.is_compiling():
            return _agree_in_graph(mine, theirs)
        known = [vars(own).get("counts") for own in (mine, theirs)]
        if None not in known:  # the host knows, and no device is waited for
            same = known[0] == known[1]
        else:
            same = torch.equal(mine.offsets, theirs.offsets)
        if not same:
            return False
        if mine.slots is None and theirs.slots is None:
            return True
        return torch.equal(mine.gaps, theirs.gaps)

    def difference(self, other: Layout) -> str:
        """Where two layouts that do not agree differ first, in words.

        Args:
            other: a layout that does not agree with this one.
        """
        if self.batch != other.batch:
            return f"{self.batch} sequences against {other.batch}"
        mine, theirs = self.own, other.own
        differing = (mine.lengths != theirs.lengths).nonzero()
        if len(differing):
            first = int(differing[0])
            n, m = int(mine.lengths[first]), int(theirs.lengths[first])
            return f"sequence {first} has {n} steps against {m}"
        first = int(mine.sequence_ids[(mine.gaps != theirs.gaps).nonzero()[0]])
        return f"sequence {first} has its holes at other places"

    def where(self, step: int) -> str:
        """Where a step stands, in words: its sequence, its place in it, its slot if another.

        Args:
            step: its row in the values.
        """
        own = self.own
        sequence, place = int(own.sequence_ids[step]), int(own.positions[step])
        slot = int(own.places[step])
        grid = f" (slot {slot} of the grid)" if slot != place else ""
        return f"sequence {sequence}, step {place}{grid}"

    def to(self, device: torch.device | str) -> Layout:
        """The same layout on another device; what the host knows of it goes along.

        Args:
            device: a device or its name.
        """
        device = torch.device(device)
        if device == self.device:
            return self
        own = self.own
        slots = None if own.slots is None else own.slots.to(device)
        names = ("steps", "longest", "time", "counts")
        facts = {name: getattr(own, name) for name in names}
        return Layout(own.offsets.to(device), slots, own.width, _checked=True, **facts)

    def keep(self, kept: Tensor) -> Layout:
        """The layout of the steps where `kept` is True; the others leave holes.

        Args:
            kept: (steps,) bool.
        """
        before = torch.cat([kept.new_zeros(1, dtype=torch.int64), kept.cumsum(0)])
        own = self.own
        # The width is fixed now: the grid must not shrink with the steps that leave it.
        return Layout(before[own.offsets], own.places[kept], own.time, _checked=True)

    def take(self, sequences: Tensor) -> tuple[Layout, Tensor]:
        """The layout of these sequences, and the (steps,) index that gathers their steps.

        Args:
            sequences: (n,) int64, each within the batch; repeats are legal.
        """
        own = self.own
        if own.offsets.is_cpu and not torch.compiler.is_compiling():
            offsets, index = _gathered(own.offsets, sequences)
            steps = index.shape[0]
        else:
            lengths = own.lengths.index_select(0, sequences)
            offsets = _offsets_of(lengths)
            steps = whole(offsets[-1])
            shift = own.offsets.index_select(0, sequences) - offsets[:-1]
            index = torch.arange(steps, device=self.device)
            index += shift.repeat_interleave(lengths, output_size=steps)
        slots = None if own.slots is None else own.slots.index_select(0, index)
        return Layout(offsets, slots, own.width, _checked=True, steps=steps), index

    def run(self, first: int, last: int, start: int, end: int) -> Layout:
        """The layout of the sequences from `first` to before `last`; nothing is gathered.

        Args:
            first: a sequence.
            last: another, not before it.
            start: where the first sequence starts, `offsets[first]`.
            end: where the last one ends, `offsets[last]`.
        """
        own = self.own
        slots = None if own.slots is None else own.slots[start:end]
        offsets = own.offsets[first : last + 1] - start
        return Layout(offsets, slots, own.width, _checked=True, steps=end - start)

    def within(self, whole: Layout) -> Tensor:
        """(steps,) where each step lies in a layout that holds all of them at the same places.

        Args:
            whole: a layout of as many sequences, whose steps hold these.
        """
        mine, theirs = self.own, whole.own
        reach = max(mine.time, theirs.time, 1)
        held = theirs.sequence_ids * reach + theirs.places
        return torch.searchsorted(held, mine.sequence_ids * reach + mine.places)

    def __reduce__(self) -> tuple:
        return _rebuild, (self.own.offsets, self.own.slots, self.own.width)

    def __repr__(self) -> str:
        shown = ", ".join(str(n) for n in self.own.lengths[:6].tolist())
        more = ", ..." if self.batch > 6 else ""
        grid = "" if self.width is None else f", grid of {self.width} slots"
        return f"Layout({self.batch} sequences, {self.steps} steps: [{shown}{more}]{grid})"


def _owned(tensor: Any) -> Any:
    """A copy that nobody else holds; what is no tensor is refused by the checks."""
    if not isinstance(tensor, Tensor):
        return tensor
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def _offsets_of(lengths: Tensor) -> Tensor:
    return torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])


def _gathered(offsets: Tensor, sequences: Tensor) -> tuple[Tensor, Tensor]:
    """Offsets and index of `Layout.take` on a host, by numpy: a third of the time of small arrays.

    Every batch of a training is taken so.
    """
    held, chosen = offsets.numpy(), sequences.numpy()
    starts = held[chosen]
    found = np.zeros(len(chosen) + 1, np.int64)
    lengths = held[chosen + 1] - starts
    lengths.cumsum(out=found[1:])
    index = np.arange(found[-1])
    index += np.repeat(starts - found[:-1], lengths)
    return torch.from_numpy(found), torch.from_numpy(index)


def _agree_in_graph(mine: Own, theirs: Own) -> bool:
    """True: the graph looks at the numbers when it runs, where they must be alike."""
    torch._check(mine.batch == theirs.batch)
    torch._check(mine.steps == theirs.steps)
    same = (mine.gaps == theirs.gaps).all() & (mine.offsets == theirs.offsets).all()
    torch.ops.aten._assert_async.msg(
        same, "Ragged: two batches whose steps are paired have different lengths."
    )
    return True


def _rebuild(offsets: Tensor, slots: Tensor | None, width: int | None) -> Layout:
    return Layout(offsets, slots, width, _checked=True)


@lru_cache(maxsize=64)
def _full(batch: int, time: int) -> Layout:
    return Layout._over(even(batch, time))
