"""Batches of so many real steps, for torch's DataLoader and for fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heapreplace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import BatchSampler

from ..arguments import flag, integer, positive, word
from ..errors import first_true
from ..ragged.numbers import as_integers
from .seed import generator

#: The sequences of one batch for each process.
Shares = list[list[int]]

# So many batches are sorted by length together: less, and lengths differ within a batch; more, and
# the same sequences meet in every epoch.
_POOL = 50


class TokenBudget(BatchSampler):
    """Batches with a budget of real steps, however many sequences that are: a torch BatchSampler.

    Every process takes as many batches, and over an epoch as many steps to within the longest
    sequence; no batch of any process is over the budget. `fit(sampler=)` takes
    one too. An epoch follows from the seed and its number alone, so that it can be begun at any
    batch: the numbers are drawn anew, and nothing is read. Passes are epochs 0, 1, 2, ...; one that
    is broken off begins anew.

    Args:
        lengths: (n,) steps of each sequence.
        steps: real steps in a batch at most.
        batch_size: sequences in a batch at most; by default as many as fit, empty ones without end.
        shuffle: whether the order is drawn anew each epoch.
        bucket_by_length: whether sequences of like length go together, as is good for loaders that
            pad.
        drop_last: whether the last batches go where the data end before they are full; else they
            are smaller.
        longer: "alone", where a sequence longer than the budget is a batch by itself, or "error".
        rank: which process this is.
        world: the number of processes. Where no batch holds two sequences, the last may be empty
            for some of them.
        seed: what the order is drawn from.

    Raises:
        ValueError: an argument is not what it may be, or a sequence is longer than the budget.

    Costs n log n a pass: 1.5 to 5 s for a million sequences.

    Example:
        >>> from torch.utils.data import DataLoader
        >>> words = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 1]]
        >>> budget = TokenBudget([len(s) for s in words], steps=5, shuffle=False)
        >>> list(DataLoader(words, batch_sampler=budget, collate_fn=list))
        [[[1, 2, 3], [4]], [[5, 6]], [[7, 8, 9, 1]]]
        >>> budget.set_epoch(0, start=2)  # as if two batches had been drawn
        >>> list(budget)
        [[3]]
    """

    def __init__(
        self,
        lengths: Any,
        steps: int = 4096,
        *,
        batch_size: int | None = None,
        shuffle: bool = True,
        bucket_by_length: bool = False,
        drop_last: bool = False,
        longer: str = "alone",
        rank: int = 0,
        world: int = 1,
        seed: int = 0,
    ) -> None:
        # Torch's own constructor wants a sampler of single sequences, which there is none of.
        who = type(self).__name__
        self.lengths = as_integers(lengths, f"{who}: lengths", "integers").reshape(-1)
        self.steps = positive(who, "steps", steps)
        self.batch_size = positive(who, "batch_size", batch_size, or_none=True)  # pyright: ignore[reportAttributeAccessIssue]
        self.shuffle = flag(who, "shuffle", shuffle)
        self.bucket_by_length = flag(who, "bucket_by_length", bucket_by_length)
        self.drop_last = flag(who, "drop_last", drop_last)
        self.longer = word(who, "longer", longer, ("alone", "error"))
        self.world = positive(who, "world", world)
        self.rank = integer(who, "rank", rank, 0, self.world - 1)
        self.seed = integer(who, "seed", seed)
        if (wrong := first_true(self.lengths < 0)) is not None:
            raise ValueError(
                f"{who}: expected lengths from 0, got {int(self.lengths[wrong])} for sequence "
                f"{wrong[0]}."
            )
        if longer == "error" and (over := first_true(self.lengths > self.steps)) is not None:
            raise ValueError(
                f"{who}: sequence {over[0]} has {int(self.lengths[over])} steps, and a batch "
                f"{self.steps} at most. Cut it, give steps={int(self.lengths.max())}, or give "
                "longer='alone': it is a batch by itself then."
            )
        self._epoch = self._start = 0
        self._last: tuple[int, int, list[Shares]] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What an epoch's batches follow from, but for its number, as data."""
        options = ("steps", "batch_size", "shuffle", "bucket_by_length", "drop_last", "seed")
        counted = {"sequences": len(self.lengths), "all_steps": int(self.lengths.sum())}
        return {**counted, **{name: getattr(self, name) for name in options}}

    def epoch(self, epoch: int, rank: int | None = None, world: int | None = None) -> list[Tensor]:
        """The sequences of each batch of an epoch.

        Args:
            epoch: counted from 0.
            rank: which process's; this one's by default.
            world: the number of processes; as the constructor was told by default.
        """
        mine: int = self.rank if rank is None else rank
        drawn = self._drawn(epoch, self.world if world is None else world)
        return [torch.tensor(shares[mine], dtype=torch.int64) for shares in drawn]

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Says which epoch the next pass is.

        Args:
            epoch: counted from 0.
            start: the batch that it begins with: so many were worked on already.
        """
        who = type(self).__name__
        self._epoch = integer(who, "epoch", epoch, 0)
        self._start = integer(who, "start", start, 0)

    def state_dict(self) -> dict[str, Any]:
        """Where it stands: the epoch, how many of its batches were drawn, and what they are of.

        A loader with workers draws ahead of what it gives: there, count what it has given, and say
        `set_epoch(epoch, start)`.
        """
        return {
            "epoch": self._epoch,
            "start": self._start,
            "of": {**self.facts, "world": self.world},
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Goes on from there.

        Raises:
            ValueError: the state is of other sequences or options, so that batches would be others.
        """
        for name, mine in {**self.facts, "world": self.world}.items():
            theirs = state_dict["of"].get(name)
            if theirs != mine:
                raise ValueError(
                    f"{type(self).__name__}: the state is of {name}={theirs!r}, this one has "
                    f"{name}={mine!r}: its batches would be others."
                )
        self.set_epoch(state_dict["epoch"], state_dict["start"])

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of a pass, each the numbers of its sequences."""
        drawn = self._drawn(self._epoch, self.world)
        for number in range(self._start, len(drawn)):
            self._start = number + 1
            yield list(drawn[number][self.rank])
        self._epoch, self._start = self._epoch + 1, 0

    def __len__(self) -> int:
        """The number of batches in the next pass."""
        return max(0, len(self._drawn(self._epoch, self.world)) - self._start)

    def _drawn(self, epoch: int, world: int) -> list[Shares]:
        """Of each batch of an epoch, every process's share."""
        if self._last is None or self._last[:2] != (epoch, world):
            self._last = epoch, world, self._draw(epoch, world)
        return self._last[2]

    def _draw(self, epoch: int, world: int) -> list[Shares]:
        draw, lengths = generator(self.seed, epoch), self.lengths
        n = len(lengths)
        order = torch.randperm(n, generator=draw) if self.shuffle else torch.arange(n)
        if self.bucket_by_length and n:
            mean = max(1.0, float(lengths.double().mean()))
            pool = max(1, int(_POOL * world * self.steps / mean)) if self.shuffle else n
            # Every second pool begins with its shortest: where two meet, lengths are alike.
            order = torch.cat(
                [
                    ids[lengths[ids].argsort(descending=i % 2 == 0, stable=True)]
                    for i, ids in enumerate(order.split(pool))
                ]
            )
        sizes = lengths.tolist()
        found = _packed(order.tolist(), sizes, self.steps, self.batch_size, world)
        if self.drop_last:
            found = found[:-1]
        elif found:
            _fill_up(found, sizes)
        if self.shuffle and self.bucket_by_length:
            found = [found[i] for i in torch.randperm(len(found), generator=draw).tolist()]
        return _even(found, sizes, world)


