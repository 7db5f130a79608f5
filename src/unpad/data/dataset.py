"""Dataset: elements that are read, changed and put into batches step by step, each epoch anew."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments import integer, positive, wrong
from ..core.structure import arranged, flat
from ..ragged import Ragged
from ..ragged.numbers import as_dtype, as_tensor
from .source.words import Words


class Dataset:
    """A chain of steps over elements, as `tf.data`'s: nothing is read before it is gone through.

    An element is anything: numbers, arrays, strings, tuples and dicts of these. `fit`, `evaluate`
    and `predict` take a Dataset of batches.

    Args:
        start: gives the elements from the first on, for an epoch counted from 0.
        count: of elements, where it is known; math.inf where they never end.

    Example:
        >>> data = Dataset.from_tensor_slices(([1, 2, 3], [0, 1, 0])).map(lambda x, y: (x * 2, y))
        >>> for x, y in data.batch(2):
        ...     print(x, y)
        tensor([2, 4]) tensor([0, 1])
        tensor([6]) tensor([0])
    """

    def __init__(self, start: Callable[[int], Iterator[Any]], count: float | None = None) -> None:
        self._start, self._count = start, count
        #: How often it was gone through: the epoch that the next time is, counted from 0.
        self.passes = 0

    # --- where elements come from ----------------------------------------------------------------

    @classmethod
    def from_tensor_slices(cls, tensors: Any) -> Dataset:
        """The rows of arrays, lists or a Ragged: one element for each; of several together.

        Args:
            tensors: arrays of as many rows, in tuples and dicts.

        Raises:
            ValueError: they have different numbers of rows, or one of them has none.
        """
        columns, like = [_column(leaf) for leaf in _leaves(tensors)], _lists_kept(tensors)
        counts = {len(column) for column in columns}
        if len(counts) != 1:
            raise ValueError(f"from_tensor_slices: arrays of {sorted(counts)} rows. One each.")
        rows = counts.pop()
        return cls(
            lambda _: (arranged((column[i] for column in columns), like) for i in range(rows)), rows
        )

    @classmethod
    def from_tensors(cls, tensors: Any) -> Dataset:
        """One element: what is given."""
        return cls(lambda _: iter([tensors]), 1)

    @classmethod
    def from_generator(
        cls,
        generator: Callable[..., Iterable[Any]],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = (),
        output_signature: Any = None,
    ) -> Dataset:
        """What a function that makes a generator yields.

        Args:
            generator: called for each epoch.
            output_types: of what it yields, in its form: numbers become tensors of these types.
            output_shapes: what TensorFlow is told of shapes; they are read off here.
            args: of the function.
            output_signature: what TensorFlow is told of types and shapes; they are read off here.
        """
        if not callable(generator):
            raise wrong("from_generator", "generator", "a function that makes one", generator)
        if output_types is None:
            return cls(lambda _: iter(generator(*args or ())))
        return cls(lambda _: (_typed(x, output_types) for x in generator(*args or ())))

    @classmethod
    def from_text_lines(cls, filenames: Any) -> Dataset:
        """The lines of files, as strings.

        Args:
            filenames: a path or several.
        """
        paths = [filenames] if isinstance(filenames, (str, Path)) else list(filenames)

        def lines(_: int) -> Iterator[str]:
            for path in paths:
                with Path(path).open(encoding="utf-8") as file:
                    yield from (line.rstrip("\r\n") for line in file)

        return cls(lines)

    @classmethod
    def range(cls, *args: int) -> Dataset:
        """The numbers of Python's range."""
        numbers = range(*args)
        return cls(lambda _: (torch.tensor(n) for n in numbers), len(numbers))

    @classmethod
    def zip(cls, *datasets: Any) -> Dataset:
        """Tuples of the elements of several, as long as all have one; or dicts of them."""
        given = datasets[0] if len(datasets) == 1 else datasets
        parts = flat(given)
        known = [part._count for part in parts]
        count = None if None in known else min(known, default=0)

        def rows(epoch: int) -> Iterator[Any]:
            read = [part._read(epoch) for part in parts]
            return (arranged(iter(row), given) for row in zip(*read, strict=False))

        return cls(rows, count)

    # --- steps -----------------------------------------------------------------------------------

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: Any = None,
        deterministic: Any = None,
    ) -> Dataset:
        """A function of each element; of a tuple its parts are the arguments.

        Args:
            map_func: gives the new element.
            num_parallel_calls: changes nothing: elements are made one after another.
            deterministic: changes nothing: the order stays.
        """
        return self._then(lambda read: (_called(map_func, element) for element in read))

    def filter(self, predicate: Callable[..., Any]) -> Dataset:
        """The elements of which a function says yes.

        Args:
            predicate: of an element, or of the parts of a tuple.
        """
        return self._then(
            lambda read: (e for e in read if bool(_called(predicate, e))), unknown=True
        )

    def batch(
        self, batch_size: int, drop_remainder: bool = False, num_parallel_calls: Any = None
    ) -> Dataset:
        """So many elements in one: arrays stacked, strings in an array.

        Sequences of different lengths become a Ragged, of real steps alone.

        Args:
            batch_size: elements a batch.
            drop_remainder: whether a last batch of fewer is left out.
            num_parallel_calls: changes nothing.
        """
        size = positive("batch", "batch_size", batch_size)

        def batches(read: Iterator[Any]) -> Iterator[Any]:
            while rows := list(itertools.islice(read, size)):
                if len(rows) == size or not drop_remainder:
                    yield _together(rows)

        known = self._count
        if known is not None and known < math.inf:
            known = int(known) // size if drop_remainder else math.ceil(known / size)
        return self._then(batches, known)

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
    ) -> Dataset:
        """As `batch`: what TensorFlow pads is a Ragged here, so that no padding is ever there.

        Args:
            batch_size: elements a batch.
            padded_shapes: says nothing that the elements do not.
            padding_values: likewise: there is no padding.
            drop_remainder: whether a last batch of fewer is left out.
        """
        return self.batch(batch_size, drop_remainder)

    def window(
        self, size: int, shift: int | None = None, stride: int = 1, drop_remainder: bool = False
    ) -> Dataset:
        """Each element a dataset of so many of these; of tuples and dicts a dataset of each part.

        Behind it stands `flat_map(lambda window: window.batch(size))`, which lays the elements of a
        window side by side. As many are kept in memory as a window spans.

        Args:
            size: elements a window.
            shift: from the first of a window to the first of the next; by default `size`.
            stride: from one element of a window to the next.
            drop_remainder: whether windows that the end cuts short are left out.
        """
        size, stride = positive("window", "size", size), positive("window", "stride", stride)
        by = size if shift is None else positive("window", "shift", shift)
        span = (size - 1) * stride + 1

        def windows(read: Iterator[Any]) -> Iterator[Any]:
            held = list(itertools.islice(read, span))
            while held and not (drop_remainder and len(held) < span):
                yield _columns(held[::stride])
                gone, held = max(0, by - len(held)), held[by:]
                held += itertools.islice(read, gone, gone + span - len(held))

        known = self._count
        if known is not None and known < math.inf:
            known = max(0, int(known) - span + by) // by if drop_remainder else -(-int(known) // by)
        return self._then(windows, known)

    def flat_map(self, map_func: Callable[..., Dataset]) -> Dataset:
        """The elements of the datasets that a function makes of each element, one after another.

        Args:
            map_func: of an element, or of the parts of a tuple, to a dataset.
        """

        def every(read: Iterator[Any]) -> Iterator[Any]:
            for element in read:
                made = _called(map_func, element)
                if not isinstance(made, Dataset):
                    raise wrong("flat_map", "what map_func gives", "a Dataset", made)
                yield from made

        return self._then(every, unknown=True)

    def unbatch(self) -> Dataset:
        """The rows of each element, one after another."""

        def rows(read: Iterator[Any]) -> Iterator[Any]:
            for batch in read:
                yield from Dataset.from_tensor_slices(batch)

        return self._then(rows, unknown=True)

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True
    ) -> Dataset:
        """The elements in an order that is drawn: each from as many as are kept ready.

        Args:
            buffer_size: how many are kept ready.
            seed: of the order; by default torch's.
            reshuffle_each_iteration: whether each epoch has an order of its own.
        """
        size = positive("shuffle", "buffer_size", buffer_size)
        first = int(torch.initial_seed() if seed is None else integer("shuffle", "seed", seed))

        def start(epoch: int) -> Iterator[Any]:
            key = (first % 2**63, epoch if reshuffle_each_iteration else 0)
            drawn, ready = np.random.default_rng(key), []
            for element in self._read(epoch):
                ready.append(element)
                if len(ready) > size:
                    i = int(drawn.integers(size))
                    ready[i], ready[-1] = ready[-1], ready[i]
                    yield ready.pop()
            yield from (ready[i] for i in drawn.permutation(len(ready)))

        return Dataset(start, self._count)

    def repeat(self, count: int | None = None) -> Dataset:
        """All elements so many times, or without end."""
        if count is None or count < 0:

            def endless(epoch: int) -> Iterator[Any]:
                for i in itertools.count(epoch << 32):
                    read = self._read(i)
                    some = list(itertools.islice(read, 1))
                    if not some:
                        return
                    yield from itertools.chain(some, read)

            return Dataset(endless, 0 if self._count == 0 else math.inf)
        known = None if self._count is None else count and self._count * count
        every = range(count)
        return Dataset(
            lambda e: itertools.chain.from_iterable(self._read(e * count + i) for i in every), known
        )

    def cache(self, filename: str = "") -> Dataset:
        """Keeps the elements in memory once they were gone through.

        Args:
            filename: of a file to keep them in, which is not supported.
        """
        if filename:
            raise ValueError(f"cache: filename={filename!r} is not supported: it is in memory.")
        kept: list[Any] = []
        whole = [False]

        def start(epoch: int) -> Iterator[Any]:
            if whole[0]:
                yield from kept
                return
            found = []
            for element in self._read(epoch):
                found.append(element)
                yield element
            kept[:], whole[0] = found, True

        return Dataset(start, self._count)

    def prefetch(self, buffer_size: int | None = None, name: str | None = None) -> Dataset:
        """Itself: `fit` makes batches ahead while a model works."""
        return self

    def take(self, count: int) -> Dataset:
        """The first elements; -1 for all."""
        if count < 0:
            return self
        known = None if self._count is None else min(count, self._count)
        return self._then(lambda read: itertools.islice(read, count), known)

    def skip(self, count: int) -> Dataset:
        """The elements behind the first."""
        known = None if self._count is None else max(0, self._count - count)
        return self._then(lambda read: itertools.islice(read, count, None), known)

    def concatenate(self, dataset: Dataset) -> Dataset:
        """The elements of this one, then those of another."""
        counts = (self._count, dataset._count)
        known = None if None in counts else sum(c for c in counts if c is not None)
        known = math.inf if self._count == math.inf else known
        return Dataset(lambda e: itertools.chain(self._read(e), dataset._read(e)), known)

    def enumerate(self, start: int = 0) -> Dataset:
        """Tuples of a number, counted on, and the element."""
        return self._then(lambda read: enumerate(read, start))

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """What a function makes of it."""
        return transformation_func(self)

    # --- going through it ------------------------------------------------------------------------

    def _then(
        self,
        step: Callable[[Iterator[Any]], Iterator[Any]],
        count: float | None = None,
        unknown: bool = False,
    ) -> Dataset:
        """A step behind this one, of so many elements, as many, or as many as turn out."""
        known = self._count if count is None else count
        if unknown and known != math.inf:
            known = None
        return Dataset(lambda epoch: step(self._read(epoch)), known)

    def _read(self, epoch: int) -> Iterator[Any]:
        return self._start(epoch)

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch the next time is that it is gone through, as `fit` does each time.

        Args:
            epoch: counted from 0; by default one more each time.
        """
        self.passes = integer("set_epoch", "epoch", epoch)

    def __iter__(self) -> Iterator[Any]:
        epoch, self.passes = self.passes, self.passes + 1
        return self._read(epoch)

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements with arrays of numpy's in the place of tensors."""
        read = ((_leaves(element), _lists_kept(element)) for element in self)
        return (arranged(map(_as_numpy, leaves), like) for leaves, like in read)

    def cardinality(self) -> int:
        """How many elements there are; -1 where they never end, -2 where it is not known."""
        return -2 if self._count is None else -1 if self._count == math.inf else int(self._count)

    def __len__(self) -> int:
        if self._count is None:
            raise TypeError("Dataset: how many elements there are is not known before the end.")
        if self._count == math.inf:
            raise TypeError("Dataset: its elements never end.")
        return int(self._count)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(
            f"Dataset.{name}: not here. Known are {', '.join(_STEPS)}; anything else is a function "
            "that makes a generator: Dataset.from_generator(...)."
        )


