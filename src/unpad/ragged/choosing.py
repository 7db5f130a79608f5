"""Choosing sequences, steps and features of a Ragged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
import torch
from torch import Tensor

from ..errors import shown
from .levels import take_rows
from .numbers import as_mask, as_tensor
from .sequences import Sequences

if TYPE_CHECKING:
    from .sequences import Output


class Choosing(Sequences):
    """`len`, `for`, `r[...]` and `keep`: a Ragged is a list of sequences."""

    __slots__ = ()

    def __len__(self) -> int:
        """The number of sequences."""
        return self._layout.own.batch

    def __iter__(self) -> Iterator[Any]:
        """One (time, *feature) array a sequence."""
        bounds, values = self._layout.own.offsets.tolist(), self._out(self._values)
        for start, end in pairwise(bounds):
            yield values[start:end]

    @overload
    def __getitem__(self, index: int | np.integer) -> Output: ...
    @overload
    def __getitem__(self, index: slice | Sequence[Any] | np.ndarray | Tensor) -> Self: ...
    @overload
    def __getitem__(self, index: EllipsisType) -> Self: ...
    def __getitem__(self, index: Any) -> Any:
        """An int: that sequence. A slice, index array or (batch,) bool mask: a Ragged of them.

        With a colon first, time and features of every sequence: `r[:, -1]` each sequence's last
        step, `r[:, 1:]` all but its first, `r[:, :, 0]` or `r[..., 0]` a feature of each step.

        Raises:
            IndexError: there is no such sequence or feature, or this chooses none.
        """
        if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
            i = int(index)
            if not -self.batch <= i < self.batch:
                raise IndexError(f"Ragged: sequence {i} of {self.batch}.")
            i %= self.batch
            start, end = self._layout.own.offsets[i : i + 2].tolist()
            return self._out(self._values[start:end])
        if isinstance(index, slice):
            first, stop, stride = _bounds(index, self.batch)
            if stride == 1:
                return self._slice(first, max(first, stop))
            index = list(range(first, stop, stride))
        if isinstance(index, tuple) or index is Ellipsis:
            from .indexing import index_axes

            return index_axes(self, index if isinstance(index, tuple) else (index,))  # pyright: ignore
        layout, steps = self._layout.take(self._sequence_index(index))
        return self.with_values(take_rows(self._values, steps), layout)

    def _slice(self, first: int, stop: int) -> Self:
        """A run of sequences: values are a view, nothing is copied."""
        bounds = self._layout.own.offsets
        start, end = int(bounds[first]), int(bounds[stop])
        layout = self._layout.run(first, stop, start, end)
        return self.with_values(self._values[start:end], layout)

    def _sequence_index(self, index: Any) -> Tensor:
        """(n,) int64: the sequences that an index array or mask chooses."""
        wanted = "Ragged: expected an int, a slice or (n,) integers"
        if index is None or isinstance(index, (bool, float, str, bytes, Sequences)):
            raise IndexError(f"{wanted}, got {shown(index)}.")
        try:
            chosen = as_tensor(index, "Ragged: an index", self.device)
        except ValueError as error:
            raise IndexError(str(error)) from None
        if chosen.dtype == torch.bool and chosen.numel():
            if tuple(chosen.shape) != (self.batch,):
                raise IndexError(
                    f"Ragged: a bool index chooses sequences: expected ({self.batch},), got "
                    f"{tuple(chosen.shape)}."
                )
            return chosen.nonzero()[:, 0]
        if chosen.ndim != 1 or (chosen.dtype.is_floating_point and chosen.numel()):
            raise IndexError(f"{wanted}, got {tuple(chosen.shape)} of {chosen.dtype}.")
        chosen = chosen.long()
        outside = ((chosen < -self.batch) | (chosen >= self.batch)).nonzero()
        if len(outside):
            raise IndexError(f"Ragged: sequence {int(chosen[outside[0]])} of {self.batch}.")
        return chosen % max(self.batch, 1)

    def keep(self, kept: Any) -> Self:
        """The steps where `kept` is True; the others become holes, whose slots are remembered.

        Args:
            kept: (steps,) bool.
        """
        what = "{} bool, one for each step"
        kept = as_mask(kept, "Ragged.keep", what, (self.steps,), self.device)
        if not torch.compiler.is_compiling() and bool(kept.all()):
            return self
        return self.with_values(self._values[kept], self._layout.keep(kept))


def _bounds(index: slice, batch: int) -> tuple[int, int, int]:
    try:
        return index.indices(batch)
    except TypeError:
        raise IndexError(
            f"Ragged: a slice of sequences has whole bounds, got {index.start}:{index.stop}."
        ) from None
