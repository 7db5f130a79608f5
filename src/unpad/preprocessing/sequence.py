"""pad_sequences: lists of sequences as a grid, as Keras pads and cuts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arguments import Count
from ..errors import look_up, shown
from ..notes import Cut, note
from ..ragged import Ragged
from ..ragged.doors.lists import unmasked
from ..ragged.numbers import read_whole
from ..signatures import checked
from .generator import TimeseriesGenerator

__all__ = ["TimeseriesGenerator", "pad_sequences"]

_SIDES = {"pre": True, "post": False}


@checked
def pad_sequences(
    sequences: Sequence[Any] | Ragged,
    maxlen: Count | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences of different lengths as one array (n, time, *feature).

    A model here takes the list as it is, or `Ragged.from_list(sequences)`; a grid comes in through
    `Embedding(mask_zero=True)`, `Masking` or `Ragged.from_padded`. An empty sequence is a row of
    padding. Copies once.

    Args:
        sequences: one array, list or tensor (time, *feature) a sequence.
        maxlen: slots in time; by default as many as the longest has steps. What is longer is cut.
        dtype: of the array. Keras's is "int32", for ids.
        padding: "pre" or "post": whether the padding stands in front of the steps or behind them.
        truncating: "pre" or "post": where what is longer is cut.
        value: what the padding holds.

    Raises:
        ValueError: something is no sequence; features differ; or a number would not be what it is
            in `dtype`, as .5 as an integer: Keras makes it 0.

    Example:
        >>> pad_sequences([[1, 2, 3], [4]], padding="post")
        array([[1, 2, 3],
               [4, 0, 0]], dtype=int32)
    """
    who = "pad_sequences"
    in_front = look_up(who, "padding", padding, _SIDES)
    cut_front = look_up(who, "truncating", truncating, _SIDES)
    sequences = read_whole(sequences, who)
    if not hasattr(sequences, "__len__") or isinstance(sequences, (str, bytes)):
        raise ValueError(f"{who}: expected a list of sequences, got {type(sequences).__name__}.")
    text = _holds_text(dtype)
    found = [_array(part, i, text) for i, part in enumerate(sequences)]
    longest = max(map(len, found), default=0)
    slots = longest if maxlen is None else maxlen
    feature = next((part.shape[1:] for part in found if len(part)), ())
    if isinstance(value, str) and not text:
        raise ValueError(
            f"{who}: value={value!r} is text, dtype={dtype!r} is not. For text: dtype=object."
        )
    grid = np.full((len(found), slots, *feature), value, dtype=dtype)
    for i, part in enumerate(found):
        if not len(part) or not slots:
            continue
        if part.shape[1:] != feature:
            raise ValueError(
                f"{who}: sequence {i} has steps of shape {part.shape[1:]}, the first {feature}."
            )
        kept = part[-slots:] if cut_front else part[:slots]
        there = grid[i, -len(kept) :] if in_front else grid[i, : len(kept)]
        there[...] = kept
        _check_kept(kept, there, i, len(part) - len(kept) if cut_front else 0)
    lengths = np.array([len(part) for part in found], dtype=np.int64)
    over = np.maximum(lengths - slots, 0)
    note(
        grid,
        Cut(
            who,
            int(lengths.sum()),
            int(over.sum()),
            int((over > 0).sum()),
            int((lengths < slots).sum()),
            padding,
            truncating,
        ),
    )
    return grid


def _array(sequence: Any, i: int, text: bool) -> np.ndarray:
    sequence = read_whole(sequence, f"pad_sequences: sequence {i}")
    if not hasattr(sequence, "__len__") or isinstance(sequence, (str, bytes)):
        raise ValueError(
            f"pad_sequences: expected a list of sequences, got {type(sequence).__name__} as "
            f"sequence {i}."
        )
    try:
        array = np.asanyarray(sequence)
    except ValueError:  # rows of different lengths
        array = np.zeros((), complex)
    if array.dtype.kind in "OUS" and not text:
        raise ValueError(
            f"pad_sequences: sequence {i} holds text, {shown(sequence)}. Make ids of it first, as "
            "TextVectorization does, or pad text: dtype=object, value=''."
        )
    if array.dtype.kind == "c":
        raise ValueError(
            f"pad_sequences: expected sequence {i} as numbers, or rows of as many, got "
            f"{shown(sequence)}."
        )
    if isinstance(array, np.ma.MaskedArray) and array.ndim:
        return array.data[unmasked(array, 1, f"pad_sequences: sequence {i}")]
    return np.asarray(array)


def _holds_text(dtype: Any) -> bool:
    return np.dtype(dtype).kind in "OUS"


def _check_kept(given: np.ndarray, kept: np.ndarray, i: int, first: int) -> None:
    """Raises where a number is another as an integer of this type, naming the first."""
    if kept.dtype.kind not in "iu" or given.dtype.kind not in "iufc":
        return
    lost = np.argwhere(given != kept)
    if not len(lost):
        return
    where = tuple(lost[0])
    fraction = given.dtype.kind in "fc"
    hint = "numbers that are no ids: dtype='float32'" if fraction else "larger ids: dtype='int64'"
    raise ValueError(
        f"pad_sequences: {given[where]} in sequence {i}, step {first + int(where[0])}, would be "
        f"{kept[where]} as {kept.dtype}. For {hint}."
    )
