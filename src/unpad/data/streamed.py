"""The batches of each epoch where they come from outside: the caller's own, or read in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, count, islice
from typing import Any, Generic, TypeVar
from zlib import crc32

import torch

from ..errors import shown
from .ahead import ahead
from .seed import generator, mixed
from .source import Batches, Piece, Pieces, Whole

T = TypeVar("T")

#: Makes of what a caller gives what a loop works on.
Lay = Callable[[Whole], T]


class Standing:
    """How far a stream has been read and what became of the weights: what its errors say.

    Args:
        who: is called in errors, as "fit".
        learns: whether weights move by what was read.
    """

    def __init__(self, who: str, learns: bool) -> None:
        self.who, self.learns = who, learns
        self.taken = 0

    def after(self, what: str) -> str:
        """What has become of the weights, for the end of an error."""
        if not self.learns:
            return ""
        if not self.taken:
            return " No weight has moved."
        return f" No weight has moved by this {what}; what was learnt before stands."

    def wrong(self, at: str, error: ValueError, what: str) -> ValueError:
        """The error for what a source gave that cannot be used.

        Args:
            at: which it was, as "batch 3".
            error: what is wrong with it.
            what: "batch" or "piece".
        """
        text = str(error).removeprefix(f"{self.who}: ")
        return ValueError(f"{self.who}: {at}: {text}{self.after(what)}")

    def raised(self, at: str, called: str, error: Exception, what: str) -> RuntimeError:
        """The error for a source that raises one itself."""
        kind = type(error).__name__
        return RuntimeError(f"{self.who}: {at}: {called} raised {kind}: {error}.{self.after(what)}")


class InBatches(Generic[T]):
    """The caller's batches, each laid out as it comes; a `Feed`, or what predictions are made of.

    Args:
        stream: that gives them.
        lay: makes of one what is worked on.
        standing: what errors say.
        seed: what an order is drawn from, where the stream can be read in any; None for its own.
    """

    steps: int | None = None

    def __init__(self, stream: Batches, lay: Lay[T], standing: Standing, seed: int | None) -> None:
        self.stream, self._lay, self._standing, self._seed = stream, lay, standing, seed
        self.facts = {"stream": stream.called, "batches": stream.count}
        self._begun: tuple[int, Iterator[T]] | None = None

    @property
    def once(self) -> bool:
        """Whether there is no second epoch."""
        return self.stream.once

    def count(self, epoch: int) -> int | None:
        """The number of batches in an epoch; None where it is not known."""
        return self.stream.count

    def first(self, epoch: int) -> T | None:
        """The first batch of an epoch, which `batches` then gives again; None of none."""
        coming = self._read(epoch, 0)
        found = list(islice(coming, 1))
        self._begun = epoch, chain(found, coming)
        return found[0] if found else None

    def batches(self, epoch: int, start: int = 0, *, apart: bool = False) -> Iterator[T]:
        """The batches of an epoch; see `Feed.batches`. Those before `start` are read and left."""
        begun, self._begun = self._begun, None
        if begun is not None and not start and (begun[0] == epoch or self.once):
            return begun[1]
        return self._read(epoch, start)

    def _read(self, epoch: int, start: int) -> Iterator[T]:
        stream, standing = self.stream, self._standing
        draw = None if self._seed is None else generator(self._seed, epoch)
        form, passes = None, Passes(stream.called, standing.who)
        with self._asking(0, epoch):
            coming = stream.read(epoch, draw)
        i = 0
        for i in count():
            with self._asking(i, epoch):
                item = next(coming, _END)
            if item is _END:
                break
            with self._at(i, epoch):
                whole = stream.as_batch(item)
                form = _same_form(whole, form)
                passes.add(whole)
                if i < start:
                    continue
                batch = self._lay(whole)
            standing.taken += 1
            yield batch
        if i == 0:
            raise ValueError(self._empty(epoch))
        stream.finished()

    def _empty(self, epoch: int) -> str:
        stream, who = self.stream, self._standing.who
        if not epoch:
            return f"{who}: {stream.called} gave no batch."
        way = (
            "A function must make a new one each time it is called."
            if stream.called.endswith("()")
            else "It must begin anew each time it is gone through."
        )
        return (
            f"{who}: {stream.called} gave no batch in epoch {epoch + 1}. {way} What was learnt "
            "before stands."
        )

    @contextmanager
    def _at(self, i: int, epoch: int) -> Iterator[None]:
        """Errors in a batch say which it is."""
        try:
            yield
        except ValueError as error:
            raise self._standing.wrong(self._batch(i, epoch), error, "batch") from None

    @contextmanager
    def _asking(self, i: int, epoch: int) -> Iterator[None]:
        """What a source raises says where it was, and what has become of the weights."""
        try:
            yield
        except Exception as error:
            standing, called = self._standing, self.stream.called
            if isinstance(error, ValueError) and str(error).startswith(f"{standing.who}: "):
                raise
            raise standing.raised(self._batch(i, epoch), called, error, "batch") from error

    def _batch(self, i: int, epoch: int) -> str:
        return f"batch {i} of epoch {epoch + 1}" if self._standing.learns else f"batch {i}"


_END = object()


def _same_form(whole: Whole, before: str | None) -> str:
    """What a batch is made of, in words: as the first.

    Raises:
        ValueError: it is made of other parts.
    """
    parts = [
        f"{word}{_parts(part)}"
        for word, part in zip(_WORDS, whole, strict=True)
        if part is not None
    ]
    form = f"({', '.join(parts)})"
    if before is not None and form != before:
        raise ValueError(f"expected a batch as {before}, like the first, got {form}.")
    return form


_WORDS = ("x", "y", "sample_weight")


def _parts(part: Any) -> str:
    if isinstance(part, dict):
        return f" of {', '.join(sorted(map(str, part)))}"
    return f" of {len(part)} parts" if isinstance(part, tuple) else ""


class Passes:
    """Tells when a generator that never ends begins anew again and again.

    Args:
        called: what it is called in errors.
        who: shown in errors.
    """

    def __init__(self, called: str, who: str) -> None:
        self._called, self._who = called, who
        self._seen: list[int] = []

    def add(self, whole: Whole) -> None:
        """Counts a batch.

        Raises:
            ValueError: the same batches have come three times over.
        """
        mark = _mark(whole.x)
        if mark is None:
            return
        seen, n = self._seen, len(self._seen)
        # Three passes of k batches are over where the last 2 k are those k before.
        if n and n % 3 == 2:
            k = (n + 1) // 3
            # Nearly always the last of each pass says no, and nothing need be copied.
            last = [*seen, mark] if k > 1 and mark == seen[k - 1] == seen[2 * k - 1] else []
            if last and last[:k] == last[k : 2 * k] == last[2 * k :] and len(set(last[:k])) > 1:
                raise ValueError(
                    f"{self._called} has given the same {k} batches three times over, and does not "
                    f"end. Say how many are an epoch: steps_per_epoch={k}."
                )
        seen.append(mark)


def _mark(x: Any) -> int | None:
    """A number that equal arrays share."""
    while isinstance(x, (list, tuple)) and x and not isinstance(x[0], (int, float)):
        x = x[0]
    if isinstance(x, dict):
        return _mark(next(iter(x.values()), None))
    try:
        values: Any = getattr(x, "values", x)
        values = values.numpy() if isinstance(values, torch.Tensor) else values
        return crc32(memoryview(values).tobytes()[:65536])
    except (TypeError, ValueError, RuntimeError):
        return None


class InPieces(Generic[T]):
    """Sequences read some thousand at a time, and cut into batches piece by piece.

    Which parts a piece is made of follows from the seed and the epoch, and so does what is done
    with it: an epoch is the same whenever it is asked.

    Args:
        pieces: to read.
        lay: makes of a piece what is worked on.
        cut: the batches of a laid piece, given a number that is the piece's own; and how many
            batches so many sequences will be, None where that is not known.
        standing: what errors say.
        seed: what the order is drawn from; None for that of the source.
        options: by which pieces are cut, for what goes on from an interrupted training.
    """

    steps: int | None = None

    def __init__(
        self,
        pieces: Pieces,
        lay: Lay[Any],
        cut: Callable[[Any, int, int, bool], Iterator[T]],
        sizes: Callable[[int], int | None],
        standing: Standing,
        seed: int | None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        rows = None if pieces.rows is None else sum(pieces.rows)
        self.facts = {"stream": pieces.called, "sequences": rows, **(options or {})}
        self.pieces, self._lay, self._cut, self._sizes = pieces, lay, cut, sizes
        self._standing, self._seed = standing, seed
        self._begun: tuple[int, Iterator[tuple[int, Any]]] | None = None

    @property
    def once(self) -> bool:
        """Whether there is no second epoch."""
        return self.pieces.once

    def count(self, epoch: int) -> int | None:
        """The number of batches in an epoch; None where it is not known."""
        sizes = self._batches_of(self._plan(epoch))
        return None if sizes is None else sum(sizes)

    def first(self, epoch: int) -> Any:
        """The first piece of an epoch, which `batches` then begins with; None of none."""
        coming = self._read(self._plan(epoch), epoch, 0)
        found = list(islice(coming, 1))
        self._begun = epoch, chain(found, coming)
        return found[0][1] if found else None

    def batches(self, epoch: int, start: int = 0, *, apart: bool = False) -> Iterator[T]:
        """The batches of an epoch; see `Feed.batches`. Pieces before `start` are not read."""
        begun, self._begun = self._begun, None
        plan, before = self._plan(epoch), 0
        sizes = self._batches_of(plan)
        skipped = 0
        while sizes is not None and skipped < len(sizes) and before + sizes[skipped] <= start:
            before += sizes[skipped]
            skipped += 1
        if begun is not None and not skipped and (begun[0] == epoch or self.once):
            coming = begun[1]
        else:
            coming = self._read(plan, epoch, skipped)
        return self._batches(coming, epoch, start - before, apart)

    def _batches(
        self, coming: Iterator[tuple[int, Any]], epoch: int, start: int, apart: bool
    ) -> Iterator[T]:
        for number, data in coming:
            for batch in self._cut(data, number, epoch, apart):
                if start > 0:
                    start -= 1
                    continue
                self._standing.taken += 1
                yield batch

    def _plan(self, epoch: int) -> list[list[int]] | None:
        return self.pieces.plan(None if self._seed is None else generator(self._seed, epoch))

    def _batches_of(self, plan: list[list[int]] | None) -> list[int] | None:
        rows = self.pieces.rows
        if plan is None or rows is None:
            return None
        sizes = [self._sizes(sum(rows[part] for part in parts)) for parts in plan]
        return None if None in sizes else sizes  # pyright: ignore[reportReturnType]

    def _read(
        self, plan: list[list[int]] | None, epoch: int, skipped: int
    ) -> Iterator[tuple[int, Any]]:
        """Each piece's number, and what it was laid out as."""
        rest = None if plan is None else plan[skipped:]
        coming = ahead(self.pieces.read(rest, epoch))
        some = False
        try:
            for number in count(skipped):
                with self._reading(number):
                    piece = next(coming, None)
                if piece is None:
                    break
                some = True
                yield number, self._laid(piece)
        finally:
            coming.close()
        if not some and not skipped:
            raise ValueError(f"{self._standing.who}: {self.pieces.called} holds no sequences.")

    def _laid(self, piece: Piece) -> Any:
        try:
            return self._lay(joined(piece.parts))
        except ValueError as error:
            # Which of its parts it is, and where within that.
            wrong = error
            for part, name in zip(piece.parts, piece.places, strict=True):
                try:
                    self._lay(part)
                except ValueError as found:
                    raise self._standing.wrong(name, found, "piece") from None
        raise self._standing.wrong(" and ".join(piece.places[:2]), wrong, "piece")

    @contextmanager
    def _reading(self, number: int) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            standing, called = self._standing, self.pieces.called
            if isinstance(error, ValueError):
                raise standing.wrong(called, error, "piece") from None
            raise standing.raised(f"piece {number}", called, error, "piece") from error

    def numbered(self, epoch: int, number: int) -> int:
        """A seed of a piece's own."""
        return mixed(self._seed or 0, epoch, number)


def joined(parts: list[Whole]) -> Whole:
    """Several parts of one source as one."""
    if len(parts) == 1:
        return parts[0]
    return Whole(*(_joined([part[i] for part in parts]) for i in range(3)))


def _joined(columns: list[Any]) -> Any:
    first = columns[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {name: _joined([c[name] for c in columns]) for name in first}
    if isinstance(first, tuple):
        return tuple(_joined([c[i] for c in columns]) for i in range(len(first)))
    if hasattr(first, "to_pylist"):
        import pyarrow

        chunks = [chunk for c in columns for chunk in (c.chunks if hasattr(c, "chunks") else [c])]
        return pyarrow.chunked_array(chunks)
    if isinstance(first, list):
        return [item for column in columns for item in column]
    if hasattr(first, "shape"):
        import numpy as np

        return torch.cat(columns) if isinstance(first, torch.Tensor) else np.concatenate(columns)
    raise ValueError(f"expected columns that can be joined, got {shown(first)}.")
