"""What is turned round, moved, repeated and set around: features, and time within sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..core.lifting import lift
from ..ragged import Ragged
from .along import along
from .axes import rank_of
from .kinds import dense, of_batches
from .types import tensor

_GRID = "A grid of it: x.to_padded(); each step by itself: x.map(function)."


@along
def flip(x: Any, axis: int | Sequence[int] | None = None) -> Any:
    """X the other way round along axes; along time each sequence from its own end."""
    x = tensor(x)
    if axis is None:
        axis = list(range(x.ndim))
    return x.flip([axis] if isinstance(axis, int) else list(axis))


@dense("Time or features the other way round: flip(x, axis).")
def fliplr(x: Any) -> Any:
    """X the other way round along its second axis."""
    return tensor(x).fliplr()


@dense("Time or features the other way round: flip(x, axis).")
def flipud(x: Any) -> Any:
    """X the other way round along its first axis."""
    return tensor(x).flipud()


@dense(_GRID)
def rot90(array: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> Any:
    """X turned by k right angles in the plane of two axes."""
    return torch.rot90(tensor(array), k, list(axes))


@along
def roll(x: Any, shift: Any, axis: int | Sequence[int] | None = None) -> Any:
    """X moved along an axis, what falls off coming back at the front; time within sequences."""
    dims: Any = () if axis is None else axis
    return torch.roll(tensor(x), shift, dims)


@along
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each entry of an axis so many times; along time each step.

    Example:
        >>> repeat(Ragged.from_list([[1, 2], [3]]), 2, axis=1).lengths
        tensor([4, 2])
    """
    x = tensor(x)
    times = repeats if isinstance(repeats, int) else tensor(repeats, torch.int64)
    return x.repeat_interleave(times, axis)


@of_batches
def tile(x: Any, repeats: int | Sequence[int]) -> Any:
    """X set beside itself so many times along each axis; a Ragged along its features."""
    times = [repeats] if isinstance(repeats, int) else [int(n) for n in repeats]
    if not isinstance(x, Ragged):
        return torch.tile(tensor(x), tuple(times))
    times = [1] * (rank_of(x) - len(times)) + times
    if times[: 1 + x.levels] != [1] * (1 + x.levels):
        raise ValueError(
            f"tile: got {repeats} for a Ragged, whose batch and time stay: (1, 1, ...). Each step "
            "several times: repeat(x, n, axis=1)."
        )
    return lift(lambda v: v.repeat(1, *times[1 + x.levels :]), x)


@of_batches
def pad(
    x: Any, pad_width: Any, mode: str = "constant", constant_values: float | None = None
) -> Any:
    """More entries before and behind along each axis; of a Ragged along features.

    Args:
        x: a batch.
        pad_width: (before, behind) for each axis; of a Ragged (0, 0) for batch and time.
        mode: "constant", "reflect" or "symmetric", which repeats the last entry.
        constant_values: what is put there, by default 0.
    """
    widths = [(int(w), int(w)) if isinstance(w, int) else tuple(map(int, w)) for w in (
        [pad_width] if isinstance(pad_width, int) else pad_width)]  # fmt: skip
    if isinstance(x, Ragged):
        rank = rank_of(x)
        kept = 1 + x.levels
        if len(widths) != rank or any(w != (0, 0) for w in widths[:kept]):
            raise ValueError(
                f"pad: expected a pair for each of the {rank} axes of a Ragged, (0, 0) for batch "
                f"and time, got {pad_width}. Steps around each sequence: layers.ZeroPadding1D."
            )
        features = [(0, 0), *widths[kept:]]
        return lift(lambda v: _padded(v, features, mode, constant_values), x)
    x = tensor(x)
    return _padded(x, widths * (x.ndim if len(widths) == 1 else 1), mode, constant_values)


def _padded(x: Tensor, widths: list[Any], mode: str, value: float | None) -> Tensor:
    if value is not None and mode != "constant":
        raise ValueError(f"pad: constant_values goes with mode='constant', got {mode!r}.")
    if mode == "constant":
        flat = [n for pair in reversed(widths) for n in pair]
        return torch.nn.functional.pad(x, flat, value=0 if value is None else value)
    if mode not in ("reflect", "symmetric"):
        raise ValueError(f"pad: expected mode 'constant', 'reflect' or 'symmetric', got {mode!r}.")
    for axis, (before, behind) in enumerate(widths):
        places = torch.arange(-before, x.shape[axis] + behind, device=x.device)
        end = x.shape[axis] - 1
        if mode == "reflect":
            places = end - (end - places.abs()).abs()
        x = x.index_select(axis, places.clamp(0, end))
    return x


__all__ = [
    "flip", "fliplr", "flipud", "pad", "repeat", "roll", "rot90", "tile",
]  # fmt: skip
