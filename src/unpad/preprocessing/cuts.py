"""What pad_sequences cut and on which sides, noted beside the array that it made."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import numpy as np


class Cut(NamedTuple):
    """What became of sequences in a padded array.

    Args:
        steps: that were given, in all.
        cut: of them that are not in the array.
        sequences: of which something was cut.
        padded: how many sequences were padded.
        padding: "pre" or "post".
        truncating: "pre" or "post".
    """

    steps: int
    cut: int
    sequences: int
    padded: int
    padding: str
    truncating: str


_NOTED: dict[int, tuple[weakref.ref[np.ndarray], Cut]] = {}


def note(grid: np.ndarray, cut: Cut) -> None:
    """Notes it for as long as the array lives."""
    key = id(grid)
    _NOTED[key] = (weakref.ref(grid, lambda _: _NOTED.pop(key, None)), cut)


def cut_of(array: Any) -> Cut | None:
    """What was noted of this array, or of the one that it is a view of; else None."""
    while isinstance(array, np.ndarray):
        noted = _NOTED.get(id(array))
        if noted is not None and noted[0]() is array:
            return noted[1]
        array = array.base
    return None
