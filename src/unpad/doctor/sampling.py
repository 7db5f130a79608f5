"""Samples as a caller gives them, as the few sequences that a model is asked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..ragged import Ragged
from ..ragged.numbers import as_tensor
from .adapters.signature import says_padding
from .probes import Laid, drawn, together


class Sampled(NamedTuple):
    """What a model is asked with.

    Args:
        laid: some of the sequences.
        sequences: all of them, of the first input.
        arrays: whether a function gets arrays.
        grids: whether they came as a padded array.
        full: the width of that.
    """

    laid: Laid
    sequences: list[Tensor]
    arrays: bool
    grids: bool
    full: int | None


def sampled(model: Any, samples: Any, pad: float, side: str, steps: int | None) -> Sampled:
    """Samples of one input, or of several: by name, or in the order of a model that has names.

    Raises:
        ValueError: they are no sequences, or not those of the model's inputs.
    """
    named = inputs_of(model, samples)
    if named is None:
        sequences, arrays, grids, full = sequences_of(samples, pad, side)
        return Sampled(drawn(sequences, side, pad, steps), sequences, arrays, grids, full)
    named, mask = _without_masks(named)
    parts = {name: _of_input(value, pad, side) for name, value in named.items()}
    widths = {w: [n for n, p in parts.items() if p.width == w] for _, _, w, _ in parts.values()}
    for width, names in widths.items():
        if width is None or all(parts[name].fixed for name in names):
            continue
        # Arrays of one width go step by step: what is a step in one of them is one in all.
        real = torch.stack([_real(named[name], pad, side) for name in names]).any(0)
        real = mask if mask is not None and mask.shape == real.shape else real
        for name in names:
            grid = tensor(named[name])
            cut = [row[keep] for row, keep in zip(grid, real, strict=True)]
            parts[name] = parts[name]._replace(sequences=cut, fixed=False)
    fixed = [name for name, part in parts.items() if part.fixed]
    if len(fixed) == len(parts):
        raise ValueError("probe: samples: expected an input with sequences, got none.")
    laid = together({n: p.sequences for n, p in parts.items()}, fixed, side, pad, steps)
    first = parts[laid.name or ""]
    arrays = any(part.arrays for part in parts.values())
    return Sampled(laid, first.sequences, arrays, first.width is not None, first.width)


def inputs_of(model: Any, samples: Any) -> dict[str, Any] | None:
    """Samples of each input by its name; None where there is one input without a name.

    Raises:
        ValueError: they are not as many as the model has inputs.
    """
    if isinstance(samples, Mapping):
        return {str(name): value for name, value in samples.items()}
    names = names_of(model)
    if len(names) < 2:
        return None
    count = len(samples) if isinstance(samples, (list, tuple)) else 1
    if count != len(names):
        raise ValueError(
            f"probe: samples: expected {len(names)}, one for each input ({', '.join(names)}), as a "
            f"list or by name, got {count}."
        )
    return dict(zip(names, samples, strict=True))


def names_of(model: Any) -> list[str]:
    """The names of the inputs of a model that has them; none of others."""
    own = getattr(model, "input_names", None)
    if own is None and not callable(getattr(model, "open_inputs", None)):
        own = [getattr(x, "name", None) for x in getattr(model, "inputs", None) or ()]
    return [str(name) for name in own or ()]


class _Part(NamedTuple):
    sequences: list[Tensor]
    arrays: bool
    width: int | None
    fixed: bool


def _of_input(value: Any, pad: float, side: str) -> _Part:
    """An input; numbers and short vectors of a sequence have no steps, unless others do so too."""
    is_grid = isinstance(value, Tensor) or (
        hasattr(value, "__array__") and not isinstance(value, (list, tuple, Ragged))
    )
    flat = not is_grid and isinstance(value, (list, tuple)) and not any(map(np.ndim, value))
    if is_grid or flat:
        grid = tensor(value)
        if grid.ndim == 1 or (grid.ndim == 2 and (grid.is_floating_point() or len(grid[0]) == 1)):
            width = grid.shape[1] if grid.ndim > 1 else None
            return _Part(list(grid), not isinstance(value, Tensor), width, True)
    sequences, arrays, _, full = sequences_of(value, pad, side)
    return _Part(sequences, arrays, full, False)


def _without_masks(named: dict[str, Any]) -> tuple[dict[str, Any], Tensor | None]:
    """Inputs alone, and which of their slots hold steps, where a mask or lengths beside say so."""
    mask = None
    left = {}
    for name, value in named.items():
        how = says_padding(name)
        if how is None:
            left[name] = value
        elif how in ("mask", "padding mask"):
            given = tensor(value) != 0
            mask = ~given if how == "padding mask" else given
    return left or named, mask


def _real(value: Any, pad: float, side: str) -> Tensor:
    """(batch, time) what is no padding: what stands at one end alone."""
    grid = tensor(value)
    real = (grid != pad).flatten(2).any(2) if grid.ndim > 2 else grid != pad
    return real.flip(1).cumsum(1).flip(1) > 0 if side == "post" else real.cumsum(1) > 0


def sequences_of(
    samples: Any, pad: float, side: str
) -> tuple[list[Tensor], bool, bool, int | None]:
    """The sequences; whether a function gets arrays; whether they came as a grid; its width."""
    if side not in ("post", "pre"):
        raise ValueError(f"probe: side: expected 'post' or 'pre', got {side!r}.")
    if isinstance(samples, Ragged):
        return [torch.as_tensor(s) for s in samples.to_list()], samples._numpy, False, None
    is_grid = isinstance(samples, Tensor) or (
        hasattr(samples, "__array__") and not isinstance(samples, (list, tuple))
    )
    if not is_grid:
        if not isinstance(samples, Sequence) or isinstance(samples, str):
            raise ValueError(
                "probe: samples: expected a list of sequences, a Ragged or a padded array, got a "
                f"{type(samples).__name__}."
            )
        parts = [tensor(s) for s in samples]
        return parts, not all(isinstance(s, Tensor) for s in samples), False, None
    grid = tensor(samples)
    if grid.ndim < 2:
        raise ValueError(f"probe: samples: expected (batch, time, ...), got {tuple(grid.shape)}.")
    parts = [row[keep] for row, keep in zip(grid, _real(grid, pad, side), strict=True)]
    return parts, not isinstance(samples, Tensor), True, grid.shape[1]


def tensor(sequence: Any) -> Tensor:
    """Numbers as the doctor asks with them: floats of the default type, or ids."""
    if isinstance(sequence, Tensor):
        found = sequence.detach().cpu()
    else:
        found = as_tensor(np.array(sequence), "probe: samples")
    if found.ndim == 0:
        raise ValueError("probe: samples: expected sequences, got numbers.")
    return found.to(torch.get_default_dtype()) if found.is_floating_point() else found.long()
