"""The batches of each epoch, whatever they come from: one interface for the loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from .loader import Loader
from .source import Batch, Source


class Feed(Protocol):
    """The batches of each epoch, which a loop asks for one after another.

    An epoch can be begun at a later batch, as one that was interrupted: `batches(3, 17)` gives what
    `batches(3)` gives from batch 17 on.
    """

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the batches of an epoch follow from beside the seed, as data."""
        ...

    @property
    def once(self) -> bool:
        """Whether there is only one epoch."""
        ...

    @property
    def steps(self) -> int | None:
        """Real steps in an epoch; None where they are not known beforehand."""
        ...

    def count(self, epoch: int) -> int | None:
        """The number of batches in an epoch, counted from 0; None where it is not known."""
        ...

    def batches(self, epoch: int, start: int = 0, *, apart: bool = False) -> Iterator[Batch]:
        """The batches of an epoch from batch `start` on, on the device.

        Args:
            epoch: counted from 0.
            start: the first batch that is given, counted from 0.
            apart: whether each is made when it is asked for, and not before.
        """
        ...

    def left(self) -> None:
        """To be told that as much of an epoch was taken as was wanted, and not all."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What batches of an epoch that has begun follow from beside `facts`, as data."""
        ...

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Has an epoch go on that had begun."""
        ...


class Drawn:
    """The batches of a source that lies in memory, in the order that was drawn for the epoch.

    Args:
        source: to take sequences from.
        draw: gives the sequences of each batch of an epoch.
        device: where they are wanted.
        options: by which it is drawn, for what goes on from an interrupted training.
    """

    def __init__(
        self,
        source: Source,
        draw: Callable[[int], list[Tensor]],
        device: torch.device,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.facts: Mapping[str, Any] = {
            "sequences": len(source),
            "steps": source.steps,
            **(options or {}),
        }
        self._draw, self._loader = draw, Loader(source, device)
        self._last: tuple[int, list[Tensor]] | None = None
        self.steps: int | None = source.steps
        self.once = False

    def drawn(self, epoch: int) -> list[Tensor]:
        """The sequences of each batch of an epoch."""
        if self._last is None or self._last[0] != epoch:
            self._last = epoch, self._draw(epoch)
        return self._last[1]

    def count(self, epoch: int) -> int | None:
        """The number of batches in an epoch."""
        return len(self.drawn(epoch))

    def batches(self, epoch: int, start: int = 0, *, apart: bool = False) -> Iterator[Batch]:
        """The batches of an epoch from batch `start` on; see `Feed.batches`."""
        return self._loader.batches(self.drawn(epoch), apart, start)

    def left(self) -> None:
        """Nothing is to be done."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing: an epoch follows from the seed."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Nothing is to be done."""


class Limited:
    """Epochs of so many batches, each going on where the one before has stopped.

    What can be read again begins anew where it ends; a generator that ends early is an error. What
    has no end hears of the end of each epoch.

    Args:
        feed: whose epochs follow one another.
        batches: in an epoch.
        option: that says so, as "steps_per_epoch".
        who: shown in errors.
    """

    steps: int | None = None

    def __init__(self, feed: Feed, batches: int, option: str, who: str) -> None:
        self._feed, self._n, self._option, self._who = feed, batches, option, who
        self.facts = {**feed.facts, option: batches}
        self.once = False
        self._at = -1
        # How often the feed was gone through before, and how many batches of this time were taken.
        self._pass, self._taken = 0, 0
        self._from: tuple[int, int] | None = None
        self._coming: Iterator[Batch] = iter(())

    def count(self, epoch: int) -> int | None:
        """The number of batches in an epoch."""
        return self._n

    def batches(self, epoch: int, start: int = 0, *, apart: bool = False) -> Iterator[Batch]:
        """The batches of an epoch; see `Feed.batches`."""
        if self._at != (wanted := epoch * self._n + start):
            self._at, self._coming = wanted, self._passes(*self._begin(wanted), apart)
        for done in range(start, self._n):
            batch = next(self._coming, None)
            if batch is None:
                raise ValueError(
                    f"{self._who}: the batches ended after {done} of the {self._n} of epoch "
                    f"{epoch + 1} that {self._option}={self._n} asks for. What was learnt before "
                    "stands. Give a generator that goes on, or a function that makes one."
                )
            self._at += 1
            yield batch
        if self._feed.count(self._pass) is None:
            self._feed.left()

    def left(self) -> None:
        """Nothing is to be done: the next epoch goes on."""

    def state_dict(self) -> dict[str, Any]:
        """Which pass it is, and where in it."""
        return {"pass": self._pass, "taken": self._taken, "of": self._feed.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Goes on there."""
        self._from, self._at = (state["pass"], state["taken"]), -1
        self._feed.load_state_dict(state["of"])

    def _begin(self, wanted: int) -> tuple[int, int, int]:
        """The pass that holds a batch, counted over all, its place there, and how many to leave."""
        if self._from is not None:
            place, self._from = self._from, None
            return *place, 0
        if self._feed.once:
            return 0, 0, 0
        number = 0
        while (n := self._feed.count(number)) is not None and 0 < n <= wanted:
            number, wanted = number + 1, wanted - n
        return (number, 0, wanted) if n is None else (number, wanted, 0)

    def _passes(self, number: int, start: int, left: int, apart: bool) -> Iterator[Batch]:
        """All batches one after another, from one of a pass on, but for so many."""
        while True:
            self._pass, self._taken = number, start
            for batch in self._feed.batches(number, start, apart=apart):
                self._taken += 1
                if left:
                    left -= 1
                    continue
                yield batch
            if self._feed.once or not self._taken:
                return
            number, start = number + 1, 0
