"""The batches of each epoch where they come from outside: the caller's own, or read in pieces."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain, islice
from typing import Any, Generic, TypeVar

from .seed import generator, mixed
from .source import Batches, Pieces, Whole
from .source.reading import Standing, laid_piece, read_batches, read_pieces
from .source.streams import Streams

T = TypeVar("T")

#: Makes of what a caller gives what a loop works on.
Lay = Callable[[Whole], T]


class _Begun(Generic[T]):
    """An epoch whose first part was looked at before it is asked for."""

    def __init__(self) -> None:
        self._held: tuple[int, Iterator[T]] | None = None

    def first(self, epoch: int, coming: Iterator[T]) -> T | None:
        """The first part, which is kept to be given again; None of none."""
        found = list(islice(coming, 1))
        self._held = epoch, chain(found, coming)
        return found[0] if found else None

    def taken(self, epoch: int, once: bool) -> Iterator[T] | None:
        """What is kept of this epoch, or of any where there is but one; it is kept no longer."""
        held, self._held = self._held, None
        return held[1] if held is not None and (held[0] == epoch or once) else None


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
        self._begun: _Begun[T] = _Begun()
        # Where random streams stood when what was read last began.
        self._before: Streams | None = None

    @property
    def once(self) -> bool:
        """Whether there is no second epoch."""
        return self.stream.once

    def count(self, epoch: int) -> int | None:
        """The number of batches in an epoch; None where it is not known."""
        return self.stream.count

    def first(self, epoch: int) -> T | None:
        """The first batch of an epoch, which `batches` then gives again; None of none."""
        return self._begun.first(epoch, self._read(epoch, 0))

    def batches(self, epoch: int, start: int = 0, *, apart: bool = False) -> Iterator[T]:
        """The batches of an epoch; see `Feed.batches`. Those before `start` are read and left."""
        begun = self._begun.taken(epoch, self.once)
        return self._read(epoch, start) if begun is None or start else begun

    def _read(self, epoch: int, start: int) -> Iterator[T]:
        standing = self._standing
        draw = None if self._seed is None else generator(self._seed, epoch)
        coming = read_batches(self.stream, standing, epoch, draw)
        if not start:
            self._before = Streams()
        elif self._before is not None:
            # What they draw was drawn before: by the order of batches, by the batches themselves.
            with self._before.again():
                deque(islice(coming, start), 0)
        for i, whole in coming:
            if i < start:
                continue
            with standing.at(standing.batch(i, epoch)):
                batch = self._lay(whole)
            standing.taken += 1
            yield batch

    def left(self) -> None:
        """To be told that as much of an epoch was taken as was wanted, and not all."""
        self.stream.finished()

    def state_dict(self) -> dict[str, Any]:
        """Where random streams stood when the epoch began, and what the stream itself may lose."""
        before = None if self._before is None else self._before.state_dict()
        return {"before": before, "stream": self.stream.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Has an epoch begin as it did."""
        self._before = None if state["before"] is None else Streams(state["before"])
        self.stream.load_state_dict(state["stream"])


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
        seed: what the order is drawn from, and what a caller's own code draws; None for none.
        options: by which pieces are cut, for what goes on from an interrupted training.
        shuffled: whether the order of the parts is drawn; else it is that of the source.
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
        shuffled: bool = False,
    ) -> None:
        rows = None if pieces.rows is None else sum(pieces.rows)
        self.facts = {"stream": pieces.called, "sequences": rows, **(options or {})}
        self.pieces, self._lay, self._cut, self._sizes = pieces, lay, cut, sizes
        self._standing, self._seed, self._shuffled = standing, seed, shuffled
        self._begun: _Begun[tuple[int, Any]] = _Begun()

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
        found = self._begun.first(epoch, self._read(self._plan(epoch), epoch, 0))
        return None if found is None else found[1]

    def batches(self, epoch: int, start: int = 0, *, apart: bool = False) -> Iterator[T]:
        """The batches of an epoch; see `Feed.batches`. Pieces before `start` are not read."""
        begun = self._begun.taken(epoch, self.once)
        plan, before = self._plan(epoch), 0
        sizes = self._batches_of(plan)
        skipped = 0
        while sizes is not None and skipped < len(sizes) and before + sizes[skipped] <= start:
            before += sizes[skipped]
            skipped += 1
        coming = self._read(plan, epoch, skipped) if begun is None or skipped else begun
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
        drawn = self._shuffled and self._seed is not None
        return self.pieces.plan(generator(self._seed or 0, epoch) if drawn else None)

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
        standing = self._standing
        seeded = None if self._seed is None else partial(self.numbered, epoch)
        for number, piece in read_pieces(self.pieces, standing, plan, epoch, skipped, seeded):
            yield number, laid_piece(piece, self._lay, standing)

    def left(self) -> None:
        """Nothing is to be done."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing: an epoch follows from the seed."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """Nothing is to be done."""

    def numbered(self, epoch: int, number: int) -> int:
        """A seed of a piece's own."""
        return mixed(self._seed or 0, epoch, number)
