"""For what is written for padded grids: a Ragged laid out in one, and what comes of it taken back.

The grid is as narrow as the longest sequence of all inputs, with its steps to the left and zeros
behind them, whatever grid the batch came from: what is not there cannot be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..ragged import Ragged
from ..ragged.doors.padded import to_padded
from ..ragged.numbers import as_tensor
from .structure import flat


def laid_out(inputs: Any, width: int | None = None) -> tuple[Any, Any]:
    """A grid (batch, time, *feature) and its mask (batch, time), True where a step is.

    Of a tensor the tensor and None; of a list two lists.

    Args:
        inputs: Ragged or tensors, in lists.
        width: how many slots a grid has; by default as many as its longest sequence.
    """
    if isinstance(inputs, dict):
        of = {key: laid_out(x, width) for key, x in inputs.items()}
        return {k: grid for k, (grid, _) in of.items()}, {k: mask for k, (_, mask) in of.items()}
    if isinstance(inputs, (list, tuple)) and any(isinstance(x, Ragged) for x in flat(inputs)):
        pairs = [laid_out(x, width) for x in inputs]
        return [grid for grid, _ in pairs], [mask for _, mask in pairs]
    if not isinstance(inputs, Ragged):
        return inputs, None
    width = width or _longest(inputs)
    grid = to_padded(inputs.values, inputs.layout, 0, length=width, padding="post")
    return grid, mask_of(inputs, width)


def mask_of(inputs: Ragged, width: int) -> Tensor:
    """(batch, width) bool: True where a step is, in a grid whose steps are to the left."""
    return torch.arange(width, device=inputs.device) < inputs.layout.own.lengths[:, None]


def taken_back(grid: Tensor | Ragged, like: Ragged) -> Ragged:
    """The steps of a grid that was made of a Ragged's, on its layout.

    What a layer inside gave for the grid and its mask is a Ragged already.
    """
    if isinstance(grid, Ragged):
        same = torch.equal(grid.layout.own.lengths, like.layout.own.lengths)
        return like.with_values(grid.values) if same else grid
    return like.with_values(grid[mask_of(like, grid.shape[1])])


def _longest(inputs: Any) -> int:
    """The steps of the longest sequence of a Ragged; 1 of what is none, and of no steps."""
    return max(1, inputs.layout.longest) if isinstance(inputs, Ragged) else 1


def _keeps_time(output: Any, like: Ragged, width: int) -> bool:
    """Whether an output has the slots of a Ragged's grid, by its shape."""
    known = isinstance(output, Tensor) and output.ndim > 1
    return known and output.shape[:2] == (like.batch, width)


def on_grids(layer: Any, run: Callable[..., Any], inputs: Any, options: dict[str, Any]) -> Any:
    """What a layer gives that is written for grids, with each grid of steps taken back.

    Args:
        layer: whose `compute_mask` is asked where it has one of its own.
        run: its `call`, or what calls it.
        inputs: Ragged or tensors.
        options: further arguments; a mask among them goes before that of the inputs.
    """
    written = layer._written
    everything = flat([*inputs, *options.values()])
    width = max(map(_longest, everything), default=1)
    like = next((x for x in everything if isinstance(x, Ragged)), None)
    grids, masks = laid_out(list(inputs), width) if like is not None else (inputs, [None])
    told = written.masks_for(dict(zip(written.names, masks, strict=False)))
    options = told | {name: laid_out(x, width)[0] for name, x in options.items()}
    mask = options.get("mask", masks[0])
    output = run(*grids, **options)
    several = isinstance(output, (list, tuple))
    parts: list[Any] = list(output) if several else [output]
    # Found when the layer was built; while that goes on the outputs' shapes tell.
    kept = layer._keeps_steps
    if kept is None:
        kept = [like is not None and _keeps_time(part, like, width) for part in parts]
    if written.masks:
        said = layer.compute_mask(grids[0], mask)
        of = list(said) if isinstance(said, (list, tuple)) else [said] * len(parts)
        each = zip(parts, of, kept, strict=True)
        parts = [_by_mask(layer.who, part, m, like, keeps) for part, m, keeps in each]
    elif like is not None:
        parts = [taken_back(p, like) if keeps else p for p, keeps in zip(parts, kept, strict=True)]
    return parts if several else parts[0]


def _by_mask(who: str, grid: Tensor, mask: Any, like: Ragged | None, keeps: bool) -> Any:
    """The steps of a grid that a mask says are there: on a layout where they are its steps."""
    if mask is None:
        if like is not None and keeps:
            raise ValueError(
                f"{who}: compute_mask gives None for a grid of steps, so that nobody would know "
                "which are there. Give the mask back, or reduce the time to one row."
            )
        return grid
    mask = as_tensor(mask, f"{who}: compute_mask").bool()
    whole = like is not None and mask.shape[1] >= like.layout.longest
    if like is not None and whole and torch.equal(mask, mask_of(like, mask.shape[1])):
        return taken_back(grid, like)
    return Ragged.from_padded(grid, mask=mask)


def as_real(mask: Any, who: str) -> Tensor:
    """A mask of bools; of numbers where each is 0 or 1, as Keras's callers have them."""
    given = as_tensor(mask, f"{who}: mask")
    whole = given.dtype == torch.bool or not bool(((given == 0) | (given == 1)).all())
    return given if whole else given.bool()


def _is_told(inputs: Any, mask: Any) -> bool:
    """Whether a mask says of a Ragged what it says itself."""
    if not isinstance(inputs, Ragged) or not isinstance(mask, (Tensor, np.ndarray)):
        return False
    return torch.equal(torch.as_tensor(mask, device=inputs.device).bool(), inputs.mask)


def without_mask(who: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, Any]:
    """A call without its mask: a grid with one is the Ragged of the steps that are there.

    Raises:
        ValueError: there is a mask beside what needs none, or it does not fit.
    """
    mask = options["mask"]
    options = {name: value for name, value in options.items() if name != "mask"}
    if mask is None or (len(inputs) == 1 and _is_told(inputs[0], mask)):
        return inputs, options
    grid = isinstance(inputs[0], (Tensor, np.ndarray)) and len(inputs) == 1
    if not grid or not isinstance(mask, (Tensor, np.ndarray)):
        raise ValueError(
            f"{who}: got mask=, but a missing step does not exist in a Ragged, and no layer needs "
            "a mask. Leave it out; a grid is told its steps by Ragged.from_padded(x, mask=mask)."
        )
    try:
        return (Ragged.from_padded(inputs[0], mask=as_real(mask, who)),), options
    except ValueError as error:
        raise ValueError(f"{who}: {error}") from None
