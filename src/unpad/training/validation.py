"""What is held out of a fit, and asked after its epochs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import doctor
from ..data.source import Batch
from ..data.source.reading import refuse_endless
from ..spellings import depth_of_caller
from .fed import Fed, to_be_asked
from .feeding import Given, in_memory, read
from .loop import HeldOut
from .run import Run


class Validation(NamedTuple):
    """What is held out of a fit, and how it is evaluated; see `Model.fit`.

    Args:
        data: given by itself.
        split: the last share of what is trained on.
        batch_size: sequences a batch.
        steps: batches at most.
        freq: every so many epochs, or after which, counted from 1.
    """

    data: Any = None
    split: float = 0.0
    batch_size: int | None = None
    steps: int | None = None
    freq: int | Sequence[int] = 1


#: Nothing is held out.
NOT_HELD_OUT = Validation()


def held_out(
    validation: Validation, fed: Fed, run: Run, size: int | None, columns: Any, epochs: int
) -> HeldOut | None:
    """What is asked after epochs; None where nothing is held out.

    Args:
        validation: what the caller says of it.
        fed: what the fit is fed, with the share that is held out of it.
        run: the model with tallies of its own.
        size: sequences a batch; None for what memory suggests.
        columns: of a table, which are inputs and which targets.
        epochs: how many there will be.

    Raises:
        ValueError: it is no data to validate on, has no end, or can be read but once.
    """
    model, held, feed = run.model, fed.held, None
    if validation.data is not None:
        held, feed = _given_by_itself(model, validation, size, columns, epochs)
    elif held is not None:
        feed = in_memory(model, held, size)
    if feed is None:
        _tell_of_nothing(validation)
        return None
    if fed.data is not None and held is not None and run.ranks.first:
        parts = fed.data.first, fed.data.targets[0], held.first, held.targets[0]
        theirs = validation.data[0] if isinstance(validation.data, (tuple, list)) else None
        called = fed.called, theirs
        doctor.tell_split(model, doctor.Split(*parts, validation.data is None, called))
    return HeldOut.some(
        run, feed, validation.steps, "validation_steps", "fit: validation_data", validation.freq
    )


def _tell_of_nothing(validation: Validation) -> None:
    """Warns of what is said of an evaluation where nothing is held out; Keras says nothing."""
    said = {"steps": validation.steps, "batch_size": validation.batch_size}
    for name, value in said.items():
        if value is not None:
            warnings.warn(
                f"fit: validation_{name}={value} changes nothing, since nothing is held out. Give "
                "validation_data or validation_split, or leave it out.",
                stacklevel=depth_of_caller(),
            )


def _given_by_itself(
    model: Any, validation: Validation, size: int | None, columns: Any, epochs: int
) -> tuple[Batch | None, Any]:
    """What is validated on, in memory or as a stream."""
    who, data = "fit: validation_data", validation.data
    batches = isinstance(data, list) and all(isinstance(item, tuple) for item in data)
    if isinstance(data, (tuple, list)) and len(data) in (2, 3) and not batches:
        x, y, weight = (*data, None)[:3]
        given, stream = Given(x, y, weight), None
    else:
        given, stream = read(model, Given(data), columns, who, batches=validation.steps)
        if stream is None and given.x is data:
            raise ValueError(
                "fit: expected validation_data as (x, y) or (x, y, sample_weight), or what "
                f"gives batches of these, got {type(data).__name__}."
            )
    if stream is not None:
        refuse_endless(stream, validation.steps, "validation_steps", who)
    fed = to_be_asked(model, given, stream, size, who)
    if stream is not None and stream.once and validation.steps is None and epochs > 1:
        raise ValueError(
            f"{who}: {stream.called} can be read once, and is needed after {epochs} epochs. "
            "Give the function that makes it, or validation_steps=..."
        )
    return fed.data, fed.feed