def _columns(rows: list[Any]) -> Any:
    """A dataset of these elements; of their parts, each one of its own, where they have parts."""
    first = rows[0]
    if isinstance(first, dict):
        return {key: _columns([row[key] for row in rows]) for key in first}
    if isinstance(first, tuple):
        return tuple(_columns([row[i] for row in rows]) for i in range(len(first)))
    return Dataset(lambda epoch: iter(rows), len(rows))


_STEPS = [name for name in vars(Dataset) if not name.startswith("_")]


def _lists_kept(tensors: Any) -> Any:
    """The same tree with lists as leaves: of numbers or sequences, they are one column."""
    if isinstance(tensors, dict):
        return {key: _lists_kept(part) for key, part in tensors.items()}
    if isinstance(tensors, tuple):
        return tuple(map(_lists_kept, tensors))
    return _Column(tensors) if isinstance(tensors, list) else tensors


class _Column:
    """A list that is one column."""

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows


def _leaves(tree: Any) -> list[Any]:
    """What lies in tuples and dicts, in order; a list is one thing."""
    return [x.rows if isinstance(x, _Column) else x for x in flat(_lists_kept(tree))]


def _column(rows: Any) -> Any:
    """A column whose rows can be asked for by number, numbers as tensors."""
    if isinstance(rows, Ragged):
        return rows.to_list()
    if isinstance(rows, list) and all(isinstance(x, (bool, int, float)) for x in rows):
        return torch.tensor(rows)
    if isinstance(rows, np.ndarray) and rows.dtype.kind in "iufb":
        return torch.from_numpy(np.ascontiguousarray(rows))
    as_array: Any = getattr(rows, "to_numpy", None)
    if as_array is not None:  # a frame's column
        return _column(as_array())
    if not hasattr(rows, "__len__") or getattr(rows, "shape", None) == ():
        raise wrong("from_tensor_slices", "tensors", "arrays, lists or a Ragged, with rows", rows)
    return rows


