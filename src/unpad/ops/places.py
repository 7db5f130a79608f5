"""Entries by their places, and what builds up from place to place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .along import along
from .kinds import dense, of_batches
from .types import floats, numbers, promoted, tensor

_FLAT = "Its values: x.values."
_FEATURES = "Features have axes of their own: 2, 3, ... or -1."


@of_batches
def get_item(x: Any, key: Any) -> Any:
    """`x[key]`; see `Ragged.__getitem__`."""
    return x[key]


@partial(
    along,
    rows_by="indices",
    time="One step of each sequence: x[:, i]; several: x[:, start:stop].",
)
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The entries at these places of an axis; without one, of all numbers in a row.

    Of a table, a tensor, each step of a Ragged takes the rows that it names: axis 0.
    """
    x, places = tensor(x), tensor(indices).long()
    x, at = (x.flatten(), 0) if axis is None else (x, axis % x.ndim)
    places = torch.where(places < 0, places + x.shape[at], places)
    found = x.index_select(at, places.flatten())
    return found.reshape(*x.shape[:at], *places.shape, *x.shape[at + 1 :])


@along
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """For each of the indices the number of x there along an axis, all else being equal."""
    x, places = tensor(x), tensor(indices).long()
    x, axis = (x.flatten(), 0) if axis is None else (x, axis)
    places = torch.where(places < 0, places + x.shape[axis], places)
    return x.take_along_dim(places, axis)


@dense("The places of its steps: x.sequence_ids and x.positions.")
def nonzero(x: Any) -> Any:
    """Where the numbers are that are not 0: a row of places for each axis."""
    return tensor(x).nonzero().T.to(torch.int32)


@dense(_FLAT)
def unravel_index(indices: Any, shape: Sequence[int]) -> Any:
    """Places in a row of all numbers as places in a shape."""
    places = tensor(indices)
    return tuple(p.to(places.dtype) for p in torch.unravel_index(places.long(), tuple(shape)))


def _cumulative(of: Any, prepare: Any, name: str, says: str) -> Any:
    def summed(x: Any, axis: int | None, dtype: Any) -> Tensor:
        x = tensor(prepare(x), dtype)
        x, axis = (x.flatten(), 0) if axis is None else (x, axis)
        return of(x, axis, dtype=x.dtype)

    return along(lambda x, axis=None, dtype=None: summed(x, axis, dtype), name, says)


cumsum = _cumulative(
    torch.cumsum, numbers, "cumsum", "The sums up to each place; along time of each sequence."
)


cumprod = _cumulative(
    torch.cumprod, numbers, "cumprod", "The products up to each place; along time of each sequence."
)


nancumsum = _cumulative(
    torch.cumsum, lambda x: numbers(x).nan_to_num(0.0), "nancumsum", "`cumsum` with NaN as 0."
)


nancumprod = _cumulative(
    torch.cumprod, lambda x: numbers(x).nan_to_num(1.0), "nancumprod", "`cumprod` with NaN as 1."
)


@along
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """The differences of neighbours along an axis, n times; sequences are shorter by n."""
    return torch.diff(tensor(a), n, axis)


@partial(along, rows=True, whole=False)
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """The area below a line through points, along an axis.

    Args:
        y: the heights.
        x: where the points are.
        dx: their distance, where x is not given.
        axis: along which they are.
    """
    y = floats(y)
    if x is None:
        return torch.trapezoid(y, dx=float(dx), dim=axis)
    return torch.trapezoid(y, tensor(x), dim=axis)


@partial(along, time=_FEATURES)
def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """The vector product of vectors of three numbers along an axis.

    Raises:
        ValueError: an axis for one of the two: `axis` is of both.
    """
    if (axisa, axisb, axisc) != (-1, -1, -1):
        raise ValueError("cross: axisa, axisb and axisc are not here; axis= is of both.")
    a, b = tensor(x1), tensor(x2)
    kind = promoted(a, b)
    return torch.linalg.cross(a.to(kind), b.to(kind), dim=-1 if axis is None else axis)


@dense(_FLAT)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:  # noqa: N803
    """The powers of the numbers, a column each."""
    x = tensor(x)
    return torch.vander(x, N, increasing).to(x.dtype)


__all__ = [
    "cross", "cumprod", "cumsum", "diff", "get_item", "nancumprod", "nancumsum", "nonzero",
    "take", "take_along_axis", "trapezoid", "unravel_index", "vander",
]  # fmt: skip
