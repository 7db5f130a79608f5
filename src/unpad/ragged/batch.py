"""What a Ragged and a dense tensor have in common where either may come: their values, a place."""

from __future__ import annotations

from torch import Tensor

from .ragged import Ragged


def values_of(batch: Ragged | Tensor) -> Tensor:
    """The values, whatever holds them."""
    return batch.values if isinstance(batch, Ragged) else batch


def place(batch: Ragged | Tensor, index: tuple[int, ...]) -> str:
    """Where an entry of the values stands, in words: its sequence, and its step if it has one."""
    if isinstance(batch, Ragged):
        return batch.layout.where(index[0])
    return f"sequence {index[0]}" + (f", step {index[1]}" if len(index) > 1 else "")
