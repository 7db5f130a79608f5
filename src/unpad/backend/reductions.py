"""Sums, means and extremes along axes: over time each sequence's own steps, and no padding."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..core.layer import lift
from ..ragged import Ragged
from ..ragged.reductions import spread
from .batches import axes_of, feature_axis, of_batches

Axis = int | Sequence[int] | None


def _reduced(
    x: Any,
    axis: Axis,
    keepdims: bool,
    who: str,
    over: Callable[[Tensor, list[int], bool], Tensor],
    sequences: Callable[[Ragged], Any],
) -> Any:
    """A reduction along axes.

    Args:
        x: a Ragged or a tensor.
        axis: counted as in the grid (batch, time, *feature).
        keepdims: whether reduced axes stay, of size 1.
        who: shown in errors.
        over: the reduction of a tensor along axes.
        sequences: the reduction of each sequence's steps to one row.
    """
    if not isinstance(x, Ragged):
        axes = axes_of(axis, x.ndim, who)
        return over(x, axes, keepdims) if axes else x
    if x.levels > 1:
        raise ValueError(
            f"{who}: got sequences of sequences. One level at a time: x.{who}(), or "
            "x.merge_levels()."
        )
    rank = 2 + len(x.feature)
    axes = axes_of(axis, rank, who)
    if len(axes) == rank:
        total = over(x.values, list(range(rank - 1)), False)
        return total.reshape((1,) * rank) if keepdims else total
    if 0 in axes:
        raise ValueError(
            f"{who}: axis 0 is the batch, whose sequences have different lengths. Each sequence: "
            "axis=1; each step: axis=-1; everything: axis=None."
        )
    features = [a - 1 for a in axes if a > 1]
    if features:
        x = x.with_values(over(x.values, features, keepdims))
    if 1 not in axes:
        return x
    rows = torch.as_tensor(sequences(x))
    return rows.unsqueeze(1) if keepdims else rows


def _as_numbers(x: Any) -> Any:
    """What can be averaged: integers and flags as floats."""
    return x if x.dtype.is_floating_point else x.to(dtype=torch.get_default_dtype())


@of_batches
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum along axes; over time (axis 1) 0 for an empty sequence.

    Example:
        >>> sum(Ragged.from_list([[1., 2.], [], [5.]]), axis=1).tolist()
        [3.0, 0.0, 5.0]
    """
    return _reduced(x, axis, keepdims, "sum", torch.sum, lambda r: r.sum())


@of_batches
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean along axes, over time of the real steps; 0 for an empty sequence.

    Example:
        >>> mean(Ragged.from_list([[1., 2.], [], [6.]])).item(), mean(torch.eye(2), axis=-1)
        (3.0, tensor([0.5000, 0.5000]))
    """

    def over(values: Tensor, axes: list[int], kept: bool) -> Tensor:
        # Of no steps at all, 0 instead of NaN.
        count = torch.Size([values.shape[a] for a in axes]).numel()
        return values.sum(axes, kept) / builtins.max(count, 1)

    # A tensor without entries gives NaN, as in Keras.
    plain = over if isinstance(x, Ragged) else torch.mean
    return _reduced(_as_numbers(x), axis, keepdims, "mean", plain, lambda r: r.mean())


@of_batches
def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of the squared distances from the mean."""
    x = _as_numbers(x)
    middle: Any = mean(x, axis, True)
    if isinstance(x, Ragged) and isinstance(middle, Tensor):
        # One row a sequence; of everything, one number.
        whole = axis is None or len(axes_of(axis, 2 + len(x.feature), "var")) == 2 + len(x.feature)
        middle = middle.reshape(()) if whole else spread(middle[:, 0], x.layout)
        distances: Any = x.with_values(x.values - middle)
    else:
        distances = x - middle
    return mean(distances**2, axis, keepdims)


@of_batches
def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The root of the mean of the squared distances from the mean."""
    return torch.sqrt(var(x, axis, keepdims))


@of_batches
def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest along axes; over time 0 for an empty sequence."""
    return _reduced(x, axis, keepdims, "max", torch.amax, lambda r: r.max())


@of_batches
def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest along axes; over time 0 for an empty sequence."""
    return _reduced(x, axis, keepdims, "min", torch.amin, lambda r: r.min())


@of_batches
def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product along feature axes, or of all numbers."""

    def over(values: Tensor, axes: list[int], kept: bool) -> Tensor:
        for a in reversed(axes):
            values = values.prod(a, kept)
        return values

    return _reduced(x, axis, keepdims, "prod", over, _no_product)


def _no_product(ragged: Ragged) -> Tensor:
    raise ValueError(
        "prod: over time there is none. Of positive numbers: K.exp(K.sum(K.log(x), axis=1))."
    )


@of_batches
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether any is True along axes; over time False for an empty sequence."""
    return _reduced(x != 0, axis, keepdims, "any", _any, lambda r: r.to(torch.int8).max() == 1)


@of_batches
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether all are True along axes; over time True for an empty sequence."""
    return _reduced(x != 0, axis, keepdims, "all", _all, lambda r: r.to(torch.int8).min(1) == 1)


def _any(values: Tensor, axes: list[int], kept: bool) -> Tensor:
    return values.any(tuple(axes), kept)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _all(values: Tensor, axes: list[int], kept: bool) -> Tensor:
    return values.all(tuple(axes), kept)  # pyright: ignore[reportCallIssue, reportArgumentType]


@of_batches
def argmax(x: Any, axis: int = -1) -> Any:
    """The place of the largest along a feature axis."""
    along = feature_axis(x, axis, "argmax", "Of each sequence: [part.argmax() for part in x].")
    return lift(lambda v: v.argmax(along), x)


@of_batches
def argmin(x: Any, axis: int = -1) -> Any:
    """The place of the smallest along a feature axis."""
    along = feature_axis(x, axis, "argmin", "Of each sequence: [part.argmin() for part in x].")
    return lift(lambda v: v.argmin(along), x)


@of_batches
def cumsum(x: Any, axis: int = 0) -> Any:
    """The sums up to each place along an axis; of a Ragged along features."""
    along = feature_axis(x, axis, "cumsum", "Of each sequence: [part.cumsum(0) for part in x].")
    return lift(lambda v: v.cumsum(along), x)
