"""What a layout owns: its tensors, and whatever they imply, worked out once.

Everything here is shared: by all batches on the layout, by every layer, and, for whole grids, by
the process. So it is only read, within the library, and never handed to a caller: `Layout` hands
out copies. And it carries no mode: what is made within `torch.inference_mode` could not be used in
a training step that comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from typing import Any, Generic, TypeVar, overload
from weakref import WeakKeyDictionary, WeakValueDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

Found = TypeVar("Found")


def _without_mode(make: Callable[[Any], Found]) -> Callable[[Any], Found]:
    @wraps(make)
    def made(own: Any) -> Found:
        if torch.compiler.is_compiling() or not torch.is_inference_mode_enabled():
            return make(own)
        with torch.inference_mode(False):
            return make(own)

    return made


class _kept(Generic[Found]):  # noqa: N801 - it is written as a decorator
    """A property that is worked out once; functools' has a lock, which no graph can be made of."""

    def __init__(self, make: Callable[[Any], Found]) -> None:
        self.make, self.name = make, make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, own: None, kind: type | None = None) -> _kept[Found]: ...
    @overload
    def __get__(self, own: Any, kind: type | None = None) -> Found: ...
    def __get__(self, own: Any, kind: type | None = None) -> Any:
        if own is None:
            return self
        found = self.make(own)
        setattr(own, self.name, found)
        return found


def modeless(tensor: Tensor) -> Tensor:
    """The tensor itself, or a copy of one that inference mode has made."""
    if torch.compiler.is_compiling() or not tensor.is_inference():
        return tensor
    with torch.inference_mode(False):
        return tensor.clone()


def whole(number: Tensor) -> int:
    """A count that stands in a tensor: the host waits for it.

    While a graph is made it is a symbol, of which the graph may know that it is no less than 0.
    """
    found: Any = number.item()
    if type(found) is not int or torch.compiler.is_compiling():
        torch._check(found >= 0)
    return found


