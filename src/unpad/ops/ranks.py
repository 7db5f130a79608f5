"""Order: the places of extremes, what lies in the middle, sorting."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from .along import along
from .kinds import dense
from .reductions import Axis, axes_in, no_axis
from .types import floats, floatx, numbers, promoted, tensor


def _best(of: Any, worst: float, nan: bool, name: str, says: str) -> Any:
    def found(x: Any, axis: Any, keepdims: bool) -> Any:
        x = tensor(x)
        x = x.to(torch.uint8) if x.dtype == torch.bool else x
        if not nan or not x.is_floating_point():
            return of(x, axis, keepdims).to(torch.int32)
        best = of(torch.where(x.isnan(), worst, x), axis, keepdims).to(torch.int32)
        lost = x.isnan().all() if axis is None else x.isnan().all(axis, keepdims)
        return torch.where(lost, -1, best)

    return along(
        lambda x, axis=None, keepdims=False: found(x, axis, keepdims), name, says,
        rows=True, whole=False,
    )  # fmt: skip


argmax = _best(
    torch.argmax, -torch.inf, False, "argmax",
    "The place of the largest along an axis; over time the step, 0 for an empty sequence.",
)  # fmt: skip
argmin = _best(
    torch.argmin, torch.inf, False, "argmin",
    "The place of the smallest along an axis; over time the step, 0 for an empty sequence.",
)  # fmt: skip
nanargmax = _best(
    torch.argmax, -torch.inf, True, "nanargmax",
    "The place of the largest that is not NaN; -1 where there is none.",
)  # fmt: skip
nanargmin = _best(
    torch.argmin, torch.inf, True, "nanargmin",
    "The place of the smallest that is not NaN; -1 where there is none.",
)  # fmt: skip


def _quantile(
    of: Any, x: Any, q: Any, axis: Axis, method: str, keepdims: bool, parts: float = 1
) -> Tensor:
    kind = promoted(tensor(x), floatx())
    x = floats(x).to(kind)
    q = tensor(q).to(kind) / parts
    if no_axis(axis):
        return x
    axes = [a % x.ndim for a in axes_in(axis, x.ndim)]
    others = [a for a in range(x.ndim) if a not in axes]
    flat = x.permute(*others, *axes).flatten(len(others))
    found = of(flat, q, dim=-1, interpolation=method)
    if keepdims:
        shape = [1 if a in axes else x.shape[a] for a in range(x.ndim)]
        found = found.reshape([*found.shape[: q.ndim], *shape])
    return found


def _quantiles(of: Any, parts: float, name: str, says: str) -> Any:
    return along(
        lambda x, q, axis=None, method="linear", keepdims=False: _quantile(
            of, x, q, axis, method, keepdims, parts
        ),
        name, says, rows=True, single=("q",),
    )  # fmt: skip


quantile = _quantiles(
    torch.quantile, 1, "quantile", "The number below which a share q of the numbers lies."
)
percentile = _quantiles(
    torch.quantile, 100, "percentile", "The number below which q percent of the numbers lie."
)
nanquantile = _quantiles(
    torch.nanquantile, 1, "nanquantile", "The quantile of what is not NaN; see `quantile`."
)
nanpercentile = _quantiles(
    torch.nanquantile, 100, "nanpercentile", "The percentile of what is not NaN; see `percentile`."
)
median = along(
    lambda x, axis=None, keepdims=False: _quantile(
        torch.quantile, x, 0.5, axis, "linear", keepdims
    ),
    "median", "The number in the middle; of an even number the mean of two.", rows=True,
)  # fmt: skip
nanmedian = along(
    lambda x, axis=None, keepdims=False: _quantile(
        torch.nanquantile, x, 0.5, axis, "linear", keepdims
    ),
    "nanmedian", "The number in the middle of what is not NaN.", rows=True,
)  # fmt: skip


def _flat(x: Tensor, axis: Any) -> tuple[Tensor, int]:
    """X in a row where no axis is named, and the axis."""
    return (x.flatten(), 0) if axis is None else (x, axis)


@along
def sort(x: Any, axis: int | None = -1) -> Any:
    """The numbers in rising order along an axis; along time each sequence's own steps."""
    x, axis = _flat(tensor(x), axis)
    return x.sort(axis).values


@along
def argsort(x: Any, axis: int | None = -1) -> Any:
    """The places of the numbers in rising order, equal ones as they stand."""
    x, axis = _flat(numbers(x), axis)
    return torch.argsort(x, stable=True, dim=axis).to(torch.int32)


@along
def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Places along an axis, those of the kth smallest number and smaller ones first."""
    x, axis = _flat(numbers(x), axis)
    return torch.argsort(x, stable=True, dim=axis).to(torch.int32)


@partial(along, fixed=(-1,), time="Of each sequence: [part.topk(k) for part in x].")
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The k largest along the last axis, and their places."""
    values, places = torch.topk(tensor(x), k, sorted=sorted)
    return values, places.to(torch.int32)


@dense("Of all steps: x.values.")
def unique(
    x: Any, sorted: bool = True, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, size: int | None = None,
    fill_value: Any = None,
) -> Any:  # fmt: skip
    """The numbers, or slices along an axis, that differ, each once.

    Args:
        x: a tensor.
        sorted: they always are.
        return_index: whether their first places are given too.
        return_inverse: whether each number's place among them is.
        return_counts: whether how often each occurs is.
        axis: along which slices are compared; by default numbers are.
        size: how many are given: the rest is left off, or filled up.
        fill_value: what fills up, by default 0.
    """
    x = tensor(x)
    found, inverse, counts = torch.unique(
        x, sorted=True, return_inverse=True, return_counts=True, dim=axis
    )
    along_axis = axis or 0
    flat = inverse.flatten()
    first = torch.full_like(counts, len(flat)).scatter_reduce(
        0, flat, torch.arange(len(flat)), "amin"
    )
    if size is not None:
        keep = min(size, found.shape[along_axis])
        short = size - keep
        found, counts, first = found.narrow(along_axis, 0, keep), counts[:keep], first[:keep]
        if short:
            shape = [*found.shape]
            shape[along_axis] = short
            rest = torch.full(shape, fill_value or 0, dtype=found.dtype)
            found = torch.cat([found, rest], along_axis)
            counts = torch.cat([counts, counts.new_zeros(short)])
            first = torch.cat([first, first.new_ones(short)])
    wanted = ((first, return_index), (inverse, return_inverse), (counts, return_counts))
    more = [part for part, asked in wanted if asked]
    return (found, *more) if more else found


__all__ = [
    "argmax", "argmin", "argpartition", "argsort", "median", "nanargmax", "nanargmin",
    "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile", "sort", "top_k",
    "unique",
]  # fmt: skip
