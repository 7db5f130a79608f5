"""Sequences of sequences: a Ragged whose steps are the sequences of another Ragged.

A document of sentences of words is `Ragged(sentences, layout)`: `layout` says which sentences make
a document, `sentences` is a Ragged of words. What looks at rows of values works on either kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def refuse_levels(values: Any, who: str) -> None:
    """Raises for the values of sequences of sequences, where steps are wanted."""
    if not isinstance(values, Tensor):
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
