"""Sequences one by one: lists of arrays in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import shown
from ..choosing import Choosing
from ..layout import Layout
from ..numbers import as_values, is_numeric, read_whole, to_tensor
from ..parts import Parts

_PLAIN = {list, tuple, np.ndarray, Tensor}  # what can be read again


def from_list(sequences: Iterable[Any], *, dtype: torch.dtype | None = None) -> Parts:
    """See `Ragged.from_list`."""
    sequences = listed(sequences, "Ragged.from_list")
    numpy = not any(issubclass(kind, Tensor) for kind in set(map(type, sequences)))
    if numpy and (joined := _joined(sequences)) is not None:
        values, lengths = joined
        values = values if dtype is None else values.to(dtype)
        return Parts(values, Layout.from_lengths(lengths), True)
    rows = [_as_sequence(s, i) for i, s in enumerate(sequences)]
    lengths = [len(r) for r in rows]
    # `[]` says nothing about features: it takes those of the others.
    shaped = [r for r in rows if len(r) or r.ndim > 1]
    if not shaped:
        values = torch.zeros(0, dtype=dtype or (rows[0].dtype if rows else None))
        return Parts(values, Layout.from_lengths(lengths), numpy)
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
    return Parts(values, Layout.from_lengths(lengths).to(values.device), numpy)


def from_lists_of_lists(sequences: Any, dtype: torch.dtype | None) -> Parts:
    """See `Ragged.from_list` with levels=2."""
    outer = listed(sequences, "Ragged.from_list")
    for i, sequence in enumerate(outer):
        if not _holds_sequences(sequence):
            raise ValueError(
                f"Ragged.from_list: levels=2 expects sequence {i} as a list of sequences, got "
                f"{shown(sequence)}. Sequences of steps: Ragged.from_list(x)."
            )
    try:
        inner = from_list([part for sequence in outer for part in sequence], dtype=dtype)
    except ValueError as error:
        raise ValueError(f"{error} (inner sequences are counted over all outer ones)") from None
    layout = Layout.from_lengths([len(sequence) for sequence in outer]).to(inner.values.device)
    # Only the outermost level remembers that numpy came in: it is the one that is handed back.
    return Parts(inner._replace(numpy=False), layout, inner.numpy)


def _holds_sequences(sequence: Any) -> bool:
    """Whether it is a list of lists; an empty list is one of none."""
    if isinstance(sequence, (str, bytes)) or not hasattr(sequence, "__len__"):
        return False
    if getattr(sequence, "ndim", 1) == 0 or not len(sequence):
        return getattr(sequence, "ndim", 1) != 0
    first = next(iter(sequence))
    many = hasattr(first, "__len__") or hasattr(first, "__iter__")
    return many and not isinstance(first, (str, bytes)) and getattr(first, "ndim", 1) != 0


def listed(sequences: Any, who: str) -> Sequence[Any]:
    """The sequences as a list, each element of which can be read again.

    Raises:
        ValueError: it is nothing that holds sequences.
    """
    found = read_whole(sequences, who)
    if isinstance(found, (str, bytes)) or not hasattr(found, "__len__") or not np.iterable(found):
        raise ValueError(f"{who}: expected sequences of numbers, got {shown(found)}.")
    if isinstance(found, Tensor) and found.is_nested:
        return found.unbind()
    if isinstance(found, (Choosing, np.ndarray, Tensor)):
        return list(found)
    if isinstance(found, (list, tuple)) and set(map(type, found)) <= _PLAIN:
        return found
    return [read_whole(part, f"{who}: sequence {i}") for i, part in enumerate(found)]


def _joined(sequences: Sequence[Any]) -> tuple[Tensor, list[int]] | None:
    """The numbers of many plain sequences of one type, in one step; None for anything else.

    A tensor for each sequence takes 20 us a sequence, 5 s for the lines of 20 Newsgroups.
    """
    try:
        arrays = [*map(np.asanyarray, sequences)]
    except ValueError:
        return None
    masked = any(issubclass(kind, np.ma.MaskedArray) for kind in {*map(type, arrays)})
    if masked or {*map(_rank_of, arrays)} != {1}:
        return None
    lengths = [*map(len, arrays)]
    full = [a for a in arrays if len(a)] if 0 in lengths else arrays
    types = {*map(_dtype_of, full)}
    if len(types) != 1 or (only := types.pop()).kind not in "iufb":
        return None
    # `[]` has no type of its own; an empty array has one, which counts.
    if len(full) < len(arrays) and not all(
        a.dtype == only or isinstance(s, (list, tuple))
        for a, s in zip(arrays, sequences, strict=True)
    ):
        return None
    return to_tensor(np.concatenate(full), "Ragged.from_list"), lengths


# Asked of every sequence: by C's own loops in a third of the time.
_rank_of, _dtype_of = map(attrgetter, ("ndim", "dtype"))


def _as_sequence(sequence: Any, i: int) -> Tensor:
    who = f"Ragged.from_list: sequence {i}"
    if isinstance(sequence, Tensor):
        found = as_values(sequence, who)
    else:
        try:
            array = np.asanyarray(sequence)
        except ValueError:
            array = np.asarray(None)
        if not is_numeric(array):
            if array.size == 0 and array.ndim:
                return torch.zeros(array.shape)
            if array.dtype.kind == "c":
                to_tensor(array, who)  # says what to do
            raise ValueError(
                f"Ragged.from_list: expected sequence {i} as an array (time, *feature) of numbers, "
                f"got {_describe(sequence)}."
                + " Sequences of sequences: Ragged.from_list(x, levels=2)."
                * _holds_more(sequence)
            )
        if array.size == 0 and not isinstance(sequence, np.ndarray):
            # numpy calls `[]` float64; it must not turn a batch of ids into floats.
            array = array.astype(np.uint8)
        if isinstance(array, np.ma.MaskedArray) and array.ndim:
            array = array.data[unmasked(array, 1, who)]
        found = to_tensor(array, who)
    if found.ndim == 0:
        raise ValueError(
            f"Ragged.from_list: expected sequence {i} as an array (time, *feature), got the "
            f"single number {found.item()}."
        )
    return found


def unmasked(array: np.ma.MaskedArray, steps_from: int, who: str) -> np.ndarray:
    """Which steps a masked array does not mask; axes from `steps_from` on are features.

    Raises:
        ValueError: some features of a step are masked and others not.
    """
    mask = np.ma.getmaskarray(array).reshape(*array.shape[:steps_from], -1)
    whole = np.asarray(mask.all(-1) & mask.any(-1))
    torn = np.asarray(mask.any(-1)) & ~whole
    if torn.any():
        where = ", ".join(str(int(i)) for i in np.argwhere(torn)[0])
        raise ValueError(
            f"{who}: of the features at [{where}] some are masked and others not. A step is there "
            "or is not: mask all of its features, or fill them: a.filled(value)."
        )
    return ~whole


def _holds_more(sequence: Any) -> bool:
    return isinstance(sequence, (list, tuple)) and any(
        isinstance(part, (list, tuple, np.ndarray)) for part in sequence
    )


def _describe(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"