class Own:
    """The tensors of one layout, and what follows from them; read only.

    Args:
        offsets: (batch + 1,) int64, right by making and nobody else's.
        slots: (steps,) int64, or None.
        width: slots of the grid, or None.
        facts: `steps`, `longest`, `counts`, ... where the maker knows them, so that nobody waits
            for a device to tell.
    """

    def __init__(
        self, offsets: Tensor, slots: Tensor | None, width: int | None, **facts: Any
    ) -> None:
        self.offsets = modeless(offsets)
        self.slots = None if slots is None else modeless(slots)
        self.width = width
        self._derived: dict[Hashable, Any] = {}
        self._beside: WeakKeyDictionary[Own, dict[Hashable, Any]] | None = None
        if facts:
            vars(self).update(facts)

    def derived(
        self,
        key: Hashable,
        make: Callable[[Own], Found],
        beside: Own | None = None,
        in_grid: bool = False,
    ) -> Found:
        """See `Layout.derived`."""
        if beside is self:
            beside = None
        if beside is None and not in_grid and (alike := self.alike) is not self:
            return alike.derived(key, make)
        known = self._derived
        if beside is not None:
            # Weakly: what is kept for a grid that lives as long as the process must not keep every
            # batch that was ever beside it.
            if self._beside is None:
                self._beside = WeakKeyDictionary()
            known = self._beside.setdefault(beside, {})
        try:
            return known[key]
        except KeyError:
            return known.setdefault(key, _without_mode(make)(self))

    @property
    def batch(self) -> int:
        """The number of sequences."""
        return self.offsets.shape[0] - 1

    @property
    def device(self) -> torch.device:
        """Where the offsets are."""
        return self.offsets.device

    @_kept
    def steps(self) -> int:
        """The number of steps of the whole batch."""
        return whole(self.offsets[-1])

    @_kept
    def counts(self) -> list[int]:
        """The number of steps of each sequence, on the host."""
        return self.lengths.tolist()

    @property
    def told_counts(self) -> list[int] | None:
        """`counts` where the host can tell without waiting for a device; None elsewhere."""
        if torch.compiler.is_compiling():
            return None
        return self.counts if self.on_host else vars(self).get("counts")

    @property
    def equal(self) -> int:
        """The number of steps of each sequence, where the host knows that it is one; else 0."""
        # While a graph is made for any lengths, those of this batch say nothing.
        return 0 if torch.compiler.is_compiling() else self._equal

    @_kept
    def _equal(self) -> int:
        batch = self.batch
        if self.on_host and (not batch or self.steps % batch):
            return 0
        counts = self.told_counts
        return counts[0] if counts and counts.count(counts[0]) == len(counts) else 0

    @property
    def alike(self) -> Own:
        """Of sequences of one length what the process shares; of others, or in slots, itself.

        So what follows from offsets is made once for all batches of as many such sequences,
        whatever grids they were taken from. Nobody counts steps for it: whoever made the layout
        knew their numbers, or somebody has asked for them before.
        """
        return self if torch.compiler.is_compiling() else self._alike or self

    @_kept
    def _alike(self) -> Own | None:
        known = self.on_host and self.slots is None and "counts" in vars(self)
        return even(self.batch, self.equal) if known and self.equal else None

    @property
    def on_host(self) -> bool:
        """Whether the offsets can be read without waiting for a device."""
        return type(self.offsets) is Tensor and self.offsets.is_cpu  # no fake one

    @_kept
    def longest(self) -> int:
        """The number of steps of the longest sequence; 0 for an empty batch."""
        return whole(self.lengths.max()) if self.batch else 0

    @_kept
    def time(self) -> int:
        """The number of slots of the grid that `to_padded` makes."""
        if self.width is not None:
            return self.width
        if self.slots is None:
            return self.longest
        return whole(F.pad(self.slots + 1, (0, 1)).max())

    @_kept
    @_without_mode
    def lengths(self) -> Tensor:
        """(batch,) the number of steps of each sequence."""
        return self.offsets.diff()

    @_kept
    @_without_mode
    def sequence_ids(self) -> Tensor:
        """(steps,) the sequence that each step belongs to."""
        if (alike := self.alike) is not self:
            return alike.sequence_ids
        ids = torch.arange(self.batch, device=self.device)
        return ids.repeat_interleave(self.lengths, output_size=self.steps)

    @_kept
    @_without_mode
    def positions(self) -> Tensor:
        """(steps,) the place of each step within its sequence; holes do not count."""
        if (alike := self.alike) is not self:
            return alike.positions
        starts = self.offsets[:-1].repeat_interleave(self.lengths, output_size=self.steps)
        return torch.arange(self.steps, device=self.device) - starts

    @property
    def places(self) -> Tensor:
        """(steps,) the slot of each step in the grid."""
        return self.positions if self.slots is None else self.slots

    @_kept
    @_without_mode
    def mask(self) -> Tensor:
        """(batch, time) bool: True where a step is real."""
        mask = torch.zeros(self.batch, self.time, dtype=torch.bool, device=self.device)
        mask[self.sequence_ids, self.places] = True
        return mask

    @_kept
    @_without_mode
    def gaps(self) -> Tensor:
        """(steps,) how far each step stands from its sequence's first: holes, not the side."""
        if self.slots is None:
            return self.positions
        nonempty = self.lengths > 0
        starts = self.offsets[:-1][nonempty]
        first = self.slots[starts].repeat_interleave(self.lengths[nonempty], output_size=self.steps)
        return self.slots - first


#: Those of `even` that somebody holds: a layout may live longer than the cache remembers it.
_EVEN: WeakValueDictionary[tuple[int, int], Own] = WeakValueDictionary()


@lru_cache(maxsize=64)
def even(batch: int, time: int) -> Own:
    """What a grid of `batch` sequences of `time` steps owns: one value of the process.

    Args:
        batch: sequences.
        time: steps of each.
    """
    return _EVEN.setdefault((batch, time), fresh_even(batch, time))


def fresh_even(batch: int, time: int) -> Own:
    """The same by itself, also of sizes that a graph does not know.

    Args:
        batch: sequences.
        time: steps of each.
    """
    with torch.inference_mode(False):
        offsets = torch.arange(batch + 1) * time
    return Own(offsets, None, time, steps=batch * time, _alike=None)
