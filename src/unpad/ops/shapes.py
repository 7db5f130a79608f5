"""Shapes: a Ragged's batch and time stay, its features are arranged as a tensor's axes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from .. import layers
from ..core.lifting import lift
from ..core.symbol import Symbol
from ..ragged import Ragged
from ..signatures import of_numbers
from .along import along
from .axes import axes_of, feature_axis, rank_of
from .kinds import dense, elementwise, of_batches
from .own_time import OwnTime
from .types import counted, tensor

_FLAT = "Its values: x.values."
_FEATURES = "Features have axes of their own: 2, 3, ... or -1."
_GRID = "A grid of it: x.to_padded(); each step by itself: x.map(function)."


@of_numbers
def shape(x: Any) -> tuple[Any, ...]:
    """The sizes of the axes; None where a symbol's is not known, of a Ragged its own time.

    Up to that `arange` gives each step's place within its sequence; it is no number. Of sequences
    of sequences the times are None.

    Example:
        >>> shape(Input((None, 5))), shape(torch.zeros(2, 3))
        ((None, None, 5), (2, 3))
    """
    if isinstance(x, Ragged):
        times = (OwnTime(x.layout),) if x.levels == 1 else (None,) * x.levels
        return (x.batch, *times, *x.feature)
    return tuple(x.shape if isinstance(x, Symbol) else tensor(x).shape)


@of_numbers
def ndim(x: Any) -> int:
    """The number of axes, batch and time included."""
    return rank_of(x) if isinstance(x, (Ragged, Symbol)) else tensor(x).ndim


@dense("The numbers of its steps: x.values.numel().")
def size(x: Any) -> Any:
    """How many numbers there are."""
    return torch.tensor(tensor(x).numel())


@of_numbers
def array(x: Any, dtype: Any = None) -> Any:
    """X as a tensor; a Ragged stays one."""
    return cast_to(x, dtype) if isinstance(x, (Ragged, Symbol)) else tensor(x, dtype)


@elementwise
def cast_to(x: Any, dtype: Any = None) -> Any:
    """X in another type, where one is named."""
    return tensor(x, dtype)


@partial(along, new=True, time="An axis of a step's features: axis=-1.")
def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """X with another axis, or several, of size 1.

    Example:
        >>> expand_dims(Ragged.from_list([[1, 2], [3]]), -1).feature
        torch.Size([1])
    """
    x = tensor(x)
    axes = [axis] if isinstance(axis, int) else list(axis)
    for a in sorted(a % (x.ndim + len(axes)) for a in axes):
        x = x.unsqueeze(a)
    return x


@of_batches
def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """X without axes of size 1: those named, or all; of a Ragged features."""
    if not isinstance(x, Ragged):
        x = tensor(x)
    sizes = (None, *(None,) * x.levels, *x.feature) if isinstance(x, Ragged) else x.shape
    if axis is None:
        axes = [a for a, n in enumerate(sizes) if n == 1]
    else:
        axes = axes_of(axis, len(sizes), "squeeze")
    instead = "One step of each sequence: x[:, 0]."
    for a in axes:
        feature_axis(x, a, "squeeze", instead)
        if sizes[a] != 1:
            raise ValueError(f"squeeze: expected axis {axis} of size 1, got {sizes[a]}.")
    shift = x.levels if isinstance(x, Ragged) else 0
    return lift(lambda v: v.squeeze(tuple(a - shift for a in axes)), x) if axes else x


@of_batches
def reshape(x: Any, newshape: int | Sequence[int | None]) -> Any:
    """X in another shape, the batch included; of a Ragged, batch and time stay: (-1, -1, ...)."""
    sizes: list[Any] = [newshape] if isinstance(newshape, int) else list(newshape)
    if not isinstance(x, Ragged):
        return tensor(x).reshape([-1 if n is None else int(n) for n in sizes])
    if len(sizes) < 2 or any(n not in (-1, None, len(x)) for n in sizes[:1]) or (
        sizes[1] not in (-1, None, shape(x)[1])
    ):  # fmt: skip
        raise ValueError(
            f"reshape: got {tuple(sizes)} for a Ragged, whose batch and time stay: (-1, -1, ...). "
            f"{_GRID}"
        )
    return layers.Reshape((-1, *sizes[2:]))(x)


@dense(_FLAT)
def ravel(x: Any) -> Any:
    """All numbers of a tensor in a row."""
    return tensor(x).ravel()


@dense(_GRID)
def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    """X repeated until it has this shape."""
    return tensor(x).broadcast_to(tuple(shape))


@dense("Another type with the same numbers: cast(x, dtype).")
def view(x: Any, dtype: Any = None) -> Any:
    """The same bytes read as another type."""
    x = tensor(x)
    return x if dtype is None else x.view(tensor(0, dtype).dtype)


@of_batches
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order, by default the opposite; a Ragged's batch and time stay first."""
    if not isinstance(x, Ragged):
        x = tensor(x)
        return x.permute(*range(x.ndim)[::-1] if axes is None else axes)
    rank = rank_of(x)
    order = list(range(rank))[::-1] if axes is None else axes_of(axes, rank, "transpose")
    kept = list(range(1 + x.levels))
    if order[: len(kept)] != kept:
        raise ValueError(
            f"transpose: a Ragged's batch and time stay in front, as ({', '.join(map(str, kept))}, "
            f"...), got {axes}. {_GRID}"
        )
    return lift(lambda v: v.permute(0, *[a - x.levels for a in order[len(kept) :]]), x)


