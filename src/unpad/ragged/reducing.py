"""One row a sequence: the reductions of a Ragged as its methods; see reductions.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import arguments
from . import reductions
from .numbers import as_tensor
from .sequences import Sequences

if TYPE_CHECKING:
    from .sequences import Output


class Reducing(Sequences):
    """Over each sequence's own steps, feature by feature: (batch, steps*, *feature) to one row.

    Of sequences of sequences each is taken over the inner ones, and the outer level stays: a Ragged
    with one row for each inner sequence.
    """

    __slots__ = ()

    def _reduced(self, name: str, *options: float) -> Any:
        if isinstance(self._values, Reducing):
            rows = getattr(self._values, name)(*options)
            return self.with_values(as_tensor(rows, f"Ragged.{name}"))
        reduce = getattr(reductions, f"segment_{name}")
        return self._out(reduce(self._values, self._layout, *options))

    def sum(self) -> Output:
        """(batch, *feature) the sum over each sequence, as int64 of integers; 0 if empty."""
        return self._reduced("sum")

    def mean(self) -> Output:
        """(batch, *feature) the mean over each sequence; 0 for an empty one."""
        return self._reduced("mean")

    def var(self, correction: float = 0) -> Output:
        """(batch, *feature) the variance over each sequence.

        Args:
            correction: taken off the number of steps that is divided by, as in torch; 1 where the
                steps are a sample. A sequence of no more steps than that gives 0.
        """
        return self._reduced("var", arguments.number("Ragged.var", "correction", correction, 0))

    def std(self, correction: float = 0) -> Output:
        """(batch, *feature) the root of `var`; where that is 0, so is its gradient.

        Args:
            correction: taken from the number of steps; 1 for a sample's spread.
        """
        return self._reduced("std", arguments.number("Ragged.std", "correction", correction, 0))

    def max(self, empty: float = 0) -> Output:
        """(batch, *feature) the largest of each sequence; `empty` for an empty one.

        Args:
            empty: a number that an empty sequence gives.
        """
        return self._reduced("max", empty)

    def min(self, empty: float = 0) -> Output:
        """(batch, *feature) the smallest of each sequence; `empty` for an empty one.

        Args:
            empty: a number that an empty sequence gives.
        """
        return self._reduced("min", empty)

    def argmax(self) -> Output:
        """(batch, *feature) int64: where in its sequence the largest stands, the first of several.

        -1 for an empty sequence, which has no such place.
        """
        return self._reduced("argmax")

    def argmin(self) -> Output:
        """(batch, *feature) int64: where in its sequence the smallest stands; see `argmax`."""
        return self._reduced("argmin")

    def first(self, empty: float = 0) -> Output:
        """(batch, *feature) the first step of each sequence; `empty` for an empty one.

        Args:
            empty: a number that an empty sequence gives.
        """
        return self._reduced("first", empty)

    def last(self, empty: float = 0) -> Output:
        """(batch, *feature) the last step of each sequence; `empty` for an empty one.

        Args:
            empty: a number that an empty sequence gives.
        """
        return self._reduced("last", empty)

    def any(self) -> Output:
        """(batch, *feature) bool: whether a number of the sequence is not 0; False if empty."""
        return self._reduced("any")

    def all(self) -> Output:
        """(batch, *feature) bool: whether no number of the sequence is 0; True if empty."""
        return self._reduced("all")
