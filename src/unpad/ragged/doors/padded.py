"""The door for padded arrays: in by a mask, lengths or a padding value; out to the same grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...arguments import integer
from ..layout import Layout
from ..levels import innermost
from ..numbers import as_constant, as_integers, as_mask, as_tensor
from ..parts import Parts
from .lists import unmasked


def from_padded(
    x: Tensor | np.ndarray,
    *,
    mask: Tensor | np.ndarray | None,
    lengths: Tensor | np.ndarray | Sequence[int] | int | None,
    padding: float | None,
) -> Parts:
    """See `Ragged.from_padded`."""
    numpy = not isinstance(x, Tensor)
    masked = isinstance(x, np.ma.MaskedArray) and x.ndim > 1
    grid = as_grid(np.asarray(x) if masked else x)
    ways = (("mask", mask), ("lengths", lengths), ("padding", padding))
    given = ["x's own mask"] * masked + [name for name, way in ways if way is not None]
    if len(given) != 1:
        raise ValueError(
            "Ragged.from_padded: say which steps are real with exactly one of mask=, lengths= and "
            f"padding=, got {' and '.join(given) or 'none'}. An array without padding has "
            f"lengths={grid.shape[1]}."
        )
    if isinstance(x, np.ma.MaskedArray):
        real = torch.from_numpy(unmasked(x, 2, "Ragged.from_padded"))
    elif mask is not None:
        real = _as_mask(mask, grid)
        if real.ndim == 3:
            return take_real_levels(grid, real, numpy)
    elif lengths is not None:
        real = _mask_of_lengths(lengths, grid)
    else:
        padding = as_constant(padding, grid.dtype, "Ragged.from_padded", "padding")
        real = ~equals(grid, padding, steps_from=2)
    return take_real(grid, real, numpy)


def as_grid(x: Any) -> Tensor:
    """A numeric array of at least two axes as a tensor, sharing memory where numpy allows."""
    if isinstance(x, (list, tuple)):
        raise ValueError(
            f"Ragged.from_padded: expected an array (batch, time, *feature), got a "
            f"{type(x).__name__}. Sequences of different lengths: Ragged.from_list(x); lists of "
            "equal length: np.array(x)."
        )
    grid = as_tensor(x, "Ragged.from_padded")
    if grid.ndim < 2:
        raise ValueError(
            "Ragged.from_padded: expected an array (batch, time, *feature), got "
            f"{tuple(grid.shape)}."
        )
    return grid


def equals(x: Tensor, value: float, steps_from: int) -> Tensor:
    """Whether every feature of a step equals the value; axes from `steps_from` on are features."""
    same = x.isnan() if value != value else x == value
    return same.flatten(steps_from).all(-1) if x.ndim > steps_from else same


def take_real(grid: Tensor, real: Tensor, numpy: bool) -> Parts:
    """The steps of (batch, time, *feature) where `real` (batch, time) is True."""
    batch, time = real.shape
    lengths = real.sum(1)
    if bool(real.all()):
        layout = Layout.full(batch, time).to(grid.device)
        return Parts(grid.flatten(0, 1).clone(), layout, numpy)
    # Right padding needs no slots: each sequence's steps stand at 0, 1, 2, ...
    times = torch.arange(time, device=grid.device)
    right = torch.equal(real, times < lengths[:, None])
    slots = None if right else times.expand(batch, time)[real]
    values, facts = grid[real], {}
    if lengths.is_cpu and not torch.compiler.is_compiling():
        # Read for nothing on a CPU: what equal lengths imply is shared (`Own.alike`).
        counts = lengths.tolist()
        longest = max(counts, default=0)
        facts = {"counts": counts, "steps": values.shape[0], "longest": longest}
    return Parts(values, Layout._of_lengths(lengths, slots, time, **facts), numpy)


def take_real_levels(grid: Tensor, real: Tensor, numpy: bool) -> Parts:
    """The steps of (batch, time, inner time, *feature) where `real` is True.

    An inner sequence without a step does not exist.
    """
    exists = real.any(2)
    outer = take_real(grid.flatten(2), exists, numpy).layout
    # Only the outermost level remembers that numpy came in: it is the one that is handed back.
    return Parts(take_real(grid[exists], real[exists], False), outer, numpy)


def to_padded(
    values: Any, layout: Layout, fill: float, *, length: int | None, padding: str | None
) -> Tensor:
    """See `Ragged.to_padded`."""
    if padding not in (None, "pre", "post"):
        raise ValueError(f'Ragged.to_padded: padding is "post" or "pre", got {padding!r}.')
    fill = as_constant(fill, innermost(values).dtype, "Ragged.to_padded", "fill")
    length = integer("Ragged.to_padded", "length", length, 0, or_none=True)
    places = layout.own.places if padding is None else layout.own.positions
    time = length if length is not None else (layout.time if padding is None else layout.longest)
    seen = not torch.compiler.is_compiling() and layout.steps
    needed = int(places.max()) + 1 if seen else 0
    if seen and needed > time:
        step = int((places >= time).nonzero()[0])
        raise ValueError(
            f"Ragged.to_padded: sequence {int(layout.own.sequence_ids[step])} needs {needed} "
            f"slots, but length is {time}."
        )
    if padding == "pre":
        places = places + (time - layout.own.lengths)[layout.own.sequence_ids]
    if not isinstance(values, Tensor):
        values = to_padded(values.values, values.layout, fill, length=None, padding=padding)
    grid = values.new_full((layout.batch, time, *values.shape[1:]), fill)
    return grid.index_put((layout.own.sequence_ids, places), values)


def _as_mask(mask: Tensor | np.ndarray, grid: Tensor) -> Tensor:
    given = as_tensor(mask, "Ragged.from_padded: mask", grid.device)
    axes = 3 if given.ndim == 3 else 2
    named = "(batch, time)" if axes == 2 else "(batch, sequence, time)"
    what = f"mask as {named} = {{}} of bool, True where a step is real"
    return as_mask(given, "Ragged.from_padded", what, tuple(grid.shape[:axes]))


def _mask_of_lengths(lengths: Tensor | np.ndarray | Sequence[int] | int, grid: Tensor) -> Tensor:
    batch, time = grid.shape[:2]
    what = "lengths as {} integers"
    counts = as_integers(lengths, "Ragged.from_padded", what, grid.device, (batch,))
    if counts.ndim == 0:
        counts = counts.expand(batch)
    if tuple(counts.shape) != (batch,):
        raise ValueError(
            f"Ragged.from_padded: expected {what.format((batch,))}, got {tuple(counts.shape)}."
        )
    wrong = ((counts < 0) | (counts > time)).nonzero()
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(
            f"Ragged.from_padded: length of sequence {first} is {int(counts[first])}, but the "
            f"grid has {time} slots."
        )
    return torch.arange(time, device=grid.device) < counts[:, None]
