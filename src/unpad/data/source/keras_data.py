"""Keras's PyDataset, once Sequence: batches by number."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Any

import torch

from ...arguments import flag, positive
from .forms import Asked, Batches, Whole
from .iterables import named


class PyDataset:
    """Batches by number, as in Keras: a subclass defines `__len__` and `__getitem__`.

    Where batches never end, `num_batches = None` stands in the place of `__len__`, and
    `steps_per_epoch` says how many are an epoch.

    `fit` asks for each batch of an epoch, in an order that is drawn where `shuffle` is not False,
    and then calls `on_epoch_end`.

    Args:
        workers: how many threads make batches ahead; 1 makes each when it is needed.
        use_multiprocessing: not supported: processes that read are a DataLoader's `num_workers`.
        max_queue_size: how many batches may be ready.

    Raises:
        ValueError: an argument is not what it may be.
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        who = type(self).__name__
        self.workers = positive(who, "workers", workers)
        if flag(who, "use_multiprocessing", use_multiprocessing):
            raise ValueError(
                f"{who}: use_multiprocessing=True is not supported. Threads: workers=4; processes: "
                "torch.utils.data.DataLoader(dataset, num_workers=4)."
            )
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = positive(who, "max_queue_size", max_queue_size)

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
        """Each batch once, in order or in one that is drawn."""
        dataset, n = self._dataset, self.count
        if hasattr(dataset, "on_epoch_begin"):
            dataset.on_epoch_begin()
        if n is None:
            order: Iterable[int] = count()
        else:
            order = range(n) if draw is None else torch.randperm(n, generator=draw).tolist()
        workers = getattr(dataset, "workers", 1) or 1
        if workers < 2:
            yield from (dataset[i] for i in order)
            return
        ready: deque[Future[Any]] = deque()
        most = max(workers, getattr(dataset, "max_queue_size", 10))
        with ThreadPoolExecutor(workers) as pool:
            try:
                for i in order:
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
        if hasattr(self._dataset, "on_epoch_end"):
            self._dataset.on_epoch_end()


def py_dataset(x: Any, asked: Asked) -> Batches | None:
    """Keras's PyDataset or Sequence, or ours, by their methods."""
    names = {kind.__name__ for kind in type(x).__mro__}
    return (
        Numbered(x, asked)
        if names & {"PyDataset", "Sequence"} and hasattr(x, "__getitem__")
        else None
    )
