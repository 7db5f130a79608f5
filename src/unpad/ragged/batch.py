"""What a Ragged and a dense tensor have in common where either may come: their values, a place."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .levels import innermost
from .ragged import Ragged


def values_of(batch: Ragged | Tensor) -> Tensor:
    """The values, whatever holds them."""
    return innermost(batch)


def rows_of(batch: Ragged | Tensor) -> int:
    """The number of sequences; while a graph is made a symbol of it, which `len` cannot give."""
    return batch.batch if isinstance(batch, Ragged) else batch.shape[0]


def with_values_of(batch: Any, values: Tensor) -> Any:
    """The same structure around other values."""
    if not isinstance(batch, Ragged):
        return values
    return batch.with_values(with_values_of(batch.values, values))


def place(batch: Ragged | Tensor, index: tuple[int, ...]) -> str:
    """Where an entry of the values stands, in words: its sequence, and its step if it has one."""
    if not isinstance(batch, Ragged):
        return f"sequence {index[0]}" + (f", step {index[1]}" if len(index) > 1 else "")
    if not isinstance(batch.values, Ragged):
        return batch.layout.where(index[0])
    inner = batch.values.layout.own
    sequence, step = int(inner.sequence_ids[index[0]]), int(inner.positions[index[0]])
    return f"{batch.layout.where(sequence)}, inner step {step}"
