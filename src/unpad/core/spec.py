"""What a layer takes and gives, known before there is data: the types on a model's edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ..ragged import Ragged


@dataclass(frozen=True)
class Lengths:
    """Whose lengths a Ragged will have, and what layers on the way have made of them.

    Lengths of one root are told apart before there is data: `table` holds what becomes of a
    sequence of 0, 1, 2, ... steps. So a residual connection around a layer that shortens its
    sequences is found when the model is built, and one around a layer that pads and then shortens
    by as much is let through.

    Args:
        root: the input that the steps came in by.
        table: what a sequence of n steps has become.
    """

    root: str
    table: tuple[int, ...] = tuple(range(65))

    def change(self, rule: Callable[[int], int]) -> Lengths:
        """After a layer that makes `rule(n)` steps of n."""
        return Lengths(self.root, tuple(rule(n) for n in self.table))

    def differs(self, other: Lengths) -> int | None:
        """The number of steps of the first sequence that the two make different lengths of."""
        if self.root != other.root:
            return None
        pairs = zip(self.table, other.table, strict=True)
        return next((n for n, (a, b) in enumerate(pairs) if a != b), None)


@dataclass(frozen=True)
class Spec:
    """The type of a batch: a Ragged, or a dense tensor.

    As a shape it reads as Keras's, the batch and time included: `spec[-1]` is the last axis.

    Args:
        shape: of one step where ragged, else of one row of the batch; None is any size.
        ragged: whether it is a Ragged.
        dtype: of the values.
        lengths: whose lengths it has, where that is known.
        width: slots of the grid that a Ragged came from, where that is known.
        levels: of a Ragged: 2 for sequences of sequences.
        batch: the rows of an actual tensor, shown in an error.
    """

    shape: tuple[int | None, ...]
    ragged: bool = False
    dtype: torch.dtype = torch.float32
    lengths: Lengths | None = field(default=None, compare=False, repr=False)
    width: int | None = field(default=None, compare=False, repr=False)
    levels: int = field(default=1, repr=False)
    batch: int | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        axes = [("time" if n is None else str(n)) for n in self.shape]
        batch = "batch" if self.batch is None else str(self.batch)
        return f"({', '.join([batch, *(['steps*'] * self.levels if self.ragged else []), *axes])})"

    @property
    def full_shape(self) -> tuple[int | None, ...]:
        """Keras's shape: the batch, the time of a Ragged, and the features."""
        return (None, *((None,) * self.levels if self.ragged else ()), *self.shape)

    def __getitem__(self, axis: Any) -> Any:
        return self.full_shape[axis]

    def __len__(self) -> int:
        return len(self.full_shape)

    def with_shape(self, shape: tuple[int | None, ...]) -> Spec:
        """The same steps with features of another shape."""
        return replace(self, shape=tuple(shape))

    def with_last(self, size: int) -> Spec:
        """The same with another size of the last axis, as a matrix product gives it."""
        return self.with_shape((*self.shape[:-1], size))

    def with_dtype(self, dtype: torch.dtype) -> Spec:
        """The same with values of another type."""
        return replace(self, dtype=dtype)

    def with_steps(self, rule: Callable[[int], int]) -> Spec:
        """A Ragged whose sequences of n steps have become sequences of `rule(n)` steps."""
        lengths = None if self.lengths is None else self.lengths.change(rule)
        return replace(
            self, lengths=lengths, width=None if self.width is None else rule(self.width)
        )

    @property
    def inner(self) -> Spec:
        """Of one step as a batch of its own: a row, or the inner sequences where there are two."""
        if self.ragged and self.levels > 1:
            return Spec(self.shape, True, self.dtype, levels=self.levels - 1)
        return Spec(self.shape if self.ragged else self.shape[1:], False, self.dtype)

    def rows(self, shape: tuple[int | None, ...]) -> Spec:
        """One row of this shape a sequence: what a layer that reduces gives."""
        return Spec(tuple(shape), False, self.dtype)


#: What `output_spec` gives: one output, or several.
Specs = Spec | list[Spec]


def spec_of(value: Ragged | Tensor) -> Spec:
    """The spec of an actual batch."""
    if isinstance(value, Ragged):
        width = value.layout.width
        return Spec(tuple(value.feature), True, value.dtype, width=width, levels=value.levels)
    return Spec(tuple(value.shape[1:]), False, value.dtype)


def kind_of(value: Any) -> Any:
    """What a layer's answer about an argument hangs on, in a form that can be looked up.

    Of a batch whether it is Ragged, the shape without batch and steps, and the type; of anything
    else the value itself, or what it is where that cannot be looked up.
    """
    if isinstance(value, Ragged):
        values = value.values
        if isinstance(values, Ragged):
            return (value.levels, value.feature, value.dtype)
        if values.dim() == 2:  # most calls: no shape is made
            return (values.size(1), values.dtype)
        return (values.shape[1:], values.dtype)
    if isinstance(value, Tensor):
        try:
            shape = value.shape
        except RuntimeError:  # a nested tensor has none
            return Tensor
        kind = (0, shape[1] if len(shape) == 2 else shape[1:], value.dtype, len(shape))
        return kind if value.layout is torch.strided else (*kind, value.layout)
    if isinstance(value, (list, tuple)):
        return tuple(map(kind_of, value))
    if isinstance(value, dict):
        return tuple((name, kind_of(part)) for name, part in value.items())
    return value if isinstance(value, (bool, int, float, str, type(None))) else type(value)