@partial(along, axes=("source", "destination"), time=_FEATURES)
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """An axis, or several, moved to other places."""
    return torch.moveaxis(tensor(x), source, destination)


@partial(along, axes=("axis1", "axis2"), time=_FEATURES)
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes in each other's places."""
    return tensor(x).swapaxes(axis1, axis2)


@partial(along, axes=("axis1", "axis2"), time=_FEATURES)
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """What lies on a diagonal of two axes, as the last axis."""
    return tensor(x).diagonal(offset, axis1, axis2)


@partial(along, axes=("axis1", "axis2"), time=_FEATURES)
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal of two axes."""
    found = counted(x).diagonal(offset, axis1, axis2)
    return found.sum(-1, dtype=found.dtype)


@partial(along, fixed=(-2, -1), time=_FEATURES)
def tril(x: Any, k: int = 0) -> Any:
    """X with 0 above a diagonal of its last two axes, k places above the main one."""
    return tensor(x).tril(k)


@partial(along, fixed=(-2, -1), time=_FEATURES)
def triu(x: Any, k: int = 0) -> Any:
    """X with 0 below a diagonal of its last two axes, k places above the main one."""
    return tensor(x).triu(k)


@dense(_GRID)
def diag(x: Any, k: int = 0) -> Any:
    """The matrix with these numbers on a diagonal; of a matrix its diagonal."""
    return torch.diag(tensor(x), k)


@dense(_GRID)
def diagflat(x: Any, k: int = 0) -> Any:
    """The matrix with all numbers of x on a diagonal."""
    return torch.diagflat(tensor(x), k)


@of_numbers
def vectorize(pyfunc: Any, *, excluded: Any = None, signature: str | None = None) -> Any:
    """A function of single numbers as one of tensors, number by number.

    Raises:
        ValueError: a signature or excluded arguments, which are not here.
    """
    if excluded or signature is not None:
        raise ValueError("vectorize: excluded= and signature= are not here: use torch.vmap.")

    def of(*args: Any) -> Any:
        parts = torch.broadcast_tensors(*map(tensor, args))
        found = torch.vmap(pyfunc)(*(part.flatten() for part in parts))
        return found.reshape(parts[0].shape)

    return of


__all__ = [
    "array", "broadcast_to", "diag", "diagflat", "diagonal", "expand_dims", "moveaxis", "ndim",
    "ravel", "reshape", "shape", "size", "squeeze", "swapaxes", "trace", "transpose", "tril",
    "triu", "vectorize", "view",
]  # fmt: skip
