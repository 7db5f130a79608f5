"""Axes of a batch: counted as in the grid (batch, time, *feature)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..ragged import Ragged


def rank_of(x: Any) -> int:
    """The number of axes, the batch and time of a Ragged included."""
    return 1 + x.levels + len(x.feature) if isinstance(x, Ragged) else x.ndim


def axes_of(axis: int | Sequence[int] | None, rank: int, who: str) -> list[int]:
    """The axes counted from the front, in the order given; all of them for None.

    Raises:
        ValueError: there is no such axis.
    """
    if axis is None:
        return list(range(rank))
    axes: list[Any] = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    for a in axes:
        if not -rank <= a < rank:
            raise ValueError(f"{who}: there is no axis {a}: x has {rank}.")
    return [a % rank for a in axes]


def feature_axis(x: Any, axis: int, who: str, instead: str, new: bool = False) -> int:
    """The axis of the values that an axis of the batch is; of a tensor the axis itself.

    Args:
        x: the batch.
        axis: counted as in the grid (batch, time, *feature).
        who: shown in errors.
        instead: what to do over time.
        new: whether the axis is one that is put in.

    Raises:
        ValueError: it is the batch or the time of a Ragged.
    """
    rank = rank_of(x) + new
    (found,) = axes_of(axis, rank, who)
    if not isinstance(x, Ragged):
        return found
    if found <= x.levels:
        what = "the batch" if found == 0 else "time"
        raise ValueError(f"{who}: axis {axis} of a Ragged is {what}. {instead}")
    return found - x.levels
