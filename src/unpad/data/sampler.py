"""Which sequences go into a batch together: a pure function of a seed and an epoch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..arguments import flag, integer, positive
from ..ragged.numbers import as_integers
from .seed import generator

# Batches that are shuffled together before their sequences are sorted by length, so that buckets
# are neither the same in every epoch nor one length throughout.
_POOL = 50
# Without a batch size, a batch of evaluation or prediction holds about this many steps.
_STEPS = 8192


class Sampler:
    """The batches of each epoch, drawn from a seed: an epoch is the same whenever it is asked.

    `fit` makes one from its options; `fit(sampler=)` takes one, or one of your own: a subclass that
    defines `epoch`. Its law is that every sequence is in one batch of an epoch, and in one only:
    `testing.check_sampler` asks it.

    Args:
        lengths: (n,) steps of each sequence; ones where rows are no sequences.
        batch_size: sequences a batch; 32 where there is no `batch_steps`.
        batch_steps: steps a batch at most, instead; a longer sequence is a batch by itself.
        shuffle: whether the order is drawn anew each epoch.
        bucket_by_length: whether sequences of like length go together.
        seed: what the order is drawn from.

    Raises:
        ValueError: an argument is not what it may be.

    Example:
        >>> sampler = Sampler([3, 1, 2, 5], batch_size=2, seed=7)
        >>> [len(batch) for batch in sampler.epoch(0)]
        [2, 2]
    """

    def __init__(
        self,
        lengths: Any,
        *,
        batch_size: int | None = None,
        batch_steps: int | None = None,
        shuffle: bool = True,
        bucket_by_length: bool = False,
        seed: int = 0,
    ) -> None:
        who = type(self).__name__
        if batch_size is not None and batch_steps is not None:
            raise ValueError(
                f"{who}: give batch_size= (sequences) or batch_steps= (steps), not both."
            )
        self.lengths = as_integers(lengths, f"{who}: lengths", "integers").reshape(-1)
        self.batch_size = positive(who, "batch_size", batch_size, or_none=True)
        self.batch_steps = positive(who, "batch_steps", batch_steps, or_none=True)
        self.shuffle = flag(who, "shuffle", shuffle)
        self.bucket_by_length = flag(who, "bucket_by_length", bucket_by_length)
        self.seed = integer(who, "seed", seed)

    def __len__(self) -> int:
        """The number of sequences."""
        return len(self.lengths)

    def epoch(self, epoch: int, rank: int = 0, world: int = 1) -> list[Tensor]:
        """The sequences of each batch of an epoch, or a process's share of them.

        Args:
            epoch: counted from 0.
            rank: of the process.
            world: the number of processes. Each batch is divided among them so that all have like
                numbers of steps; a share may be empty.
        """
        draw = generator(self.seed, epoch)
        batches = self._whole(draw)
        return batches if world == 1 else shares(batches, self.lengths, rank, world)

    def _whole(self, draw: torch.Generator) -> list[Tensor]:
        n, lengths = len(self.lengths), self.lengths
        order = torch.randperm(n, generator=draw) if self.shuffle else torch.arange(n)
        if not self.bucket_by_length:
            return _cut(order, lengths, self.batch_size, self.batch_steps)
        mean = max(1.0, float(lengths.double().mean())) if n else 1.0
        size = self.batch_size or 32
        if self.batch_steps is not None:
            size = max(1, int(self.batch_steps / mean))
        pools = order.split(_POOL * size) if self.shuffle else [order]
        batches = []
        for pool in pools:
            longest_first = pool[lengths[pool].argsort(descending=True, stable=True)]
            batches += _cut(longest_first, lengths, self.batch_size, self.batch_steps)
        if self.shuffle:
            mixed = torch.randperm(len(batches), generator=draw).tolist()
            batches = [batches[i] for i in mixed]
        return batches


def for_evaluation(
    n: int, lengths: Tensor | None, steps: int, batch_size: int | None
) -> list[Tensor]:
    """Batches for evaluation and prediction: like lengths together, since order does not matter.

    Args:
        n: number of rows or sequences.
        lengths: (n,) of the sequences, or None where there are none.
        steps: of all of them.
        batch_size: sequences a batch; by default as many as are work enough.
    """
    if lengths is None:
        return in_order(n, batch_size or 256)
    if (steps <= _STEPS) if batch_size is None else (n <= batch_size):
        return [torch.arange(n)] if n else []
    most = _STEPS if batch_size is None else None
    options: dict[str, Any] = {"batch_size": batch_size, "batch_steps": most}
    return Sampler(lengths, shuffle=False, bucket_by_length=True, **options).epoch(0)


def in_order(n: int, batch_size: int) -> list[Tensor]:
    """The caller's order, so many a batch."""
    return _cut(torch.arange(n), None, batch_size, None)


def is_in_order(sequences: Tensor, n: int) -> bool:
    """Whether these are all of n sequences, in the caller's order."""
    if len(sequences) != n:
        return False
    return n < 2 or torch.equal(sequences, torch.arange(n))


def checked(batches: Any, n: int, who: str) -> list[Tensor]:
    """The batches of an epoch as tensors of ids.

    Raises:
        ValueError: a sequence is missing, there twice, or not there at all.
    """
    found = [as_integers(batch, who, "ids of sequences").reshape(-1) for batch in batches]
    ids = torch.cat(found) if found else torch.zeros(0, dtype=torch.int64)
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= n):
        wrong = int(ids[(ids < 0) | (ids >= n)][0])
        raise ValueError(f"{who}: gives sequence {wrong}, but there are {n}, counted from 0.")
    times = ids.bincount(minlength=n)
    if bool((times != 1).any()):
        first = int((times != 1).nonzero()[0])
        how = "in no batch" if not times[first] else f"{int(times[first])} times"
        raise ValueError(f"{who}: sequence {first} is there {how}; expected each in one batch.")
    return found


def _cut(
    order: Tensor, lengths: Tensor | None, batch_size: int | None, batch_steps: int | None
) -> list[Tensor]:
    if len(order) == 0:
        return []
    if batch_steps is None or lengths is None:
        size = batch_size or 32
        return [order] if len(order) <= size else list(order.split(size))
    ends, filled, start = [], 0, 0
    for i, length in enumerate(lengths[order].tolist()):
        if i > start and filled + length > batch_steps:
            ends.append(i)
            filled, start = 0, i
        filled += length
    return list(order.tensor_split(ends))


def shares(batches: list[Tensor], lengths: Tensor, rank: int, world: int) -> list[Tensor]:
    """A process's part of each batch: the longest first to whoever has had the least so far."""
    work = [0] * world
    found = []
    for batch in batches:
        mine = []
        sizes = lengths[batch]
        for place in sizes.argsort(descending=True, stable=True).tolist():
            least = work.index(min(work))
            work[least] += int(sizes[place])
            if least == rank:
                mine.append(place)
        found.append(batch[sorted(mine)])
    return found
