"""Several beside each other, and one in parts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .. import layers
from ..ragged import Ragged
from ..signatures import of_numbers
from .along import along
from .axes import axes_of, rank_of
from .kinds import dense, first_ragged, of_batches
from .shapes import ravel
from .types import promoted, tensor

_GRID = "A grid of it: x.to_padded(); each step by itself: x.map(function)."
_STEPS = "Steps of each sequence: x[:, start:stop]."


@of_batches
def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Several side by side; see `layers.Concatenate`."""
    if first_ragged(xs) is None:
        parts = [tensor(x) for x in xs]
        kind = promoted(*parts)
        return torch.cat([part.to(kind) for part in parts], axis)
    if axes_of(axis, max(map(rank_of, xs)), "concatenate") == [0]:
        return Ragged.concatenate(list(xs))
    return layers.Concatenate(axis)(list(xs))


@of_numbers
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """X2 behind x1 along an axis; without one all numbers in a row."""
    return concatenate([ravel(x1), ravel(x2)]) if axis is None else concatenate([x1, x2], axis)


@partial(along, new=True, time="Among a step's features: axis=-1.")
def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Several along an axis that is put in; of Ragged among the features."""
    parts = [tensor(part) for part in x]
    kind = promoted(*parts)
    return torch.stack([part.to(kind) for part in parts], axis)


@dense("Beside each other: concatenate(xs, axis=-1); one behind the other: axis=1.")
def hstack(xs: Sequence[Any]) -> Any:
    """Several along their second axis; rows along their first."""
    return torch.hstack([tensor(x) for x in xs])


@dense("Batch under batch: Ragged.concatenate(xs).")
def vstack(xs: Sequence[Any]) -> Any:
    """Several along their first axis."""
    return torch.vstack([tensor(x) for x in xs])


@dense("Beside each other: stack(xs, axis=-1).")
def dstack(xs: Sequence[Any]) -> Any:
    """Several along their third axis."""
    return torch.dstack([tensor(x) for x in xs])


@partial(along, time=_STEPS)
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """X in parts along an axis: so many of equal size, or cut at these places.

    Raises:
        ValueError: equal parts do not come out even.
    """
    x = tensor(x)
    if isinstance(indices_or_sections, int):
        parts, entries = indices_or_sections, x.shape[axis]
        if entries % parts:
            raise ValueError(f"split: axis {axis} has {entries} entries, not {parts} equal parts.")
    return _cut(x, indices_or_sections, axis)


@partial(along, time=_STEPS)
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """X in parts along an axis, the first ones larger by one where it does not come out even."""
    return _cut(tensor(x), indices_or_sections, axis)


def _cut(x: Tensor, where: Any, axis: int) -> list[Tensor]:
    return list(x.tensor_split(where if isinstance(where, int) else tensor(where).tolist(), axis))


@dense("Features in parts: split(x, n, axis=2).")
def hsplit(x: Any, indices_or_sections: Any) -> Any:
    """X in parts along its second axis; a row along its first."""
    x = tensor(x)
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@dense("Some of its sequences: x[start:stop].")
def vsplit(x: Any, indices_or_sections: Any) -> Any:
    """X in parts along its first axis."""
    return split(x, indices_or_sections, 0)


@dense("Features in parts: split(x, n, axis=2).")
def dsplit(x: Any, indices_or_sections: Any) -> Any:
    """X in parts along its third axis."""
    return split(x, indices_or_sections, 2)


@partial(along, time="One sequence each: list(x); one step of each: x[:, i].")
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """The slices along an axis, in a list."""
    found = list(tensor(x).unbind(axis))
    if num is not None and num != len(found):
        raise ValueError(f"unstack: expected {num} along axis {axis}, got {len(found)}.")
    return found


@dense(_GRID)
def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """The coordinates of all points of a grid."""
    return list(torch.meshgrid([tensor(part) for part in x], indexing=indexing))


__all__ = [
    "append", "array_split", "concatenate", "dsplit", "dstack", "hsplit", "hstack", "meshgrid",
    "split", "stack", "vsplit", "vstack",
]  # fmt: skip
