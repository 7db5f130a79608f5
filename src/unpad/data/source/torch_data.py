"""torch's DataLoader, Dataset and IterableDataset."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, default_collate

from .forms import Asked, Batches, Piece, Pieces, Whole
from .iterables import Iterated, named

_INTO_LISTS = "Sequences of different lengths go into lists"
_COLLATE = "collate_fn=lambda rows: tuple(map(list, zip(*rows)))"
_COLLATE_DICTS = "collate_fn=lambda rows: {name: [row[name] for row in rows] for name in rows[0]}"
#: So many examples are read together.
EXAMPLES = 1024


class Loaded(Iterated):
    """The batches of a DataLoader, whose order follows from the seed and the epoch.

    A loader that shuffles draws its order from torch's global generator, where its own was not
    given: while it is drawn that is set by the seed of the fit and the epoch.
    """

    def __init__(self, loader: DataLoader[Any], asked: Asked) -> None:
        try:
            count = len(loader)
        except TypeError:  # of an IterableDataset
            count = None
        super().__init__(lambda: loader, "the DataLoader", False, asked, count)
        self._loader = loader

    def read(self, epoch: int, draw: torch.Generator | None) -> Iterator[Any]:
        """Its batches of an epoch."""
        loader = self._loader
        for part in (loader.dataset, loader.sampler, loader.batch_sampler):
            if hasattr(part, "set_epoch"):
                part.set_epoch(epoch)  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
        if draw is None:
            return self._stacked(iter(loader))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**62, (), generator=draw)))
            coming = self._stacked(iter(loader))
            first = list(islice(coming, 1))
        return chain(first, coming)

    def _stacked(self, coming: Iterator[Any]) -> Iterator[Any]:
        """What torch's own collate_fn cannot stack is told with the way out."""
        try:
            yield from coming
        except RuntimeError as error:
            if self._loader.collate_fn is not default_collate or "equal size" not in str(error):
                raise
            why = str(error).strip().splitlines()[-1].removeprefix("RuntimeError: ").rstrip(".")
            way = _COLLATE if self._asked.columns is None else _COLLATE_DICTS
            raise RuntimeError(f"{why}. {_INTO_LISTS}: {way}") from None

    def _are_sequences(self, first: Any) -> bool:
        """Whether a list is one of sequences, and not what torch makes of a tuple (x, y)."""
        if self._loader.collate_fn is default_collate:
            return False
        return np.ndim(first) == 1 if hasattr(first, "__array__") else _holds_numbers(first)

    def as_batch(self, item: Any) -> Whole:
        """An item as inputs, targets and weights."""
        if isinstance(item, list) and item and all(isinstance(x, (tuple, dict)) for x in item):
            what, way = (
                ("dict", _COLLATE_DICTS) if isinstance(item[0], dict) else ("tuple", _COLLATE)
            )
            raise ValueError(
                f"expected a batch as (x, y), got a list of {what}s, as of examples one by one. "
                f"{_INTO_LISTS}: {way}."
            )
        if isinstance(item, list) and 1 <= len(item) <= 3 and not self._are_sequences(item[0]):
            item = tuple(item)
        x, y, weight = super().as_batch(item)
        if isinstance(x, tuple) and not self._asked.several:
            x = list(x)
        return Whole(x, *(list(p) if isinstance(p, tuple) else p for p in (y, weight)))


class Examples(Pieces):
    """Examples one by one, each x, (x, y), (x, y, weight) or a dict of columns.

    Args:
        dataset: with `__getitem__` and `__len__`, or to be gone through.
        asked: what is known of the model.
        called: in errors.
        once: whether it can be gone through only once.
    """

    draws = True

    def __init__(self, dataset: Any, asked: Asked, called: str, once: bool = False) -> None:
        self._dataset, self._asked, self.called, self.once = dataset, asked, called, once
        sized = hasattr(dataset, "__len__") and not isinstance(dataset, IterableDataset)
        by_number = sized and hasattr(dataset, "__getitem__")
        self._n: int | None = len(dataset) if by_number else None  # pyright: ignore[reportArgumentType]
        self.rows = None if self._n is None else [1] * self._n

    def plan(self, draw: torch.Generator | None) -> list[list[int]] | None:
        """The examples of each piece, in an order that is drawn where one is wanted."""
        if self._n is None:
            return None
        n = self._n
        order = torch.arange(n) if draw is None else torch.randperm(n, generator=draw)
        return [piece.tolist() for piece in order.split(EXAMPLES)] if n else []

    def read(self, plan: list[list[int]] | None, epoch: int) -> Iterator[Piece]:
        """Some hundreds of examples at a time, each time as lists."""
        if hasattr(self._dataset, "set_epoch"):
            self._dataset.set_epoch(epoch)
        if plan is not None:
            for ids in plan:
                yield self._piece([self._example(i) for i in ids], f"examples {_span(ids)}")
            return
        coming, first = iter(self._dataset), 0
        while some := list(islice(coming, EXAMPLES)):
            yield self._piece(some, f"examples from {first} on")
            first += len(some)

    def _example(self, i: int) -> Any:
        try:
            return self._dataset[i]
        except Exception as error:
            raise RuntimeError(f"example {i}: {type(error).__name__}: {error}") from error

    def _piece(self, examples: list[Any], place: str) -> Piece:
        return Piece([collated([named(e, self._asked) for e in examples])], [place])


def _holds_numbers(x: Any) -> bool:
    return isinstance(x, list) and bool(x) and isinstance(x[0], (int, float, np.generic))


def _span(ids: list[int]) -> str:
    return f"{ids[0]}, {ids[1]}, ..." if len(ids) > 1 else str(ids[0])


def collated(examples: list[Whole]) -> Whole:
    """Examples as a batch: a list for each part, vectors of what are numbers."""
    first = examples[0]
    for i, example in enumerate(examples):
        for what, mine, other in zip(("x", "y", "sample_weight"), first, example, strict=True):
            if (mine is None) != (other is None):
                has, others = ("no", "one") if other is None else ("a", "none")
                raise ValueError(f"example {i} has {has} {what}, and the first has {others}.")
    return Whole(*(_listed([e[i] for e in examples]) for i in range(3)))


def _listed(parts: list[Any]) -> Any:
    first = parts[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {name: _listed([p[name] for p in parts]) for name in first}
    if isinstance(first, Tensor) and first.ndim == 0:
        return torch.stack(parts)
    return parts


def loader(x: Any, asked: Asked) -> Batches | None:
    """A DataLoader."""
    return Loaded(x, asked) if isinstance(x, DataLoader) else None


def dataset(x: Any, asked: Asked) -> Whole | Pieces | None:
    """A Dataset of examples; one of tensors is what these are."""
    if isinstance(x, TensorDataset):
        return named(x.tensors, asked)
    if not isinstance(x, Dataset):
        return None
    return Examples(x, asked, f"the {type(x).__name__}")
