"""TensorFlow's `tf.strings`, of one string, arrays of strings and lists of lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["join", "length", "lower", "regex_replace", "split", "strip", "upper"]


def _each(function: Callable[[str], Any], given: Any) -> Any:
    if isinstance(given, (str, bytes)):
        return function(given.decode() if isinstance(given, bytes) else given)
    if isinstance(given, np.ndarray):
        flat = [_each(function, text) for text in given.reshape(-1)]
        made = np.empty(len(flat), dtype=object)
        made[:] = flat
        return made.reshape(given.shape)
    if isinstance(given, (list, tuple)):
        return [_each(function, part) for part in given]
    raise TypeError(f"tf.strings: expected strings, got {type(given).__name__}.")


def lower(input: Any, encoding: str = "") -> Any:
    """In small letters."""
    return _each(str.lower, input)


def upper(input: Any, encoding: str = "") -> Any:
    """In capital letters."""
    return _each(str.upper, input)


def strip(input: Any) -> Any:
    """Without what is white at both ends."""
    return _each(str.strip, input)


def length(input: Any, unit: str = "BYTE") -> Any:
    """How many bytes, or with unit "UTF8_CHAR" letters, each has."""
    return _each(lambda text: len(text if unit == "UTF8_CHAR" else text.encode()), input)


def regex_replace(input: Any, pattern: str, rewrite: str, replace_global: bool = True) -> Any:
    r"""With what fits a pattern replaced, its groups by `\1` and so on."""
    found = re.compile(pattern)
    return _each(lambda text: found.sub(rewrite, text, 0 if replace_global else 1), input)


def split(input: Any, sep: str | None = None, maxsplit: int = -1) -> Any:
    """Cut at white space, or at `sep`: a list of words for each string."""

    def words(text: str) -> list[str]:
        return text.split(sep or None, maxsplit)

    if isinstance(input, (str, bytes)):
        return np.array(_each(words, input), dtype=object)
    return [_each(words, text) for text in input]


def join(inputs: Any, separator: str = "") -> Any:
    """Several strings, or arrays of as many, put together."""
    if all(isinstance(part, str) for part in inputs):
        return separator.join(inputs)
    rows = np.broadcast_arrays(*[np.asarray(part, dtype=object) for part in inputs])
    columns = [row.reshape(-1) for row in rows]
    flat = [separator.join(map(str, parts)) for parts in zip(*columns, strict=True)]
    return np.array(flat, dtype=object).reshape(rows[0].shape)
