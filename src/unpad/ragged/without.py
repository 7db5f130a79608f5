"""A value that no step holds, remembered: a door that has looked need not look again.

What a door drops from all data at once no batch of them holds; to look for it in every batch was
3 % of a small model's step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .ragged import Ragged


def is_without(steps: Ragged, value: float) -> bool:
    """Whether it is known that no step's features all equal the value.

    It no longer is where the values have been changed in place.
    """
    known = getattr(steps, "_without", None)
    return known is not None and known == (value, steps._values._version)


def known_without(steps: Ragged, value: float) -> Ragged:
    """The same batch, of which this is known from now on."""
    values = steps._values
    # Values of inference mode count no changes, and a graph is made for any values.
    if (
        isinstance(values, Tensor)
        and not torch.compiler.is_compiling()
        and not values.is_inference()
    ):
        object.__setattr__(steps, "_without", (value, values._version))
    return steps


def still_without(some: Ragged, whole: Ragged) -> Ragged:
    """Some of the steps of a batch; what is known of all is known of them."""
    known = getattr(whole, "_without", None)
    if known is None or not is_without(whole, known[0]):
        return some
    return known_without(some, known[0])
