"""Words: an array of strings that is asked for its array as a tensor is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class Words(np.ndarray):
    """An array of Python's strings with `numpy()`, so that batches of texts are read as others.

    Example:
        >>> Words.of(["a", "b"]).numpy()[1]
        'b'
    """

    @staticmethod
    def of(strings: Sequence[Any], shape: Sequence[int] | None = None) -> Words:
        """The array of these strings.

        Args:
            strings: in order.
            shape: of the array; by default one axis.
        """
        made = np.empty(len(strings), dtype=object)
        made[:] = strings
        return made.reshape(len(strings) if shape is None else shape).view(Words)

    def numpy(self) -> np.ndarray:
        """The plain array."""
        return self.view(np.ndarray)


def are_strings(given: Any) -> bool:
    """Whether the first of what is given, and the first in that, is a string."""
    first = given
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if isinstance(first, np.ndarray):
        return first.dtype.kind in "UST" or (
            first.dtype.kind == "O" and first.size > 0 and isinstance(first.reshape(-1)[0], str)
        )
    return isinstance(first, (str, bytes))
