"""What is probed: anything that answers a grid of sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from ..findings import Where
from .laid import Laid


class CannotAsk(ValueError):
    """A question that this model cannot be asked, and why."""


class Pair(NamedTuple):
    """Two calls whose answers should agree.

    Args:
        first: one call.
        second: the other.
        same: which sequence of the first should get the answer of which of the second.
        until: how many steps of each are compared; None for all.
    """

    first: Laid
    second: Laid
    same: Sequence[tuple[int, int]]
    until: Sequence[int] | None = None


class Place(NamedTuple):
    """The first place in a model at which the answers of a pair part.

    Args:
        where: layer, file, line, code.
        call: the operator or layer that is called there, as "softmax".
        difference: over the spread of what it gives.
    """

    where: Where
    call: str
    difference: float


class Reach(NamedTuple):
    """Where the gradient of an output falls.

    Args:
        on: the shares that fall on "own", "padding", "mates" and "future", on average.
        row: the sequence of which `shares` are: the shortest.
        shares: (sequences, slots) of that sequence's own output.
        real: (sequences, slots), whether the slot holds a step.
        at: the step of it whose output is asked about; None where outputs are one a sequence.
    """

    on: dict[str, float]
    row: int
    shares: list[list[float]]
    real: list[list[bool]]
    at: int | None = None


class Subject(Protocol):
    """A model that is asked."""

    @property
    def told(self) -> str | None:
        """How it is told what is padding: "lengths", "mask", "packed", "real steps" or None."""
        ...

    @property
    def words(self) -> str:
        """In whose words it is mended: "torch", "keras" or "unpad"."""
        ...

    def outputs(self, laid: Laid) -> dict[str, Tensor]:
        """The outputs for a grid, by their names; a batch axis first where it can be told."""
        ...

    def place(self, pair: Pair, threshold: float) -> Place | None:
        """Where the two calls part; None where that cannot be seen."""
        ...

    def shares(self, laid: Laid, causal: bool) -> Reach | None:
        """Which share of an output's gradient falls on what; None where there is no gradient."""
        ...
