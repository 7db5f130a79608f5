"""From step to step: what a Ragged does along each sequence's own time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ..arguments import integer
from . import over_time, reductions
from .levels import take_rows
from .numbers import as_constant
from .sequences import Sequences

if TYPE_CHECKING:
    from typing import Self


class InTime(Sequences):
    """Along each sequence's own steps, which never see a neighbour's; the inner level's of two."""

    __slots__ = ()

    def softmax(self) -> Self:
        """The softmax over each sequence's own steps, feature by feature."""
        if isinstance(self._values, InTime):
            return self.with_values(self._values.softmax())
        return self.with_values(reductions.segment_softmax(self._values, self._layout))

    def cumsum(self) -> Self:
        """The sum of each sequence's steps so far; of integers as int64. An empty one stays empty.

        Example:
            >>> Ragged.from_list([[1, 2, 3], [], [4]]).cumsum().values
            tensor([1, 3, 6, 4])
        """
        if isinstance(self._values, InTime):
            return self.with_values(self._values.cumsum())
        return self.with_values(over_time.running_sum(self._values, self._layout))

    def diff(self) -> Self:
        """Each step less the one before it: one step fewer; an empty sequence stays empty.

        Example:
            >>> Ragged.from_list([[1, 4, 9], [], [7]]).diff().lengths
            tensor([2, 0, 0])
        """
        if isinstance(self._values, InTime):
            return self.with_values(self._values.diff())
        ragged: Any = self
        later, earlier = ragged[:, 1:], ragged[:, :-1]
        return later ^ earlier if self.dtype == torch.bool else later - earlier

    def shift(self, by: int = 1, fill: float = 0) -> Self:
        """What stood `by` steps before each step of its sequence; ahead of it if negative.

        Args:
            by: how many steps.
            fill: what comes where there is no such step.

        Raises:
            ValueError: `by` is no whole number, or the type cannot hold `fill`.

        Example:
            >>> Ragged.from_list([[1, 2, 3], [4]]).shift().values
            tensor([0, 1, 2, 0])
        """
        by = integer("Ragged.shift", "by", by)
        if isinstance(self._values, InTime):
            return self.with_values(self._values.shift(by, fill))
        fill = as_constant(fill, self.dtype, "Ragged.shift", "fill")
        return self.with_values(over_time.shifted(self._values, self._layout, by, fill))

    def reversed(self) -> Self:
        """Each sequence from its own last step to its first; the slots stay where they are."""
        return self.with_values(take_rows(self._values, over_time.turned(self._layout)))
