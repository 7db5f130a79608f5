"""What a model is trained or evaluated on, as a feed: in memory, or laid out as it comes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple
from zlib import crc32

import torch
from torch import Tensor

from ..data.feed import Drawn, Feed
from ..data.loader import Loader
from ..data.sampler import Sampler, for_evaluation, in_order, shares
from ..data.source import Asked, Batch, Batches, Pieces, Whole, recognised, refuse_columns
from ..data.source.reading import Standing
from ..data.streamed import InBatches, InPieces
from ..layers import Spec
from ..ragged.batch import values_of
from ..ranks import ALONE, Ranks
from ..spellings import depth_of_caller
from .objective import Objective
from .prepare import open_inputs, prepare

# The doctor looks at so many batches or pieces of a stream.
_EXAMINED = 4


class Given(NamedTuple):
    """What a caller gives to train or evaluate with; see `Model.fit`."""

    x: Any
    y: Any = None
    sample_weight: Any = None
    class_weight: dict[int, float] | None = None


Stream = Batches | Pieces


def read(
    model: Any,
    given: Given,
    columns: Any,
    who: str,
    targets: bool = True,
    batches: int | None = None,
) -> tuple[Given, Stream | None]:
    """What was given: arrays, or a stream whose batches or pieces are the data.

    Raises:
        ValueError: targets or weights stand beside a stream, or `columns` beside arrays.
    """
    beside = given.y is not None
    inputs, outputs = _names(model.input_names), _names(model.output_names)
    several = not model.one_input
    asked = Asked(who, columns, inputs, outputs, targets and not beside, several, batches)
    found = recognised(given.x, asked)
    of_sequences = (
        beside and isinstance(given.x, (Iterator, Sequence)) and isinstance(found, Batches)
    )
    if found is None or of_sequences:
        refuse_columns(given.x, asked)
        return given, None
    if isinstance(found, Whole):
        y = given.y if beside else found.y
        weight = found.weight if given.sample_weight is None else given.sample_weight
        return given._replace(x=found.x, y=y, sample_weight=weight), None
    for name, part in (("y", given.y), ("sample_weight", given.sample_weight)):
        if part is not None:
            raise ValueError(
                f"{who}: {name} beside {found.called}: its batches must hold all that belongs "
                "together, as (x, y) or (x, y, sample_weight)."
            )
    return given, found


def _names(names: Any) -> list[str] | None:
    return None if names is None else list(names)


class Laid:
    """Batches of a stream as they are worked on: checked like data in memory, one by one.

    Args:
        model: that they are for.
        who: shown in errors.
        class_weight: of each class's steps.
        ranks: of which the first has the doctor look.
    """

    def __init__(
        self,
        model: Any,
        who: str,
        class_weight: dict[int, float] | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self._model, self._who, self._class_weight = model, who, class_weight
        self._ranks = ranks
        self._done = 0
        #: A number that equal batches or pieces share: of the last.
        self.mark = 0
        #: What the first was found to ask for.
        self.objective: Objective | None = None
        self.outputs: list[Spec] = []

    def __call__(self, whole: Whole) -> Batch:
        """A batch or piece, laid out."""
        given = Given(whole.x, whole.y, whole.weight, self._class_weight)
        looked = self._done < _EXAMINED and self._ranks.first
        data, objective, outputs = prepare(self._model, given, self._who, self.objective, looked)
        if self.objective is None:
            self.objective, self.outputs = objective, outputs
        self._done += 1
        if not self._ranks.alone:
            self.mark = marked(data)
        return data


def to_fit(
    model: Any, stream: Stream, laid: Laid, options: dict[str, Any], seed: int, ranks: Ranks
) -> InBatches[Any] | InPieces[Any]:
    """A stream as the batches of each epoch of training.

    Of several processes each reads all of it, and cuts its own share of sequences read in pieces;
    batches that are made already are whole here.
    """
    standing = Standing("fit", learns=True)
    if isinstance(stream, Batches):
        drawn = seed if options["shuffle"] else None
        _refuse_cutting(stream.called, options)
        return InBatches(stream, _on(laid, model.device) if ranks.alone else laid, standing, drawn)
    options = of_all(options, ranks.world)
    facts = {**options, "processes": ranks.world}

    def cut(data: Batch, number: int, epoch: int, apart: bool) -> Iterator[Batch]:
        sampler = Sampler(lengths_of(data), seed=feed.numbered(epoch, number), **options)
        share = sampler.epoch(epoch, ranks.rank, ranks.world)
        return Loader(data, model.device).batches(share, apart)

    def sizes(n: int) -> int | None:
        return None if options["batch_steps"] else math.ceil(n / (options["batch_size"] or 32))

    mixes = bool(options["shuffle"])
    feed: InPieces[Batch] = InPieces(stream, laid, cut, sizes, standing, seed, facts, mixes)
    return feed


def to_evaluate(
    model: Any, stream: Stream, laid: Laid, batch_size: int | None, who: str
) -> InBatches[Any] | InPieces[Any]:
    """A stream as the batches of an evaluation, in its own order."""
    standing = Standing(who, learns=False)
    if isinstance(stream, Batches):
        return InBatches(stream, _on(laid, model.device), standing, None)

    def cut(data: Batch, number: int, epoch: int, apart: bool) -> Iterator[Batch]:
        return Loader(data, model.device).batches(drawn_to_evaluate(model, data, batch_size), apart)

    def sizes(n: int) -> int | None:
        return None if batch_size is None else math.ceil(n / batch_size)

    return InPieces(stream, laid, cut, sizes, standing, None)


def to_predict(model: Any, stream: Stream) -> InBatches[Any] | InPieces[Any]:
    """A stream as what is predicted together, opened, in its own order."""
    standing = Standing("predict", learns=False)

    def opened(whole: Whole) -> Any:
        return open_inputs(model, whole.x, "predict")

    if isinstance(stream, Batches):
        return InBatches(stream, opened, standing, None)
    return InPieces(stream, opened, lambda data, *_: iter([data]), lambda n: 1, standing, None)


def drawn_to_evaluate(model: Any, data: Batch, batch_size: int | None) -> list[Tensor]:
    """The sequences of each batch where nothing is learnt."""
    if model.stateful:
        # States go on from batch to batch, row by row: the caller's order is the order.
        return in_order(len(data), batch_size or 32)
    return for_evaluation(len(data), data.lengths, data.steps, batch_size)


def in_memory(model: Any, data: Batch, batch_size: int | None) -> Feed:
    """Data in memory as the batches of an evaluation."""
    drawn = drawn_to_evaluate(model, data, batch_size)
    return Drawn(data, lambda epoch: drawn, model.device)


def of_all(options: dict[str, Any], world: int) -> dict[str, Any]:
    """The options of a batch that so many processes share, of those of a process's own."""
    if world == 1:
        return options
    size, steps = options["batch_size"], options["batch_steps"]
    size = (size or 32) * world if steps is None else size
    return {**options, "batch_size": size, "batch_steps": steps and steps * world}


