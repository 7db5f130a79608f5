"""Indexing the axes of a Ragged as a grid's: each sequence's own time, and features."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..errors import shown
from .layout import Layout
from .levels import take_rows
from .reductions import picked
from .sequences import Sequences

if TYPE_CHECKING:
    from .ragged import Ragged


def index_axes(ragged: Ragged, index: tuple[Any, ...]) -> Any:
    """`r[:, time, *features]` or `r[..., *features]`; see `Ragged.__getitem__`.

    Time counts each sequence's own steps. A sequence that has no step at an integer gives 0.
    """
    if index[0] is Ellipsis:
        return _features(ragged, index)
    if not _is_all(index[0]):
        raise IndexError(
            f"Ragged: expected [:, time, ...] or [..., feature], got {_shown(index)}. Choose "
            "sequences first: r[sequences][:, time]."
        )
    time, rest = (index[1], index[2:]) if len(index) > 1 else (slice(None), ())
    if time is Ellipsis:
        return _features(ragged, index[1:])
    if isinstance(time, slice):
        kept = ragged if _is_all(time) else _slice_time(ragged, time)
        return _features(kept, (..., *_padded(ragged, rest))) if rest else kept
    if not hasattr(time, "__index__") or isinstance(time, (bool, np.bool_, Tensor, np.ndarray)):
        raise IndexError(f"Ragged: time is indexed by an int or a slice, got {_shown(index)}.")
    rows = _pick(ragged, operator.index(time))
    return _of_axes(rows, (slice(None), *rest), index, ragged) if rest else rows


def _features(ragged: Ragged, index: tuple[Any, ...]) -> Ragged:
    rest = index[1:]
    real = [i for i in rest if i is not None and i is not Ellipsis]
    if len(real) > len(ragged.feature) or any(isinstance(i, Tensor) and i.ndim for i in rest):
        raise IndexError(
            f"Ragged: {_shown(index)} reaches beyond the features, {tuple(ragged.feature)}. Time "
            "is indexed as r[:, time]."
        )
    if isinstance(ragged.values, Sequences):
        return ragged.with_values(_features(ragged.values, index))  # pyright: ignore
    start = slice(None) if any(i is Ellipsis for i in rest) else ...
    return ragged.with_values(_of_axes(ragged.values, (start, *rest), index, ragged))


def _of_axes(values: Tensor, axes: tuple[Any, ...], index: tuple[Any, ...], of: Ragged) -> Tensor:
    try:
        # Of a list of numbers that are not whole torch takes what is before the point.
        if any(isinstance(i, list) and np.asarray(i).dtype.kind == "f" for i in axes):
            raise IndexError
        return values[axes]
    except (IndexError, TypeError, ValueError, RuntimeError):
        raise IndexError(
            f"Ragged: {_shown(index)} chooses nothing of the features, {tuple(of.feature)}."
        ) from None


def _padded(ragged: Ragged, rest: tuple[Any, ...]) -> tuple[Any, ...]:
    """The index of features from the first axis on, filled up to all of them."""
    if any(i is Ellipsis for i in rest):
        return rest
    real = [i for i in rest if i is not None]
    return (*rest, *[slice(None)] * (len(ragged.feature) - len(real)))


def _slice_time(ragged: Ragged, time: slice) -> Ragged:
    """Each sequence's own steps from start to stop; the slots of a grid are forgotten."""
    for bound in (time.start, time.stop):
        if bound is not None and (not hasattr(bound, "__index__") or isinstance(bound, bool)):
            raise IndexError(f"Ragged: a slice of time has whole bounds, got {shown(bound)}.")
    if time.step not in (None, 1):
        raise IndexError(f"Ragged: time is sliced in steps of 1, got {time.step}.")
    lengths = ragged.layout.own.lengths
    start, stop = (_bound(b, lengths, d) for b, d in ((time.start, 0), (time.stop, None)))
    kept = (stop - start).clamp(min=0)
    layout = Layout._of_lengths(kept)
    shift = ragged.layout.own.offsets[:-1] + start - layout.own.offsets[:-1]
    steps = torch.arange(layout.steps, device=ragged.device)
    steps += shift.repeat_interleave(kept, output_size=layout.steps)
    return ragged.with_values(take_rows(ragged.values, steps), layout)


def _bound(bound: int | None, lengths: Tensor, default: int | None) -> Tensor:
    if bound is None:
        return lengths if default is None else torch.full_like(lengths, default)
    bound = operator.index(bound)
    at = torch.full_like(lengths, bound) if bound >= 0 else lengths + bound
    return torch.minimum(at.clamp(min=0), lengths)


def _pick(ragged: Ragged, time: int) -> Any:
    if ragged.levels > 1:
        raise IndexError(
            "Ragged: one inner sequence of each: slice it, as r[:, :1], which may give none."
        )
    lengths = ragged.layout.own.lengths
    missing = (lengths <= time) if time >= 0 else (lengths < -time)
    offsets = ragged.layout.own.offsets
    index = (offsets[:-1] if time >= 0 else offsets[1:]) + time
    return picked(ragged.values, ragged.layout, index, missing)


def _is_all(index: Any) -> bool:
    return isinstance(index, slice) and index == slice(None)


def _shown(index: tuple[Any, ...]) -> str:
    def one(i: Any) -> str:
        if isinstance(i, slice):
            bounds = ["" if b is None else str(b) for b in (i.start, i.stop)]
            return ":".join(bounds + ([] if i.step is None else [str(i.step)]))
        return "..." if i is Ellipsis else type(i).__name__ if isinstance(i, Tensor) else str(i)

    return f"[{', '.join(map(one, index))}]"
