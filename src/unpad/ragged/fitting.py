"""Whether values and a layout fit together."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .layout import Layout
from .sequences import Sequences


def refuse_others(values: Any, layout: Layout) -> None:
    """Raises for values that are not those of the layout's steps, or lie on another device."""
    if not fits(values, layout):
        raise ValueError(
            f"Ragged: expected values as (steps, *feature) with {layout.steps} steps, which is "
            f"where the offsets end, got {shape_of(values)}."
        )
    if values.device != layout.device:
        raise ValueError(f"Ragged: values are on {values.device}, the offsets on {layout.device}.")


def fits(values: Any, layout: Layout) -> bool:
    """Whether there is one row, or one inner sequence, for each step.

    While a graph is made that may be unknown: the graph then says that it must be so.
    """
    steps = layout.own.steps
    if isinstance(values, Tensor):
        # Of a symbol torch.compile says that it is an int.
        if values.ndim and (type(steps) is not int or torch.compiler.is_compiling()):
            torch._check(values.shape[0] == steps)
            return True
        return values.ndim > 0 and values.shape[0] == steps
    return isinstance(values, Sequences) and values.batch == steps


def shape_of(values: Any) -> str:
    """What an error says of values."""
    if isinstance(values, Sequences):
        return f"{values.batch} inner sequences"
    return str(tuple(values.shape)) if isinstance(values, Tensor) else type(values).__name__
