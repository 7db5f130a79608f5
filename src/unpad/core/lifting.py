"""Lifting: what treats each row by itself, applied to the values of a Ragged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from ..ragged import Ragged
from ..ragged.fitting import fits


def lift(function: Callable[[Tensor], Tensor], inputs: Ragged | Tensor) -> Ragged | Tensor:
    """A token-wise function on a Ragged's values, or on a dense tensor as it is."""
    if not isinstance(inputs, Ragged):
        return function(inputs)
    values = inputs.values
    if isinstance(values, Tensor) and not isinstance(function, np.ufunc):
        found = function(values)
        if isinstance(found, Tensor) and fits(found, inputs.layout):
            return Ragged._trusted(found, inputs.layout, inputs._numpy)
        return inputs.map(lambda _: found)  # which says what is wrong with it
    return inputs.map(function if inputs.levels == 1 else lambda inner: lift(function, inner))
