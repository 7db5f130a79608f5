"""TensorFlow's `tf.ragged`: lists of numbers are a Ragged, lists of words stay lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...data.source.words import Words
from ...ragged import Ragged

__all__ = ["constant"]


class RaggedWords(list[list[str]]):
    """Lists of words, of different lengths."""

    def to_tensor(self, default_value: str = "", name: Any = None) -> Words:
        """(rows, longest) an array of them, with `default_value` where there is no word."""
        width = max(map(len, self), default=0)
        rows = [word for row in self for word in [*row, *[default_value] * (width - len(row))]]
        return Words.of(rows, (len(self), width))

    def to_list(self) -> list[list[str]]:
        """Python's lists."""
        return [list(row) for row in self]


def constant(pylist: Iterable[Any], dtype: Any = None, name: Any = None) -> Any:
    """Sequences of a list of lists: a Ragged of numbers; of words lists.

    Args:
        pylist: the lists, or an array of them.
        dtype: of numbers.
        name: changes nothing.
    """
    rows = [row.tolist() if isinstance(row, np.ndarray) else list(row) for row in pylist]
    if any(isinstance(x, str) for row in rows for x in row):
        return RaggedWords(rows)
    return Ragged.from_list(rows, dtype=dtype)
