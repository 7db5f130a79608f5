"""Sequences of sequences: a Ragged whose steps are the sequences of another Ragged.

A document of sentences of words is `Ragged(sentences, layout)`: `layout` says which sentences make
a document, `sentences` is a Ragged of words. What looks at rows of values works on either kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .layout import Layout

if TYPE_CHECKING:
    from .ragged import Ragged


def take_rows(values: Any, index: Tensor) -> Any:
    """These rows of values, or these sequences of a Ragged."""
    return values.index_select(0, index) if isinstance(values, Tensor) else values[index]


def innermost(values: Any) -> Tensor:
    """The numbers themselves, whatever the number of levels."""
    while not isinstance(values, Tensor):
        values = values.values
    return values


def refuse_levels(ragged: Ragged, who: str) -> None:
    """Raises for sequences of sequences, where steps are wanted."""
    if ragged.levels > 1:
        raise ValueError(
            f"{who}: expected sequences of steps, got sequences of sequences. The inner ones: "
            "ragged.values; their steps end to end: ragged.merge_levels()."
        )


def merge_levels(ragged: Ragged) -> Ragged:
    """See `Ragged.merge_levels`."""
    inner = ragged.values
    if isinstance(inner, Tensor):
        raise ValueError(
            "Ragged.merge_levels: expected sequences of sequences, got sequences of steps."
        )
    offsets = inner.layout.own.offsets.index_select(0, ragged.layout.own.offsets)
    return inner.with_values(inner.values, Layout(offsets, _checked=True))


def take_real_levels(grid: Tensor, real: Tensor, numpy: bool) -> Ragged:
    """The steps of (batch, time, inner time, *feature) where `real` is True.

    An inner sequence without a step does not exist.
    """
    from .doors.padded import take_real

    exists = real.any(2)
    outer = take_real(grid.flatten(2), exists, numpy).layout
    inner = take_real(grid[exists], real[exists], numpy)
    return inner._stacked(outer, numpy)


def from_nested_lists(sequences: Any, dtype: torch.dtype | None) -> Ragged:
    """See `Ragged.from_list` with levels=2."""
    from .doors.lists import from_list, listed

    outer = listed(sequences, "Ragged.from_list")
    for i, sequence in enumerate(outer):
        if not _holds_sequences(sequence):
            raise ValueError(
                f"Ragged.from_list: levels=2 expects sequence {i} as a list of sequences, got "
                f"{type(sequence).__name__}."
            )
    try:
        inner = from_list([part for sequence in outer for part in sequence], dtype=dtype)
    except ValueError as error:
        raise ValueError(f"{error} (inner sequences are counted over all outer ones)") from None
    layout = Layout.from_lengths([len(sequence) for sequence in outer]).to(inner.device)
    return inner._stacked(layout, inner._numpy)


def _holds_sequences(sequence: Any) -> bool:
    """Whether it is a list of lists; an empty list is one of none."""
    if isinstance(sequence, (str, bytes)) or not hasattr(sequence, "__len__"):
        return False
    if getattr(sequence, "ndim", 1) == 0 or not len(sequence):
        return getattr(sequence, "ndim", 1) != 0
    first = next(iter(sequence))
    many = hasattr(first, "__len__") or hasattr(first, "__iter__")
    return many and not isinstance(first, (str, bytes)) and getattr(first, "ndim", 1) != 0