class Together:
    """A stream that every process reads, and takes its share of: each has been given the same.

    Args:
        feed: this process's.
        laid: what has laid out its batches or pieces.
        ranks: the processes.
        stream: what is read.
        device: where batches are wanted.
    """

    def __init__(
        self, feed: Any, laid: Laid, ranks: Ranks, stream: Stream, device: torch.device
    ) -> None:
        self._feed, self._laid, self._ranks, self._stream = feed, laid, ranks, stream
        self._device = device
        self.once, self.steps, self.facts = feed.once, feed.steps, feed.facts

    def count(self, epoch: int) -> int | None:
        """The number of batches in an epoch; None where it is not known."""
        return self._feed.count(epoch)

    def batches(self, epoch: int, start: int = 0, *, apart: bool = False) -> Iterator[Batch]:
        """This process's share of each batch of an epoch; see `Feed.batches`.

        Raises:
            ValueError: a process has another batch than the first, or none.
        """
        ranks, coming = self._ranks, self._feed.batches(epoch, start, apart=apart)
        for number in count(start):
            batch = next(coming, None)
            marks = ranks.gather_number(-1 if batch is None else self._laid.mark)
            other = next((r for r, mark in enumerate(marks) if mark != marks[0]), None)
            if other is not None:
                what = "has no more" if marks[other] < 0 else "was given another"
                raise ValueError(
                    f"fit: batch {number} of epoch {epoch + 1}: {self._stream.called}: rank "
                    f"{other} {what} than rank 0. Every process reads the same and takes its "
                    "share: draw it from a seed, and leave out samplers that divide it. What was "
                    "learnt before stands."
                )
            if batch is None:
                return
            whole = isinstance(self._stream, Batches)
            yield share_of(batch, ranks, self._device) if whole else batch

    def left(self) -> None:
        """See `Feed.left`."""
        self._feed.left()

    def state_dict(self) -> dict[str, Any]:
        """See `Feed.state_dict`."""
        return self._feed.state_dict()

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:
        """See `Feed.load_state_dict`."""
        self._feed.load_state_dict(state)


def share_of(batch: Batch, ranks: Ranks, device: torch.device) -> Batch:
    """This process's share of a batch, on the device."""
    mine = torch.arange(len(batch))
    if not ranks.alone:
        (mine,) = shares([mine], lengths_of(batch), ranks.rank, ranks.world)
    return batch.take(mine, device)


def marked(data: Batch) -> int:
    """A number that equal batches share."""
    parts = [p for p in (*data.inputs, *data.targets) if p is not None]
    mark = len(data) * 31 + data.steps
    for values in map(values_of, parts):
        some = values.detach().contiguous().reshape(-1)[:4096].view(torch.uint8)
        mark = crc32(some.numpy().tobytes(), mark)
    return mark


def lengths_of(data: Batch) -> Tensor:
    """(n,) steps of each sequence; ones where rows are no sequences."""
    return torch.ones(len(data), dtype=torch.int64) if data.lengths is None else data.lengths


def counted(data: Batch | None) -> dict[str, int]:
    """How many sequences and steps there are, and how many the shortest and the longest has."""
    if data is None or not len(data):
        return {}
    lengths = lengths_of(data)
    return {
        "sequences": len(data),
        "steps": int(lengths.sum()),
        "shortest": int(lengths.min()),
        "longest": int(lengths.max()),
    }


def _on(laid: Laid, device: torch.device) -> Any:
    if device.type == "cpu":
        return laid
    return lambda whole: _moved(laid(whole), device)


def _moved(data: Batch, device: torch.device) -> Batch:
    return data.take(torch.arange(len(data)), device)


def _refuse_cutting(called: str, options: dict[str, Any]) -> None:
    given = [name for name in ("batch_steps", "bucket_by_length") if options[name]]
    if options["batch_size"] is not None:
        # Keras says nothing, and programs of its guides give it.
        warnings.warn(
            f"fit: batch_size={options['batch_size']} changes nothing beside {called}, whose "
            "batches are made already. Leave it out.",
            stacklevel=depth_of_caller(),
        )
    if given:
        raise ValueError(
            f"fit: {given[0]}= beside {called}, whose batches are made already. Leave it out."
        )
