"""What a function of the backend takes: tensors, arrays, Ragged, and symbols of a graph."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np

from ..core.operation import Operation
from ..core.symbol import is_symbolic
from ..ragged import Ragged
from ..ragged.arrays import to_tensor

_Function = TypeVar("_Function", bound=Callable[..., Any])


def of_batches(function: _Function) -> _Function:
    """The function for whatever may come: arrays become tensors, symbols a node of the graph."""

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        if any(map(is_symbolic, (*args, *kwargs.values()))):
            return Operation(called)(*args, **kwargs)
        return function(*map(_tensors, args), **{k: _tensors(v) for k, v in kwargs.items()})

    return cast(_Function, called)


def _tensors(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return to_tensor(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(_tensors, value))
    return value


def rank_of(x: Any) -> int:
    """The number of axes, the batch and time of a Ragged included."""
    return 1 + x.levels + len(x.feature) if isinstance(x, Ragged) else x.ndim


def axes_of(axis: int | Sequence[int] | None, rank: int, who: str) -> list[int]:
    """The axes counted from the front; all of them for None.

    Raises:
        ValueError: there is no such axis.
    """
    if axis is None:
        return list(range(rank))
    axes = [axis] if isinstance(axis, int) else list(axis)
    for a in axes:
        if not -rank <= a < rank:
            raise ValueError(f"{who}: there is no axis {a}: x has {rank}.")
    return sorted({a % rank for a in axes})


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
