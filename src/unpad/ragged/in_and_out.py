"""The doors of Ragged: in from what callers hold, and out to it. What each does is in doors/."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .numbers import as_dtype
from .sequences import Sequences

if TYPE_CHECKING:
    from typing import Self

    import pyarrow

    from .sequences import Output


class InAndOut(Sequences):
    """`from_padded`, `from_list`, ... and `to_padded`, `to_list`, ..."""

    __slots__ = ()

    @classmethod
    def from_padded(
        cls,
        x: Tensor | np.ndarray,
        *,
        mask: Tensor | np.ndarray | None = None,
        lengths: Tensor | np.ndarray | Sequence[int] | int | None = None,
        padding: float | None = None,
    ) -> Self:
        """The real steps of a padded array. Say which they are in exactly one way.

        Copies the real steps once; the array is not kept. Padding may be on either side or in the
        middle, and may hold anything; `to_padded` gives the same grid back.

        Args:
            x: (batch, time, *feature). A masked array of numpy's says itself which steps are real:
                those that it does not mask.
            mask: (batch, time) bool, True where a step is real; (batch, time, inner time) for
                sequences of sequences, where one without any step does not exist.
            lengths: (batch,) integers, the steps of each sequence, padding on the right; one
                integer for all alike.
            padding: a step whose features all equal this value is no step; NaN works.

        Raises:
            ValueError: none or several of mask, lengths and padding; or shapes that do not fit.

        Example:
            >>> Ragged.from_padded(np.array([[5, 6, 0], [7, 0, 0]]), padding=0).lengths
            tensor([2, 1])
        """
        from .doors.padded import from_padded

        return cls._of(from_padded(x, mask=mask, lengths=lengths, padding=padding))

    @classmethod
    def from_list(cls, sequences: Iterable[Any], *, dtype: Any = None, levels: int = 1) -> Self:
        """Sequences of different lengths: arrays, tensors or lists, each (time, *feature).

        Copies once. An empty sequence is legal: `[]` takes the feature shape of the others. An
        empty list gives an empty batch of scalars. Iterators are read once and whole; of a masked
        array of numpy's the masked steps are left out.

        Args:
            sequences: one array a sequence.
            dtype: of the values; by default the widest of the sequences' own.
            levels: 2 for lists of sequences: documents of sentences.

        Raises:
            ValueError: an element is no sequence, or its feature shape differs from the others'.

        Example:
            >>> Ragged.from_list([[1, 2, 3], [], [4]]).lengths
            tensor([3, 0, 1])
        """
        from .doors.lists import from_list, from_lists_of_lists

        if isinstance(levels, bool) or levels not in (1, 2):
            raise ValueError(f"Ragged.from_list: levels is 1 or 2, got {levels!r}.")
        dtype = as_dtype(dtype, "Ragged.from_list: dtype")
        if levels == 2:
            return cls._of(from_lists_of_lists(sequences, dtype))
        return cls._of(from_list(sequences, dtype=dtype))

    @classmethod
    def from_packed(cls, packed: torch.nn.utils.rnn.PackedSequence) -> Self:
        """The sequences of a torch PackedSequence, in the caller's order. Copies once.

        Args:
            packed: of torch.nn.utils.rnn, in whichever order.

        Raises:
            ValueError: its batch sizes or indices do not describe its data.
        """
        from .doors.packed import from_packed

        return cls._of(from_packed(packed))

    @classmethod
    def from_nested(cls, nested: Tensor) -> Self:
        """A torch nested tensor of jagged layout. No copy where it has no holes.

        Args:
            nested: sequences along its ragged axis.

        Raises:
            ValueError: its offsets and lengths do not describe its values.
        """
        from .doors.nested_tensor import from_nested

        return cls._of(from_nested(nested))

    @classmethod
    def from_arrow(cls, column: pyarrow.Array | pyarrow.ChunkedArray) -> Self:
        """An Arrow list column: list, large list or fixed-size list of numbers.

        Values are not copied where Arrow holds them in one chunk, without nulls and not as bits. A
        fixed-size list inside gives the feature shape. A null step is missing: a hole, whose slot
        is remembered. A null list is an error.

        Args:
            column: an Array or ChunkedArray of lists.
        """
        from .doors.arrow import from_arrow

        return cls._of(from_arrow(column))

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        by: str,
        time: str | None = None,
        columns: str | Sequence[str] | None = None,
    ) -> Self:
        """The sequences of a long frame of pandas or polars, or Arrow table: a row is a step.

        Sequences stand in the order in which they first appear, as in `frame[by].unique()`; their
        rows are sorted by time, equal times as they stand. A row whose columns are all null is a
        step that is missing.

        Args:
            frame: of one row a step.
            by: the column that says which sequence a row belongs to.
            time: the column to sort by; by default rows stay in their order.
            columns: the features: a list gives (steps, columns), one name (steps,); by default all
                others.

        Raises:
            ValueError: there is no such column, one holds no numbers, or a row is null in part.

        Example:
            >>> import pandas
            >>> frame = pandas.DataFrame({"who": [7, 3, 7], "t": [2, 1, 1], "pulse": [80, 60, 70]})
            >>> Ragged.from_frame(frame, by="who", time="t", columns="pulse").lengths
            tensor([2, 1])
        """
        from .doors.frame import from_frame

        return cls._of(from_frame(frame, by=by, time=time, columns=columns))

    @classmethod
    def concatenate(cls, batches: Iterable[Self], axis: int = 0) -> Self:
        """The sequences of several batches, one batch after the other; or their features joined.

        Args:
            batches: at least one.
            axis: counted as in the grid (batch, time, *feature): 0 for the sequences, an axis of
                features (-1 is the last) for steps that are paired one to one.

        Raises:
            ValueError: no batch at all, feature shapes or layouts that differ, or the axis of time.

        Example:
            >>> r = Ragged.from_list([[[1, 2]], [[3, 4], [5, 6]]])
            >>> Ragged.concatenate([r, r], axis=-1).feature
            torch.Size([4])
        """
        from .doors.joining import concatenate

        return cls._of(concatenate(batches, axis))

    @classmethod
    def stack(cls, batches: Iterable[Self], axis: int = -1) -> Self:
        """Batches of equal layouts, with a new axis of features that tells them apart.

        Args:
            batches: at least one.
            axis: where the new axis stands, counted as in the grid (batch, time, *feature).

        Raises:
            ValueError: no batch at all, shapes or layouts that differ, or an axis before features.

        Example:
            >>> r = Ragged.from_list([[1, 2], [3]])
            >>> Ragged.stack([r, r * 10])[1].tolist()
            [[3, 30]]
        """
        from .doors.joining import stack

        return cls._of(stack(batches, axis))

    def to_padded(
        self, fill: float = 0, *, length: int | None = None, padding: str | None = None
    ) -> Output:
        """A padded array (batch, time, *feature): the grid that this batch came from.

        Args:
            fill: what missing slots hold, a number that the type of the values can hold.
            length: the number of slots in time; by default that of the grid it came from, else the
                longest sequence's.
            padding: "post" or "pre" lays the sequences to the left or right of a new grid, without
                holes; by default each step goes back to its own slot.

        Raises:
            ValueError: a sequence does not fit in `length`, or the type cannot hold `fill`.
        """
        from .doors.padded import to_padded

        grid = to_padded(self._values, self._layout, fill, length=length, padding=padding)
        return self._out(grid)

    def to_tensor(self, default_value: float = 0) -> Output:
        """`to_padded`, by the name that TensorFlow's RaggedTensor has for it.

        Args:
            default_value: what missing slots hold.
        """
        return self.to_padded(default_value)

    def to_list(self) -> list[Any]:
        """One (time, *feature) tensor or array a sequence; views, no copies."""
        return [part.to_list() if isinstance(part, Sequences) else part for part in self]  # pyright: ignore

    def to_packed(self) -> torch.nn.utils.rnn.PackedSequence:
        """A torch PackedSequence. Copies once.

        Raises:
            ValueError: a sequence is empty, which a PackedSequence cannot hold; the text says
                which.
        """
        from .doors.packed import to_packed

        return to_packed(self._values, self._layout)

    def to_nested(self) -> Tensor:
        """A torch nested tensor of jagged layout, on the same values."""
        from .doors.nested_tensor import to_nested

        return to_nested(self._values, self._layout)

    def to_arrow(self) -> pyarrow.LargeListArray:
        """An Arrow large-list array on the same values; features become fixed-size lists."""
        from .doors.arrow import to_arrow

        return to_arrow(self._values, self._layout)
