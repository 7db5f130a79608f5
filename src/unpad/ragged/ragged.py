"""The one value that a batch of sequences is: `Ragged(values, layout)`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch
from torch import Tensor

from . import reductions
from .arithmetic import Arithmetic
from .arrays import as_integers, to_numpy
from .layout import Layout
from .levels import from_nested_lists, innermost, merge_levels, take_rows

if TYPE_CHECKING:
    import pyarrow

    Output = Tensor | np.ndarray


class Ragged(Arithmetic):
    """A batch of sequences of different lengths: their real steps end to end, and where each ends.

    A step that is missing does not exist here: there is no padding, and no mask that could be
    lost. Mask, lengths, positions and sequence ids are views of the layout.

    A Ragged is immutable and valid by construction. Made from numpy, it hands numpy back wherever
    it hands data to the caller (`to_padded`, `to_list`, `r[i]`, the reductions, while no gradient
    is asked for); `values` is always a tensor.

    Args:
        values: (steps, *feature), every real step of every sequence, end to end; or a Ragged
            whose sequences are the steps: documents of sentences.
        layout: a Layout, or the (batch + 1,) int64 offsets of one.

    Raises:
        ValueError: values and layout do not fit together.

    Example:
        >>> r = Ragged(torch.tensor([1., 2., 3.]), torch.tensor([0, 2, 2, 3]))
        >>> r.lengths, r.sum()
        (tensor([2, 0, 1]), tensor([3., 0., 3.]))
    """

    __slots__ = ("_layout", "_numpy", "_read_by", "_values")

    def __init__(self, values: Any, layout: Layout | Tensor) -> None:
        if not isinstance(values, (Tensor, Ragged)):
            raise ValueError(
                f"Ragged: expected values as a tensor, got {type(values).__name__}. "
                "Lists of arrays: Ragged.from_list; padded arrays: Ragged.from_padded."
            )
        if not isinstance(layout, Layout):
            layout = Layout(layout)
        if not _fits(values, layout):
            raise ValueError(
                f"Ragged: expected values as (steps, *feature) with {layout.steps} steps, which is "
                f"where the offsets end, got {_shape(values)}."
            )
        if values.device != layout.device:
            raise ValueError(
                f"Ragged: values are on {values.device}, the offsets on {layout.device}."
            )
        self._fill_in(values, layout, False)

    def _fill_in(self, values: Any, layout: Layout, numpy: bool, read_by: Any = None) -> None:
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_layout", layout)
        object.__setattr__(self, "_numpy", numpy)
        object.__setattr__(self, "_read_by", read_by)

    @classmethod
    def _trusted(
        cls, values: Any, layout: Layout, numpy: bool = False, read_by: Any = None
    ) -> Ragged:
        """Skips the checks: for values that were made on a checked layout.

        Args:
            values: as in the constructor.
            layout: a Layout.
            numpy: whether data is handed back as numpy.
            read_by: the ids that the values were read by, and the values' version then, for a layer
                that can use it (`layers.lookup`).
        """
        ragged = cls.__new__(cls)
        ragged._fill_in(values, layout, numpy, read_by)
        return ragged

    def _stacked(self, layout: Layout, numpy: bool) -> Ragged:
        """This one's sequences as the steps of a layout."""
        # What is inside is for computing with; the outer one says what the caller is handed.
        inner = Ragged._trusted(self._values, self._layout)
        return Ragged._trusted(inner, layout, numpy)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"Ragged is immutable; to change its values: ragged.with_values(...). (set {name!r})"
        )

    def __reduce__(self) -> tuple:
        return Ragged._trusted, (self._values, self._layout, self._numpy)

    # --- what it is ------------------------------------------------------------------------------

    @property
    def values(self) -> Any:
        """(steps, *feature): every real step, end to end; of sequences of sequences a Ragged."""
        return self._values

    @property
    def levels(self) -> int:
        """1 for sequences of steps, 2 for sequences of sequences of steps."""
        return 1 + (self._values.levels if isinstance(self._values, Ragged) else 0)

    @property
    def layout(self) -> Layout:
        """Where each sequence starts and ends."""
        return self._layout

    @property
    def offsets(self) -> Tensor:
        """(batch + 1,) int64: sequence `i` owns the steps `offsets[i]` to `offsets[i + 1]`."""
        return self._layout.offsets

    @property
    def lengths(self) -> Tensor:
        """(batch,) the number of steps of each sequence."""
        return self._layout.lengths

    @property
    def positions(self) -> Tensor:
        """(steps,) the place of each step within its sequence."""
        return self._layout.positions

    @property
    def sequence_ids(self) -> Tensor:
        """(steps,) the sequence that each step belongs to."""
        return self._layout.sequence_ids

    @property
    def mask(self) -> Tensor:
        """(batch, time) bool: True where a step is real, in the grid that `to_padded` makes."""
        return self._layout.mask

    @property
    def batch(self) -> int:
        """The number of sequences."""
        return self._layout.batch

    @property
    def steps(self) -> int:
        """The number of steps of the whole batch."""
        return len(self._values)

    @property
    def feature(self) -> torch.Size:
        """The shape of one step, of the innermost where there are several levels."""
        return innermost(self._values).shape[1:]

    @property
    def dtype(self) -> torch.dtype:
        """The type of the values."""
        return self._values.dtype

    @property
    def device(self) -> torch.device:
        """Where the values are."""
        return self._values.device

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows through the values."""
        return self._values.requires_grad

    # --- making one ------------------------------------------------------------------------------

    @staticmethod
    def from_padded(
        x: Tensor | np.ndarray,
        *,
        mask: Tensor | np.ndarray | None = None,
        lengths: Tensor | np.ndarray | Sequence[int] | int | None = None,
        padding: float | None = None,
    ) -> Ragged:
        """The real steps of a padded array. Say which they are in exactly one way.

        Copies the real steps once; the array is not kept. Padding may be on either side or in the
        middle, and may hold anything; `to_padded` gives the same grid back.

        Args:
            x: (batch, time, *feature).
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

        return from_padded(x, mask=mask, lengths=lengths, padding=padding)

    @staticmethod
    def from_list(
        sequences: Sequence[Any], *, dtype: torch.dtype | None = None, levels: int = 1
    ) -> Ragged:
        """Sequences of different lengths: arrays, tensors or lists, each (time, *feature).

        Copies once. An empty sequence is legal: `[]` takes the feature shape of the others. An
        empty list gives an empty batch of scalars.

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
        from .doors.lists import from_list

        if levels not in (1, 2):
            raise ValueError(f"Ragged.from_list: levels is 1 or 2, got {levels!r}.")
        if levels == 2:
            return from_nested_lists(sequences, dtype)
        return from_list(sequences, dtype=dtype)

    @staticmethod
    def from_packed(packed: torch.nn.utils.rnn.PackedSequence) -> Ragged:
        """The sequences of a torch PackedSequence, in the caller's order. Copies once."""
        from .doors.packed import from_packed

        return from_packed(packed)

    @staticmethod
    def from_nested(nested: Tensor) -> Ragged:
        """A torch nested tensor of jagged layout. No copy where it has no holes."""
        from .doors.nested_tensor import from_nested

        return from_nested(nested)

    @staticmethod
    def from_arrow(column: pyarrow.Array | pyarrow.ChunkedArray) -> Ragged:
        """An Arrow list column: list, large list or fixed-size list of numbers.

        Values are not copied where Arrow holds them in one chunk, without nulls and not as bits. A
        fixed-size list inside gives the feature shape. A null list is an error; so is a null step.
        """
        from .doors.arrow import from_arrow

        return from_arrow(column)

    @staticmethod
    def concatenate(batches: Sequence[Ragged]) -> Ragged:
        """The sequences of several batches, one batch after the other.

        Raises:
            ValueError: no batch at all, or feature shapes that differ.
        """
        from .doors.lists import concatenate

        return concatenate(batches)

    # --- going back ------------------------------------------------------------------------------

    def to_padded(
        self, fill: float = 0, *, length: int | None = None, padding: str | None = None
    ) -> Output:
        """A padded array (batch, time, *feature): the grid that this batch came from.

        Args:
            fill: what missing slots hold.
            length: the number of slots in time; by default that of the grid it came from, else the
                longest sequence's.
            padding: "post" or "pre" lays the sequences to the left or right of a new grid, without
                holes; by default each step goes back to its own slot.

        Raises:
            ValueError: a sequence does not fit in `length`.
        """
        from .doors.padded import to_padded

        return self._out(to_padded(self, fill, length=length, padding=padding))

    def to_list(self) -> list[Any]:
        """One (time, *feature) tensor or array a sequence; views, no copies."""
        return [part.to_list() if isinstance(part, Ragged) else part for part in self]

    def to_packed(self) -> torch.nn.utils.rnn.PackedSequence:
        """A torch PackedSequence. Copies once.

        Raises:
            ValueError: a sequence is empty, which a PackedSequence cannot hold; the text says
                which.
        """
        from .doors.packed import to_packed

        return to_packed(self)

    def to_nested(self) -> Tensor:
        """A torch nested tensor of jagged layout, on the same values."""
        from .doors.nested_tensor import to_nested

        return to_nested(self)

    def to_arrow(self) -> pyarrow.LargeListArray:
        """An Arrow large-list array on the same values; features become fixed-size lists."""
        from .doors.arrow import to_arrow

        return to_arrow(self)

    def _out(self, tensor: Any) -> Any:
        """What the caller is handed: numpy where numpy came in and no gradient is asked for."""
        if isinstance(tensor, Ragged):
            return Ragged._trusted(tensor._values, tensor._layout, self._numpy)
        if not self._numpy or tensor.requires_grad:
            return tensor
        return to_numpy(tensor)

    # --- choosing sequences ----------------------------------------------------------------------

    def __len__(self) -> int:
        """The number of sequences."""
        return self._layout.batch

    def __iter__(self) -> Iterator[Any]:
        """One (time, *feature) array a sequence."""
        bounds, values = self._layout.own.offsets.tolist(), self._out(self._values)
        for start, end in pairwise(bounds):
            yield values[start:end]

    @overload
    def __getitem__(self, index: int | np.integer) -> Output: ...
    @overload
    def __getitem__(self, index: slice | Sequence[Any] | np.ndarray | Tensor) -> Ragged: ...
    def __getitem__(self, index: Any) -> Any:
        """An int: that sequence. A slice, index array or (batch,) bool mask: a Ragged of them.

        With a colon first, time and features of every sequence: `r[:, -1]` each sequence's last
        step, `r[:, 1:]` all but its first, `r[:, :, 0]` or `r[..., 0]` a feature of each step.
        """
        if isinstance(index, (int, np.integer)):
            i = operator.index(index)
            if not -self.batch <= i < self.batch:
                raise IndexError(f"Ragged: sequence {i} of {self.batch}.")
            i %= self.batch
            start, end = self._layout.own.offsets[i : i + 2].tolist()
            return self._out(self._values[start:end])
        if isinstance(index, slice):
            first, stop, stride = index.indices(self.batch)
            if stride == 1:
                return self._slice(first, max(first, stop))
            index = list(range(first, stop, stride))
        if isinstance(index, tuple):
            from .indexing import index_axes

            return index_axes(self, index)
        layout, steps = self._layout.take(self._sequence_index(index))
        return self.with_values(take_rows(self._values, steps), layout)

    def _slice(self, first: int, stop: int) -> Ragged:
        """A run of sequences: values are a view, nothing is copied."""
        stop = max(first, stop)
        bounds = self._layout.own.offsets
        start, end = int(bounds[first]), int(bounds[stop])
        layout = self._layout.run(first, stop, start, end)
        return self.with_values(self._values[start:end], layout)

    def _sequence_index(self, index: Any) -> Tensor:
        index = as_integers(index, self.device)
        if index.dtype == torch.bool:
            if tuple(index.shape) != (self.batch,):
                raise IndexError(
                    f"Ragged: a bool index chooses sequences: expected ({self.batch},), got "
                    f"{tuple(index.shape)}."
                )
            return index.nonzero()[:, 0]
        if index.ndim != 1 or index.is_floating_point():
            raise IndexError(
                f"Ragged: expected an int, a slice or (n,) integers, got {tuple(index.shape)} of "
                f"{index.dtype}."
            )
        outside = ((index < -self.batch) | (index >= self.batch)).nonzero()
        if len(outside):
            raise IndexError(f"Ragged: sequence {int(index[outside[0]])} of {self.batch}.")
        return index.long() % max(self.batch, 1)

    def keep(self, kept: Tensor) -> Ragged:
        """The steps where `kept` is True; the others become holes, whose slots are remembered.

        Args:
            kept: (steps,) bool.
        """
        if kept.dtype != torch.bool or tuple(kept.shape) != (self.steps,):
            raise ValueError(
                f"Ragged.keep: expected ({self.steps},) bool, one for each step, got "
                f"{tuple(kept.shape)} of {kept.dtype}."
            )
        if bool(kept.all()):
            return self
        return self.with_values(self._values[kept], self._layout.keep(kept))

    def reversed(self) -> Ragged:
        """Each sequence from its own last step to its first; the slots stay where they are."""
        offsets = self._layout.own.offsets
        ends = reductions.spread(offsets[:-1] + offsets[1:] - 1, self._layout)
        index = ends - torch.arange(self.steps, device=self.device)
        return self.with_values(take_rows(self._values, index))

    def merge_levels(self) -> Ragged:
        """Sequences of sequences as sequences of their steps: a document's words, end to end.

        Copies nothing.

        Raises:
            ValueError: there is one level only.
        """
        return merge_levels(self)

    # --- computing -------------------------------------------------------------------------------

    def with_values(self, values: Any, layout: Layout | None = None) -> Ragged:
        """Other values on the same layout.

        Raises:
            ValueError: the values have another number of steps.
        """
        layout = self._layout if layout is None else layout
        if not _fits(values, layout):
            raise ValueError(
                f"Ragged: expected values as ({layout.steps}, *feature), one for each step, got "
                f"{_shape(values)}."
            )
        return Ragged._trusted(values, layout, self._numpy)

    def map(self, function: Callable[[Any], Any]) -> Ragged:
        """A token-wise function or module applied to the values: (steps, *feature) to (steps, *).

        Of sequences of sequences the function gets the inner Ragged: `documents.map(model)` runs a
        model on every sentence.

        Args:
            function: anything that takes the values and gives one row for each; a torch module, a
                lambda, a scikit-learn transform.

        Raises:
            ValueError: the result has not one row for each step.

        Example:
            >>> Ragged.from_list([[1., 2.], [3.]]).map(torch.exp).lengths
            tensor([2, 1])
        """
        numpy = isinstance(function, np.ufunc)
        values = function(self._values.detach().numpy() if numpy else self._values)
        if not isinstance(values, (Tensor, np.ndarray, Ragged)):
            raise ValueError(
                f"Ragged.map: expected the function to give a tensor, got {type(values).__name__}."
            )
        values = values if isinstance(values, Ragged) else torch.as_tensor(values)
        if not _fits(values, self._layout):
            raise ValueError(
                f"Ragged.map: expected one row for each of the {self.steps} steps, got "
                f"{_shape(values)}. For one row a sequence: ragged.mean(), .max(), .last(); "
                "for something else: work on ragged.values and ragged.offsets."
            )
        return Ragged._trusted(values, self._layout, self._numpy)

    def to(self, device: Any = None, dtype: torch.dtype | None = None) -> Ragged:
        """The same batch on another device or of another type, as `torch.Tensor.to`."""
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        values = self._values.to(device=device, dtype=dtype)
        return Ragged._trusted(values, self._layout.to(values.device), self._numpy)

    def detach(self) -> Ragged:
        """The same batch, cut from the gradient."""
        return self.with_values(self._values.detach())

    def _reduced(self, name: str, *empty: float) -> Any:
        """One row a sequence; of sequences of sequences a Ragged, one row an inner sequence."""
        if isinstance(self._values, Ragged):
            return self.with_values(torch.as_tensor(getattr(self._values, name)(*empty)))
        reduce = getattr(reductions, f"segment_{name}")
        return self._out(reduce(self._values, self._layout, *empty))

    def sum(self) -> Output:
        """(batch, *feature) the sum over each sequence; 0 for an empty one."""
        return self._reduced("sum")

    def mean(self) -> Output:
        """(batch, *feature) the mean over each sequence; 0 for an empty one."""
        return self._reduced("mean")

    def max(self, empty: float = 0) -> Output:
        """(batch, *feature) the largest of each sequence; `empty` for an empty one."""
        return self._reduced("max", empty)

    def min(self, empty: float = 0) -> Output:
        """(batch, *feature) the smallest of each sequence; `empty` for an empty one."""
        return self._reduced("min", empty)

    def first(self, empty: float = 0) -> Output:
        """(batch, *feature) the first step of each sequence; `empty` for an empty one."""
        return self._reduced("first", empty)

    def last(self, empty: float = 0) -> Output:
        """(batch, *feature) the last step of each sequence; `empty` for an empty one."""
        return self._reduced("last", empty)

    def softmax(self) -> Ragged:
        """The softmax over each sequence's own steps, feature by feature."""
        if isinstance(self._values, Ragged):
            return self.with_values(self._values.softmax())
        return self.with_values(reductions.segment_softmax(self._values, self._layout))

    def __repr__(self) -> str:
        from .show import show

        return show(self)


def _fits(values: Any, layout: Layout) -> bool:
    """Whether there is one row, or one inner sequence, for each step."""
    return (isinstance(values, Ragged) or values.ndim > 0) and len(values) == layout.steps


def _shape(values: Any) -> str:
    if isinstance(values, Ragged):
        return f"{len(values)} inner sequences"
    return str(tuple(values.shape))
