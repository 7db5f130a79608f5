"""A source read from one end to the other: each error says where it was, and what that has done."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from typing import Any, TypeVar
from zlib import crc32

import torch

from ...errors import shown
from .ahead import ahead
from .forms import Batches, Piece, Pieces, Whole
from .streams import Streams

T = TypeVar("T")
_END = object()


class Standing:
    """How far a stream has been read and what became of the weights: what its errors say.

    Args:
        who: is called in errors, as "fit".
        learns: whether weights move by what was read.
    """

    def __init__(self, who: str, learns: bool) -> None:
        self.who, self.learns = who, learns
        self.taken = 0

    def batch(self, i: int, epoch: int) -> str:
        """What a batch is called."""
        return f"batch {i} of epoch {epoch + 1}" if self.learns else f"batch {i}"

    @contextmanager
    def at(self, place: str, what: str = "batch") -> Iterator[None]:
        """What is wrong with a batch or piece is told with its place.

        Args:
            place: which it is, as "batch 3".
            what: "batch" or "piece".
        """
        try:
            yield
        except ValueError as error:
            raise self.wrong(place, error, what) from None

    @contextmanager
    def asking(self, place: str, called: str, what: str = "batch") -> Iterator[None]:
        """What a source raises is told with its place, and with what has become of the weights."""
        try:
            yield
        except Exception as error:
            if isinstance(error, ValueError) and str(error).startswith(f"{self.who}: "):
                raise
            kind = type(error).__name__
            text = str(error).strip()
            if (
                "Traceback (most recent call last)" in text
            ):  # of a process: its end says what it was
                text = text.splitlines()[-1].removeprefix(f"{kind}: ")
            raise RuntimeError(
                f"{self.who}: {place}: {called} raised {kind}: {text.rstrip('.')}."
                f"{self._after(what)}"
            ) from error

    def wrong(self, place: str, error: ValueError, what: str) -> ValueError:
        """The error for what a source gave that cannot be used."""
        text = str(error).removeprefix(f"{self.who}: ")
        return ValueError(f"{self.who}: {place}: {text}{self._after(what)}")

    def _after(self, what: str) -> str:
        if not self.learns:
            return ""
        if not self.taken:
            return " No weight has moved."
        return f" No weight has moved by this {what}; what was learnt before stands."


def refuse_endless(stream: Batches | Pieces, most: int | None, option: str, who: str) -> None:
    """Raises where batches never end and it is not said how many are wanted."""
    if most is None and isinstance(stream, Batches) and stream.endless:
        raise ValueError(
            f"{who}: {stream.called} never ends. Say how many of its batches to take: {option}=..."
        )


# --- batches -------------------------------------------------------------------------------------


def read_batches(
    stream: Batches, standing: Standing, epoch: int = 0, draw: torch.Generator | None = None
) -> Iterator[tuple[int, Whole]]:
    """The batches of a stream and their numbers, each made of the same parts as the first.

    Args:
        stream: that gives them.
        standing: what errors say.
        epoch: counted from 0.
        draw: what an order is drawn from, where they can be had in any; None for their own.

    Raises:
        ValueError: there is none, one has other parts, or they begin anew again and again.
        RuntimeError: the source itself has raised an error.
    """
    form, passes = None, _Passes(stream.called)
    with standing.asking(standing.batch(0, epoch), stream.called):
        coming = stream.read(epoch, draw)
    i = 0
    for i in count():
        place = standing.batch(i, epoch)
        with standing.asking(place, stream.called):
            item = next(coming, _END)
        if item is _END:
            break
        with standing.at(place):
            whole = stream.as_batch(item)
            form = _same_form(whole, form)
            passes.add(whole)
        yield i, whole
    if i == 0:
        raise ValueError(f"{standing.who}: {_nothing(stream, epoch)}")
    stream.finished()


def _nothing(stream: Batches, epoch: int) -> str:
    if not epoch:
        return f"{stream.called} gave no batch."
    way = (
        "A function must make a new one each time it is called."
        if stream.called.endswith("()")
        else "It must begin anew each time it is gone through."
    )
    return (
        f"{stream.called} gave no batch in epoch {epoch + 1}. {way} What was learnt before stands."
    )


def _same_form(whole: Whole, before: str | None) -> str:
    """What a batch is made of, in words: as the first."""
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


class _Passes:
    """Tells when a generator that never ends begins anew again and again."""

    def __init__(self, called: str) -> None:
        self._called = called
        # Four bytes a batch: a stream may have any number of them.
        self._seen = array("I")

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


# --- pieces --------------------------------------------------------------------------------------


def read_pieces(
    pieces: Pieces,
    standing: Standing,
    plan: list[list[int]] | None,
    epoch: int = 0,
    first: int = 0,
    seeded: Callable[[int], int] | None = None,
) -> Iterator[tuple[int, Piece]]:
    """The pieces of a plan and their numbers, each read while the one before is worked on.

    What a caller's own code draws for a piece follows from a seed of the piece's, and is drawn
    from nobody else's streams.

    Args:
        pieces: to read.
        standing: what errors say.
        plan: which parts go into each piece.
        epoch: counted from 0.
        first: the piece to begin with; those before it are not read.
        seeded: the seed of what is drawn for a piece, by its number; None: it is drawn from the
            streams as they stand.

    Raises:
        ValueError: there is none.
        RuntimeError: the source itself has raised an error.
    """
    coming: Any = pieces.read(None if plan is None else plan[first:], epoch)
    if not pieces.draws:
        coming = ahead(coming)
    some = False
    try:
        for number in count(first):
            with (
                standing.asking(f"piece {number}", pieces.called, "piece"),
                standing.at(pieces.called, "piece"),
                _drawing(pieces, seeded, number),
            ):
                piece = next(coming, None)
            if piece is None:
                break
            some = True
            yield number, piece
    finally:
        coming.close()
    if not some and not first:
        raise ValueError(f"{standing.who}: {pieces.called} holds no sequences.")


def _drawing(
    pieces: Pieces, seeded: Callable[[int], int] | None, number: int
) -> AbstractContextManager[None]:
    if seeded is None or not pieces.draws:
        return nullcontext()
    return Streams.seeded(seeded(number)).again()


def laid_piece(piece: Piece, lay: Callable[[Whole], T], standing: Standing) -> T:
    """A piece as it is worked on; what is wrong says in which of its parts, and where in that."""
    try:
        return lay(_joined_parts(piece.parts))
    except ValueError as error:
        for part, name in zip(piece.parts, piece.places, strict=True):
            with standing.at(name, "piece"):
                lay(part)
        raise standing.wrong(" and ".join(piece.places[:2]), error, "piece") from None


def _joined_parts(parts: list[Whole]) -> Whole:
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
