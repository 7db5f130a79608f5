"""What anything that holds sequences becomes: it is whole, or gives batches, or gives pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch.nn.utils.rnn import PackedSequence

from ...ragged import Ragged


class Whole(NamedTuple):
    """What a caller gives for a model, in memory: inputs, targets and weights in any form."""

    x: Any
    y: Any = None
    weight: Any = None


class Asked(NamedTuple):
    """What is known of the model that data are for, and what the caller says of the data.

    Args:
        who: what it is called in errors, as "fit".
        columns: what `columns=` was; None where nothing was said.
        inputs: names of the model's inputs, where it has any.
        outputs: names of its outputs, likewise.
        targets: whether targets are wanted beside x.
        several: whether a tuple as x may be several inputs; else it is one of sequences.
        batches: that an epoch takes of them, where that is said.
    """

    who: str
    columns: Any = None
    inputs: list[str] | None = None
    outputs: list[str] | None = None
    targets: bool = True
    several: bool = True
    batches: int | None = None


class Batches(ABC):
    """A caller's own batches, one after another."""

    #: What it is called in errors, as "the generator".
    called: str
    #: Whether it can be read only once.
    once = False
    #: The number of batches in one reading; None where it is not known.
    count: int | None = None
    #: Whether it is known that they never end.
    endless = False

    @abstractmethod
    def read(self, epoch: int, draw: torch.Generator | None) -> Iterator[Any]:
        """Its items from the first on, each a batch as the caller made it.

        Args:
            epoch: counted from 0, for what orders its batches by it.
            draw: what an order is drawn from, where they can be had in any; None for their own.
        """

    @abstractmethod
    def as_batch(self, item: Any) -> Whole:
        """An item as inputs, targets and weights."""

    def finished(self) -> None:  # noqa: B027
        """To be told that an epoch is over."""

    def state_dict(self) -> dict[str, Any]:
        """What must not be lost for a training to go on with it: data and tensors."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any], /) -> None:  # noqa: B027
        """Takes it back."""


class Piece(NamedTuple):
    """Some of the sequences of a source that is too large for memory: each part has its place.

    Args:
        parts: as the source holds them, in their order.
        places: what each is called in errors, as "words.parquet, row group 3".
    """

    parts: list[Whole]
    places: list[str]


class Pieces(ABC):
    """Sequences that are read some thousand at a time, and then made batches of."""

    #: What it is called in errors.
    called: str
    #: Whether it can be read only once.
    once = False
    #: The number of sequences of each part, in order; None where it is not known.
    rows: list[int] | None = None
    #: Whether reading runs what a caller has written, which may draw random numbers. It is then
    #: read where it is asked for, and not ahead: a thread's draws would fall among the model's.
    draws = False

    @abstractmethod
    def plan(self, draw: torch.Generator | None) -> list[list[int]] | None:
        """Which parts go into each piece; None where that shows only in reading."""

    @abstractmethod
    def read(self, plan: list[list[int]] | None, epoch: int) -> Iterator[Piece]:
        """The pieces of this plan, one after another."""


def unpacked(item: Any) -> Whole:
    """A batch as Keras gives it: x, (x, y) or (x, y, sample_weight); a tuple of more is refused."""
    if isinstance(item, Iterator):
        raise ValueError(
            f"expected a batch as x, (x, y) or (x, y, sample_weight), got a {type(item).__name__}, "
            "which can be gone through once. Make a list or tuple of it."
        )
    if isinstance(item, PackedSequence) or not isinstance(item, tuple):
        return Whole(_not_packed(item))
    if not 1 <= len(item) <= 3:
        raise ValueError(
            f"expected a batch as x, (x, y) or (x, y, sample_weight), got a tuple of {len(item)}. "
            "Several inputs: ([x1, x2], y)."
        )
    return Whole(*map(_not_packed, item))


def _not_packed(part: Any) -> Any:
    """What torch has packed as a Ragged: it is a tuple to Python, and not one of several."""
    return Ragged.from_packed(part) if isinstance(part, PackedSequence) else part
