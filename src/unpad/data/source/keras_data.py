"""Keras's PyDataset, once Sequence: batches by number."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from itertools import count
from typing import Any

import torch
from torch.utils.data import DataLoader

from ...arguments import flag, integer
from .forms import Asked, Batches, Whole
from .iterables import named
from .streams import Streams


class PyDataset:
    """Batches by number, as in Keras: a subclass defines `__len__` and `__getitem__`.

    Where batches never end, `num_batches = None` stands in the place of `__len__`, and
    `steps_per_epoch` says how many are an epoch.

    `fit` asks for each batch of an epoch, in an order that is drawn where `shuffle` is not False,
    and then calls `on_epoch_end`. A fit that goes on at a later epoch calls `on_epoch_begin` and
    `on_epoch_end` for those before, whose batches are not made again.

    Args:
        workers: how many threads make batches ahead; 0 and 1 make each when it is needed.
        use_multiprocessing: whether the workers are processes, from 1 on, which torch's DataLoader
            starts; each has a copy of the dataset, and random numbers of its own.
        max_queue_size: how many batches may be ready; never fewer than there are workers.

    Raises:
        ValueError: an argument is not what it may be.
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        who = type(self).__name__
        self.workers = integer(who, "workers", workers, 0)
        self.use_multiprocessing = flag(who, "use_multiprocessing", use_multiprocessing)
        self.max_queue_size = integer(who, "max_queue_size", max_queue_size, 0)

    def __getitem__(self, index: int) -> Any:
        """The batch of this number: x, (x, y) or (x, y, sample_weight)."""
        raise NotImplementedError(f"{type(self).__name__}: define __getitem__(self, index).")

    @property
    def num_batches(self) -> int | None:
        """The number of batches, by default `len(self)`; None where they never end."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(
                f"{type(self).__name__}: define __len__(self); where batches never end, "
                "num_batches = None."
            )
        return len(self)  # pyright: ignore[reportArgumentType]

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


class Numbered(Batches):
    """The batches of a PyDataset, or of anything with its methods."""

    def __init__(self, dataset: Any, asked: Asked) -> None:
        self._dataset, self._asked = dataset, asked
        self.called = f"the {type(dataset).__name__}"
        # The epoch that it has heard of last, and whether that is over.
        self._epoch, self._over = -1, True
        # What random streams were before each time it heard something and drew from them; of
        # those that it did not hear in this process, what is to be drawn from again.
        self._heard: list[Streams | None] = []
        self._to_hear: list[Streams | None] = []

    @property
    def count(self) -> int | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The number of batches, which an epoch's end may change; None: they never end."""
        dataset = self._dataset
        n = dataset.num_batches if hasattr(type(dataset), "num_batches") else len(dataset)
        return None if n is None else int(n)

    @property
    def endless(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether it has no number of batches."""
        return self.count is None

    def read(self, epoch: int, draw: torch.Generator | None) -> Iterator[Any]:
        """Each batch once, in order or in one that is drawn; endless ones epoch after epoch."""
        self._begin(epoch)
        n, size = self.count, self._asked.batches
        if n is not None:
            yield from self._made(range(n) if draw is None else torch.randperm(n, generator=draw))
        elif size is None:
            yield from self._made(count())
        else:
            for number in count():
                self._begin(epoch + number)
                yield from self._made(range(number * size, (number + 1) * size))

    def _begin(self, epoch: int) -> None:
        """Tells it that an epoch begins; of those before that it has not heard of, both."""
        if self._epoch < 0:
            self._epoch = epoch - 1
        elif self._epoch >= epoch and not self._over:
            return  # it was looked at before
        while self._epoch + self._over < epoch:
            self._tell_beginning() if self._over else self.finished()
        self._tell_beginning()

    def _tell_beginning(self) -> None:
        self._epoch, self._over = self._epoch + self._over, False
        self._tell("on_epoch_begin")

    def _tell(self, hook: str) -> None:
        told = getattr(self._dataset, hook, None)
        if told is None:
            return
        before = self._to_hear.pop(0) if self._to_hear else None
        with nullcontext() if before is None else before.again():
            now = Streams()
            told()
            self._heard.append(None if now == Streams() else now)

    def _made(self, order: Iterable[Any]) -> Iterator[Any]:
        """The batches of these numbers, made by as many workers as the dataset has."""
        dataset, numbers = self._dataset, map(int, order)
        workers = int(getattr(dataset, "workers", 1) or 0)
        most = max(workers, getattr(dataset, "max_queue_size", 10))
        if workers and getattr(dataset, "use_multiprocessing", False):
            yield from _by_processes(dataset, numbers, workers, most // workers, self._epoch)
            return
        if workers < 2:
            yield from (dataset[i] for i in numbers)
            return
        ready: deque[Future[Any]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            try:
                for i in numbers:
                    ready.append(pool.submit(dataset.__getitem__, i))
                    if len(ready) >= most:
                        yield ready.popleft().result()
                while ready:
                    yield ready.popleft().result()
            finally:
                for waiting in ready:
                    waiting.cancel()

    def as_batch(self, item: Any) -> Whole:
        """An item as inputs, targets and weights."""
        return named(item, self._asked)

    def finished(self) -> None:
        """Tells the dataset that an epoch is over."""
        if not self._over:
            self._tell("on_epoch_end")
        self._over = True

    def state_dict(self) -> dict[str, Any]:
        """What it drew from when it heard of each epoch."""
        return {"heard": [None if s is None else s.state_dict() for s in self._heard]}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Has it draw the same when it hears of them."""
        heard = [None if s is None else Streams(s) for s in state["heard"]]
        self._to_hear = heard[len(self._heard) :]


def _by_processes(
    dataset: Any, order: Iterable[int], workers: int, ahead: int, epoch: int
) -> Iterator[Any]:
    """The batches in this order, made ahead by processes whose random numbers the epoch seeds."""
    return iter(
        DataLoader(
            dataset,
            batch_size=None,
            sampler=order,
            num_workers=workers,
            prefetch_factor=ahead,
            collate_fn=_as_it_is,
            generator=torch.Generator().manual_seed(epoch),
        )
    )


def _as_it_is(batch: Any) -> Any:
    return batch


def py_dataset(x: Any, asked: Asked) -> Batches | None:
    """Keras's PyDataset or Sequence, or ours, by their methods."""
    names = {kind.__name__ for kind in type(x).__mro__}
    return (
        Numbered(x, asked)
        if names & {"PyDataset", "Sequence"} and hasattr(x, "__getitem__")
        else None
    )
