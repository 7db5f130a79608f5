"""TensorFlow's `tf.strings`, of one string, arrays of strings and lists of lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ...data.source.words import Words
from ...ragged import Ragged
from ...ragged.numbers import as_dtype
from .ragged import RaggedWords

__all__ = [
    "join", "length", "lower", "reduce_join", "regex_replace", "split", "strip", "to_number",
    "upper",
]  # fmt: skip


def _each(function: Callable[[str], Any], given: Any) -> Any:
    if isinstance(given, (str, bytes)):
        return function(given.decode() if isinstance(given, bytes) else given)
    if isinstance(given, np.ndarray):
        return Words.of([_each(function, text) for text in given.reshape(-1)], given.shape)
    if isinstance(given, (list, tuple)):
        each = [_each(function, part) for part in given]
        return RaggedWords(each) if isinstance(given, RaggedWords) else each
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
    found = _each(lambda text: len(text if unit == "UTF8_CHAR" else text.encode()), input)
    return torch.tensor(found.tolist() if isinstance(found, np.ndarray) else found)


def regex_replace(input: Any, pattern: str, rewrite: str, replace_global: bool = True) -> Any:
    r"""With what fits a pattern replaced, its groups by `\1` and so on."""
    found = re.compile(pattern)
    return _each(lambda text: found.sub(rewrite, text, 0 if replace_global else 1), input)


def split(input: Any, sep: str | None = None, maxsplit: int = -1) -> Any:
    """Cut at white space, or at `sep`: the words of one string, a list of them for each of more."""

    def words(text: str) -> list[str]:
        return text.split(sep or None, maxsplit)

    if isinstance(input, (str, bytes)):
        return Words.of(_each(words, input))
    return RaggedWords(_each(words, text) for text in input)


def to_number(input: Any, out_type: Any = torch.float32, name: Any = None) -> Any:
    """The numbers that strings tell: a tensor of an array, a Ragged of lists of words."""
    kind = as_dtype(out_type, "tf.strings.to_number: out_type") or torch.float32
    read = float if kind.is_floating_point else int
    if isinstance(input, RaggedWords):
        return Ragged.from_list([torch.tensor([read(w) for w in row], dtype=kind) for row in input])
    found = _each(read, input)
    return torch.tensor(np.asarray(found).tolist(), dtype=kind)


def reduce_join(
    inputs: Any, axis: int | None = None, keepdims: bool = False, separator: str = ""
) -> Any:
    """All strings of an axis put together, by default all there are.

    Args:
        inputs: strings, in an array or lists.
        axis: along which.
        keepdims: is not supported.
        separator: between two.
    """
    if keepdims:
        raise ValueError("tf.strings.reduce_join: keepdims=True is not supported: tf.expand_dims.")
    if isinstance(inputs, RaggedWords) and axis in (-1, 1):
        return Words.of([separator.join(row) for row in inputs])
    array = np.asarray(inputs, dtype=object)
    if axis is None:
        return separator.join(array.reshape(-1))
    rows = np.moveaxis(array, axis, -1)
    joined = [separator.join(row) for row in rows.reshape(-1, rows.shape[-1])]
    return Words.of(joined, rows.shape[:-1]) if rows.ndim > 1 else joined[0]


def join(inputs: Any, separator: str = "") -> Any:
    """Several strings, or arrays of as many, put together."""
    if all(isinstance(part, str) for part in inputs):
        return separator.join(inputs)
    rows = np.broadcast_arrays(*[np.asarray(part, dtype=object) for part in inputs])
    columns = [row.reshape(-1) for row in rows]
    flat = [separator.join(map(str, parts)) for parts in zip(*columns, strict=True)]
    return Words.of(flat, rows[0].shape)


# --- strings among what tf's other functions take ------------------------------------------------

# Those that only arrange, by their names in numpy, and what they are called with beside arrays.
_ARRANGE = {
    "concatenate": np.concatenate, "convert_to_tensor": np.asarray, "equal": np.equal,
    "expand_dims": np.expand_dims, "not_equal": np.not_equal, "reshape": np.reshape,
    "shape": np.shape, "squeeze": np.squeeze, "stack": np.stack, "tile": np.tile,
}  # fmt: skip


def arranged_as(who: str, function: str, first: Any, *rest: Any, **options: Any) -> Any:
    """What a function that only arranges gives of strings.

    Raises:
        TypeError: it is another.
    """
    if function not in _ARRANGE:
        raise TypeError(f"{who}: expected numbers, got strings. tf.strings has functions of them.")
    if isinstance(first, (str, bytes)) and function == "convert_to_tensor":
        return first
    options = {name: value for name, value in options.items() if name == "axis"}
    pair = function in ("concatenate", "stack")
    parts = [np.asarray(x, dtype=object) for x in first] if pair else np.asarray(first, object)
    found = _ARRANGE[function](parts, *(() if function.startswith("conv") else rest), **options)
    if function in ("equal", "not_equal"):
        return torch.from_numpy(np.asarray(found, dtype=bool))
    return found.view(Words) if isinstance(found, np.ndarray) else found


def padded(given: Any, widths: list[list[int]], value: str) -> Words:
    """Strings with more of them before and behind along each axis."""
    array = np.asarray(given, dtype=object)
    return np.pad(array, widths, constant_values=value).view(Words)
