"""Which slots of several grids joined are steps: what Keras's `compute_mask` of a merge answers."""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from torch import Tensor

from ...ragged.numbers import as_tensor


def joined_mask(who: str, inputs: Any, mask: Any, in_time: bool = False) -> Tensor | None:
    """The mask of what comes out of grids with these masks.

    A layer is never asked for it: it gives a Ragged, which knows its steps.

    Args:
        who: shown in errors.
        inputs: a list of grids or symbols.
        mask: one for each, (batch, time) True where a step is; None where an input has none.
        in_time: whether the grids stand one behind the other in time, and not side by side.

    Returns:
        (batch, time) bool; None where no input says which of its slots are steps.

    Raises:
        ValueError: they are no lists, or not of one length.
    """
    if mask is None:
        return None
    for name, given in (("mask", mask), ("inputs", inputs)):
        if not isinstance(given, (list, tuple)):
            got = type(given).__name__
            raise ValueError(f"{who}: compute_mask: `{name}` should be a list, got {got}.")
    if len(mask) != len(inputs):
        raise ValueError(
            f"{who}: compute_mask: inputs and mask should have the same length, got {len(inputs)} "
            f"and {len(mask)}."
        )
    if all(m is None for m in mask) or (not in_time and any(m is None for m in mask)):
        return None
    if in_time:
        parts = [
            torch.ones(x.shape[:2], dtype=torch.bool) if m is None else _bool(m)
            for x, m in zip(inputs, mask, strict=True)
        ]
        return torch.cat(parts, 1)
    return reduce(torch.logical_or, map(_bool, mask))


def _bool(mask: Any) -> Tensor:
    return as_tensor(mask, "compute_mask").bool()
