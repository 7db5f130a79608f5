"""What a caller may hand in, told by its type and never by its content, and the way back to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from ...ragged import Ragged
from ...ragged.doors.arrow import is_list, rows_of
from ...ragged.numbers import as_values, is_numeric, read_whole, to_numpy, to_tensor
from .tensors import is_of_tensorflow, read_out


class Form(NamedTuple):
    """How the caller wrote a batch: "grid", "list", "ragged" or "arrow"; numpy or torch."""

    kind: str
    numpy: bool


def accept(data: Any, who: str) -> tuple[Ragged | Tensor, Form]:
    """A batch as a Ragged or a dense tensor, and the form that it came in.

    An array is a grid; a list of sequences is a Ragged; a list of numbers is a vector.

    Args:
        data: array, tensor, list of arrays, Ragged, PackedSequence, Arrow column of lists or of one
            number a row, or anything with `__array__`.
        who: what it is called in errors, as "fit: x".

    Raises:
        ValueError: it is none of these.
    """
    if is_of_tensorflow(data):
        data = read_out(data)
    if isinstance(data, Ragged):
        return data, Form("ragged", data._numpy)
    if isinstance(data, PackedSequence):
        return Ragged.from_packed(data), Form("ragged", False)
    if isinstance(data, Tensor):
        if data.is_nested:
            return Ragged.from_nested(data), Form("ragged", False)
        return _with_rows(as_values(data, who), who), Form("grid", False)
    if type(data).__module__.startswith("pyarrow"):
        if not hasattr(data, "type") or is_list(data.type):
            return Ragged.from_arrow(data), Form("arrow", True)
        data = rows_of(data, who)
    if hasattr(data, "__array__") and not isinstance(data, (list, tuple)):
        data = np.asanyarray(data)
        if isinstance(data, np.ma.MaskedArray) and data.ndim > 1 and np.ma.is_masked(data):
            return _read(Ragged.from_padded, data, who), Form("grid", True)
        if is_numeric(data) or data.dtype.kind == "c":
            return _with_rows(to_tensor(data, who), who), Form("grid", True)
        if data.dtype == object and data.ndim == 1:
            data = list(data)
    data = read_whole(data, who)
    first = data[0] if isinstance(data, (list, np.ndarray)) and len(data) else None
    _refuse_words(data, first, who)
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _from_list(list(data), who)
    got = f"an array of {data.dtype}" if isinstance(data, np.ndarray) else type(data).__name__
    raise ValueError(f"{who}: expected a padded array, a list of arrays or a Ragged, got {got}.")


def _refuse_words(data: Any, first: Any, who: str) -> None:
    """Raises for texts, labels and words in place of numbers, with what makes ids of them."""
    labels = who.rpartition(" ")[2] == "y"
    if isinstance(first, (str, bytes)) and not labels:
        raise ValueError(
            f"{who}: got texts, as {str(first)!r}, and a model takes numbers. They become ids "
            "before: ids = layer(texts) of a TextVectorization, then fit(ids, ...); batch by batch "
            "data.map(layer), or a function that yields (layer(texts), y)."
        )
    if isinstance(first, (list, tuple, np.ndarray)):  # a sequence; the first that is not empty
        first = next((s[0] for s in data if isinstance(s, type(first)) and len(s)), None)
    if isinstance(first, (str, bytes)):
        options, name = ("num_oov_indices=0", "y") if labels else ("", "x")
        raise ValueError(
            f"{who}: got {'labels' if labels else 'words'}, as {str(first)!r}, and a model takes "
            f"numbers. They become numbers before: lookup = StringLookup({options}); "
            f"lookup.adapt({name}); {name} = lookup({name})."
        )


def _from_list(items: list[Any], who: str) -> tuple[Ragged | Tensor, Form]:
    if items and all(map(_is_number, items)):
        return to_tensor(np.asarray(items), who), Form("grid", True)
    ragged = _read(Ragged.from_list, items, who)
    return ragged, Form("list", ragged._numpy)


def _read(door: Callable[[Any], Ragged], data: Any, who: str) -> Ragged:
    """What a door of the type makes of it, whose errors say who asked."""
    try:
        return door(data)
    except ValueError as error:
        text = str(error).replace(f"Ragged.{door.__name__}", who, 1)
        raise ValueError(text) from None


def _is_number(item: Any) -> bool:
    return isinstance(item, (bool, int, float, np.generic)) or (
        isinstance(item, Tensor) and item.ndim == 0
    )


def _with_rows(data: Tensor, who: str) -> Tensor:
    if data.ndim == 0:
        raise ValueError(f"{who}: expected a batch, got the single number {data.item()}.")
    return data


def give_back(output: Ragged | Tensor, form: Form, fill: float) -> Any:
    """The model's output in the caller's form: the same grid, a list, a Ragged, an Arrow column."""
    if isinstance(output, Tensor):
        return to_numpy(output) if form.numpy else output
    output = Ragged._trusted(output.values, output.layout, form.numpy)
    if form.kind == "grid":
        return output.to_padded(fill)
    if form.kind == "list":
        return output.to_list()
    return output.to_arrow() if form.kind == "arrow" else output


def as_float(data: Ragged | Tensor) -> Ragged | Tensor:
    """Floats of any width, and booleans, as torch's default type; integers stay."""
    if data.dtype.is_floating_point or data.dtype == torch.bool:
        return data.to(dtype=torch.get_default_dtype())
    return data
