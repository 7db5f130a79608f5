"""Reductions along axes: over time each sequence's own steps, and no padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..ragged import Ragged
from .along import along
from .types import counted, floats, promoted, tensor

Axis = int | Sequence[int] | None


def axes_in(axis: Axis, rank: int) -> tuple[int, ...]:
    """The axes as torch takes them; none is none, and not all as torch has it."""
    if axis is None:
        return tuple(range(rank))
    one: Any = axis
    return tuple(one) if isinstance(one, (tuple, list)) else (one,)


def no_axis(axis: Axis) -> bool:
    """Whether no axis at all is named."""
    return isinstance(axis, (tuple, list)) and not axis


def _reduction(
    of: Callable[[Tensor, tuple[int, ...], bool], Tensor],
    prepare: Callable[[Any], Tensor],
    name: str,
    says: str,
    empty: float = 0,
    time: Callable[[Ragged], Any] | None = None,
    nothing: Callable[[Tensor], Tensor] | None = None,
) -> Any:
    """A reduction of torch's along axes.

    Args:
        of: of a tensor, axes and whether they are kept.
        prepare: what makes a tensor in its type of x.
        name: of the public function.
        says: its docstring.
        empty: what a sequence without steps gives.
        time: a faster way over time, of a Ragged.
        nothing: of x where no axis is named; by default x.
    """

    def reduced(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        x = prepare(x)
        if no_axis(axis):
            return x if nothing is None else nothing(x)
        return of(x, axes_in(axis, x.ndim), keepdims)

    def fast(x: Ragged, given: dict[str, Any]) -> Any:
        return None if time is None else torch.as_tensor(time(x.with_values(prepare(x.values))))

    return along(
        lambda x, axis=None, keepdims=False: reduced(x, axis, keepdims),
        name, says, rows=True, empty=empty, time=fast,
    )  # fmt: skip


def _prod(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    for a in sorted((a % x.ndim for a in axes), reverse=True):
        x = x.prod(a, kept, dtype=x.dtype)
    return x


def _sum(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    return x.sum(axes, kept, dtype=x.dtype)


def _product(x: Any, axis: Axis, keepdims: bool, dtype: Any) -> Tensor:
    x = counted(x) if dtype is None else tensor(x, dtype)
    return x if no_axis(axis) else _prod(x, axes_in(axis, x.ndim), keepdims)


def _any(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    return x.any(axes, kept)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _all(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    return x.all(axes, kept)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _var(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    # Of no numbers at all torch warns.
    return torch.var(x, axes, correction=0, keepdim=kept) if x.numel() else x.mean(axes, kept)


def _std(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    return torch.std(x, axes, correction=0, keepdim=kept) if x.numel() else x.mean(axes, kept)


def _ptp(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    return x.amax(axes, kept) - x.amin(axes, kept)


def _but_nan(of: Any, instead: float, only_nan: float = torch.nan) -> Any:
    """A reduction that leaves NaN out; where nothing else is there it gives `only_nan`."""

    def reduced(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
        if not x.is_floating_point():
            return of(x, axes, kept)
        found = of(torch.where(x.isnan(), instead, x), axes, kept)
        if instead in (0, 1):
            return found
        return torch.where(_all(x.isnan(), axes, kept), only_nan, found)

    return reduced


def _nanvar(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    far = torch.where(x.isnan(), 0, x - x.nanmean(axes, True))
    return far.square().sum(axes, kept) / (~x.isnan()).sum(axes, keepdim=kept)


def _nanstd(x: Tensor, axes: tuple[int, ...], kept: bool) -> Tensor:
    return _nanvar(x, axes, kept).sqrt()


sum = _reduction(
    _sum, lambda x: counted(_stacked(x)), "sum",
    """The sum along axes; over time 0 for an empty sequence.

    Example:
        >>> sum(Ragged.from_list([[1., 2.], [], [5.]]), axis=1).tolist()
        [3.0, 0.0, 5.0]
    """, time=Ragged.sum)  # fmt: skip
mean = _reduction(
    torch.mean, lambda x: floats(_stacked(x)), "mean",
    """The mean along axes; over time 0 for an empty sequence.

    Example:
        >>> mean(Ragged.from_list([[1., 2.], [], [6.]])).item(), mean(torch.eye(2), axis=-1)
        (3.0, tensor([0.5000, 0.5000]))
    """, time=Ragged.mean)  # fmt: skip
prod = along(
    lambda x, axis=None, keepdims=False, dtype=None: _product(x, axis, keepdims, dtype),
    "prod", "The product along axes; over time 1 for an empty sequence.", rows=True, empty=1,
)  # fmt: skip
var = _reduction(
    _var,
    floats,
    "var",
    "The mean of the squared distances from the mean.",
    nothing=torch.zeros_like,
)
std = _reduction(_std, floats, "std", "The root of `var`.", nothing=torch.zeros_like)
any = _reduction(
    _any, tensor, "any", "Whether any is True; over time False for an empty sequence.",
    nothing=lambda x: x.bool(),
)  # fmt: skip
all = _reduction(
    _all, tensor, "all", "Whether all are True; over time True for an empty sequence.", empty=1,
    nothing=lambda x: x.bool(),
)  # fmt: skip
amax = _reduction(
    torch.amax, tensor, "amax", "The largest; over time 0 for an empty sequence.", time=Ragged.max
)
amin = _reduction(
    torch.amin, tensor, "amin", "The smallest; over time 0 for an empty sequence.", time=Ragged.min
)
ptp = _reduction(
    _ptp, tensor, "ptp", "The largest less the smallest; over time 0 for an empty sequence.",
    nothing=torch.zeros_like,
)  # fmt: skip
nansum = _reduction(
    _but_nan(_sum, 0), counted, "nansum", "The sum of what is not NaN.",
    nothing=lambda x: x.nan_to_num(nan=0),
)  # fmt: skip
nanprod = _reduction(
    _but_nan(_prod, 1), counted, "nanprod", "The product of what is not NaN.", empty=1,
    nothing=lambda x: x.nan_to_num(nan=1),
)  # fmt: skip
nanmean = _reduction(
    lambda x, axes, kept: x.nanmean(axes, kept), floats, "nanmean", "The mean of what is not NaN."
)
nanmax = _reduction(
    _but_nan(torch.amax, -torch.inf), tensor, "nanmax", "The largest of what is not NaN."
)
nanmin = _reduction(
    _but_nan(torch.amin, torch.inf), tensor, "nanmin", "The smallest of what is not NaN."
)
nanvar = _reduction(_nanvar, floats, "nanvar", "The variance of what is not NaN.")
nanstd = _reduction(_nanstd, floats, "nanstd", "The root of `nanvar`.")
logsumexp = _reduction(
    torch.logsumexp, floats, "logsumexp",
    "The logarithm of the sum of exponentials; over time -inf for an empty sequence.",
    empty=-torch.inf,
)  # fmt: skip


def _stacked(x: Any) -> Tensor:
    return torch.stack([tensor(part) for part in x]) if isinstance(x, (list, tuple)) else tensor(x)


def _extreme(of: Any, least: Any, time: Callable[[Ragged], Any], name: str, says: str) -> Any:
    def reduced(x: Any, axis: Axis, keepdims: bool, initial: Any) -> Any:
        x = tensor(x)
        if no_axis(axis):
            return x
        if initial is None:
            return of(x, axes_in(axis, x.ndim), keepdims)
        first = tensor(initial, x.dtype, x.device)
        if not x.numel():
            return first.expand([1] * x.ndim if keepdims else ())
        return least(of(x, axes_in(axis, x.ndim), keepdims), first)

    def fast(x: Ragged, given: dict[str, Any]) -> Any:
        return torch.as_tensor(time(x)) if given["initial"] is None else None

    return along(
        lambda x, axis=None, keepdims=False, initial=None: reduced(x, axis, keepdims, initial),
        name, says, rows=True, time=fast,
        empty=lambda given: given["initial"] or 0,
    )  # fmt: skip


max = _extreme(
    torch.amax, torch.maximum, Ragged.max, "max",
    """The largest along axes; over time `initial`, or 0, for an empty sequence.

    Example:
        >>> max(Ragged.from_list([[1., 2.], [], [5.]]), axis=1).tolist()
        [2.0, 0.0, 5.0]
    """)  # fmt: skip
min = _extreme(
    torch.amin, torch.minimum, Ragged.min, "min",
    "The smallest along axes; over time `initial`, or 0, for an empty sequence.",
)  # fmt: skip


@partial(along, rows=True)
def count_nonzero(x: Any, axis: Axis = None) -> Any:
    """How many numbers are not 0."""
    x = tensor(x)
    if no_axis(axis):
        return (x != 0).to(torch.int32)
    return (x != 0).sum(axes_in(axis, x.ndim), dtype=torch.int32)


@partial(along, rows=True)
def average(x: Any, axis: Axis = None, weights: Any = None) -> Any:
    """The mean along an axis, weighted; the weights are of x's shape or go along its last axis."""
    x = floats(x)
    if no_axis(axis):
        return x
    if weights is None:
        return x.mean(axes_in(axis, x.ndim))
    w = tensor(weights)
    kind = promoted(x, w)
    x, w = x.to(kind), w.to(kind)
    total = (x * w).sum(axes_in(axis, x.ndim))
    return total / (w.sum(axes_in(axis, x.ndim)) if w.ndim == x.ndim else w.sum(-1))


@partial(along, rows=True)
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """The norm of vectors along an axis, or of matrices along two."""
    axes = axis if axis is None or isinstance(axis, int) else tuple(axis)
    return torch.linalg.norm(floats(x), ord, axes, keepdims)


__all__ = [
    "all", "amax", "amin", "any", "average", "count_nonzero", "max", "mean", "min",
    "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar", "prod",
    "ptp", "std", "sum", "var",
]  # fmt: skip
