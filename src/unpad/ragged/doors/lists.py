"""Sequences one by one: lists of arrays in, batches joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arrays import is_numeric, to_tensor
from ..layout import Layout
from ..ragged import Ragged


def from_list(sequences: Sequence[Any], *, dtype: torch.dtype | None = None) -> Ragged:
    """See `Ragged.from_list`."""
    if isinstance(sequences, (str, bytes)):
        raise ValueError(f"Ragged.from_list: expected sequences of numbers, got {sequences!r}.")
    numpy = not any(issubclass(kind, Tensor) for kind in set(map(type, sequences)))
    if numpy and (joined := _joined(sequences)) is not None:
        values, lengths = joined
        values = values if dtype is None else values.to(dtype)
        return Ragged._trusted(values, Layout.from_lengths(lengths), True)
    rows = [_as_sequence(s, i) for i, s in enumerate(sequences)]
    lengths = [len(r) for r in rows]
    # `[]` says nothing about features: it takes those of the others.
    shaped = [r for r in rows if len(r) or r.ndim > 1]
    if not shaped:
        values = torch.zeros(0, dtype=dtype or (rows[0].dtype if rows else None))
        return Ragged._trusted(values, Layout.from_lengths(lengths), numpy)
    feature = shaped[0].shape[1:]
    for i, r in enumerate(rows):
        if r.shape[1:] != feature and (len(r) or r.ndim > 1):
            raise ValueError(
                f"Ragged.from_list: sequence {i} has steps of shape {tuple(r.shape[1:])}, the "
                f"first has {tuple(feature)}."
                + " Sequences of sequences: Ragged.from_list(x, levels=2)."
                * (r.ndim == 2)
            )
    widest = shaped[0].dtype
    for r in shaped:
        widest = torch.promote_types(widest, r.dtype)
    values = torch.cat([r.to(dtype or widest) for r in shaped])
    return Ragged._trusted(values, Layout.from_lengths(lengths).to(values.device), numpy)


def _joined(sequences: Sequence[Any]) -> tuple[Tensor, list[int]] | None:
    """The numbers of many plain sequences of one type, in one step; None for anything else.

    A tensor for each sequence takes 20 us a sequence, 5 s for the lines of 20 Newsgroups.
    """
    try:
        arrays = [np.asarray(s) for s in sequences]
    except ValueError:
        return None
    full = [a for a in arrays if a.ndim != 1 or len(a)]
    first = full[0].dtype if full else None
    if first is None or first.kind not in "iufb":
        return None
    # `[]` has no type of its own; an empty array has one, which counts.
    if {(a.dtype, a.ndim) for a in full} != {(first, 1)}:
        return None
    if len(full) < len(arrays) and not all(
        a.dtype == first or isinstance(s, (list, tuple))
        for a, s in zip(arrays, sequences, strict=True)
    ):
        return None
    return to_tensor(np.concatenate(full)), [len(a) for a in arrays]


def concatenate(batches: Sequence[Ragged]) -> Ragged:
    """See `Ragged.concatenate`."""
    if not batches:
        raise ValueError("Ragged.concatenate: got no batch.")
    feature = batches[0].feature
    for i, b in enumerate(batches):
        if b.feature != feature:
            raise ValueError(
                f"Ragged.concatenate: batch {i} has steps of shape {tuple(b.feature)}, the first "
                f"has {tuple(feature)}."
            )
    layouts = [b.layout for b in batches]
    slots = None
    if any(layout.own.slots is not None for layout in layouts):
        slots = torch.cat([layout.own.places for layout in layouts])
    widths = [layout.width for layout in layouts if layout.width is not None]
    # A grid wide enough for all. Batches that had none lie in it as far as they reach.
    width = max([*widths, *(layout.time for layout in layouts)]) if widths else None
    lengths = torch.cat([layout.own.lengths for layout in layouts])
    parts = [b.values for b in batches]
    if any(b.levels != batches[0].levels for b in batches):
        raise ValueError("Ragged.concatenate: some batches are sequences of sequences, some not.")
    values = torch.cat(parts) if isinstance(parts[0], Tensor) else concatenate(parts)
    layout = Layout._of_lengths(lengths, slots, width)
    return Ragged._trusted(values, layout, batches[0]._numpy)


def _as_sequence(sequence: Any, i: int) -> Tensor:
    if isinstance(sequence, Tensor):
        array = sequence
    else:
        try:
            array = np.asarray(sequence)
        except ValueError:
            array = np.asarray(None)
        if not is_numeric(array):
            if array.size == 0 and array.ndim:
                return torch.zeros(array.shape)
            raise ValueError(
                f"Ragged.from_list: expected sequence {i} as an array (time, *feature) of numbers, "
                f"got {_describe(sequence)}."
                + " Sequences of sequences: Ragged.from_list(x, levels=2)."
                * _nested(sequence)
            )
        if array.size == 0 and not isinstance(sequence, np.ndarray):
            # numpy calls `[]` float64; it must not turn a batch of ids into floats.
            array = array.astype(np.uint8)
        array = to_tensor(array)
    if array.ndim == 0:
        raise ValueError(
            f"Ragged.from_list: expected sequence {i} as an array (time, *feature), got the "
            f"single number {array.item()}."
        )
    return array


def _nested(sequence: Any) -> bool:
    return isinstance(sequence, (list, tuple)) and any(
        isinstance(part, (list, tuple, np.ndarray)) for part in sequence
    )


def _describe(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"
