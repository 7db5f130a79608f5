"""Lifting: what treats each row by itself, applied to the values of a Ragged."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..ragged import Ragged


def lift(function: Callable[[Tensor], Tensor], inputs: Ragged | Tensor) -> Ragged | Tensor:
    """A token-wise function on a Ragged's values, or on a dense tensor as it is."""
    if not isinstance(inputs, Ragged):
        return function(inputs)
    return inputs.map(function if inputs.levels == 1 else lambda inner: lift(function, inner))