def _packed(
    order: list[int], sizes: list[int], steps: int, most: int | None, world: int
) -> list[Shares]:
    """Batches of `world` shares, each within the budget: a sequence goes where least is so far.

    Where it has no room there the next batch begins: so shares of a batch differ by one sequence at
    most. The last batch is what was left.
    """
    found: list[Shares] = []
    # Of each share its steps, its sequences, and which it is: a heap, the least first.
    shares: Shares = []
    least = [(0, 0, 0)]
    for i in order:
        size = sizes[i]
        filled, count, share = least[0]
        if not shares or (count and filled + size > steps) or count == most:
            shares = [[] for _ in range(world)]
            found.append(shares)
            least = [(0, 0, share) for share in range(world)]
            filled, count, share = 0, 0, 0
        shares[share].append(i)
        heapreplace(least, (filled + size, count + 1, share))
    return found


def _fill_up(batches: list[Shares], sizes: list[int]) -> None:
    """Gives each empty share of the last batch a sequence: the shortest of the fullest share."""
    for share in batches[-1]:
        for other in (batches[-1], *reversed(batches[:-1])):
            if share:
                break
            givers = [s for s in other if len(s) > 1]
            if givers:
                giver = max(givers, key=lambda s: sum(sizes[i] for i in s))
                shortest = min(giver, key=lambda i: sizes[i])
                giver.remove(shortest)
                share.append(shortest)


def _even(batches: list[Shares], sizes: list[int], world: int) -> list[Shares]:
    """The same batches, the larger share of each to the process that has had less so far."""
    if world == 1:
        return batches
    work = [0] * world
    found = []
    for shares in batches:
        filled = [sum(sizes[i] for i in share) for share in shares]
        largest_first = sorted(range(world), key=lambda share: -filled[share])
        least_first = sorted(range(world), key=lambda rank: work[rank])
        mine: Shares = [[]] * world
        for rank, share in zip(least_first, largest_first, strict=True):
            mine[rank] = shares[share]
            work[rank] += filled[share]
        found.append(mine)
    return found