def _called(function: Callable[..., Any], element: Any) -> Any:
    return function(*element) if type(element) is tuple else function(element)


def _together(rows: list[Any]) -> Any:
    first = rows[0]
    if isinstance(first, (dict, tuple)):
        columns = zip(*map(_leaves, rows), strict=True)
        return arranged((_stacked(list(c)) for c in columns), _lists_kept(first))
    return _stacked(rows)


def _stacked(rows: list[Any]) -> Any:
    """Rows as one thing: a tensor, a Ragged, an array of strings."""
    first = rows[0]
    if isinstance(first, (str, bytes)):
        return Words.of(rows)
    if isinstance(first, Ragged):
        return Ragged.concatenate(rows)
    if isinstance(first, np.ndarray) and first.dtype.kind in "OUS":
        return np.stack(rows).view(Words)
    if isinstance(first, list) and any(isinstance(x, str) for row in rows for x in row):
        return rows
    tensors = [row if isinstance(row, Tensor) else torch.as_tensor(row) for row in rows]
    if len({t.shape for t in tensors}) == 1:
        return torch.stack(tensors)
    return Ragged.from_list(tensors)


def _as_numpy(leaf: Any) -> Any:
    return leaf.detach().cpu().numpy() if isinstance(leaf, Tensor) else leaf


def _typed(element: Any, types: Any) -> Any:
    """What a generator has yielded, with numbers as tensors of these types; texts stay."""
    if isinstance(types, dict):
        return {name: _typed(element[name], kind) for name, kind in types.items()}
    if isinstance(types, (list, tuple)):
        return tuple(_typed(part, kind) for part, kind in zip(element, types, strict=True))
    kind = None if types in ("string", str) else as_dtype(types, "from_generator: output_types")
    return element if kind is None else as_tensor(element, "from_generator").to(kind)
