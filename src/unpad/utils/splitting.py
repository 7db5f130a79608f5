"""Data in two halves: Keras's `split_dataset`; a batch's parts by place."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..arguments import wrong
from ..data.dataset import Dataset


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple[Dataset, Dataset]:
    """Two data sets: the first elements, and the rest.

    Args:
        dataset: a Dataset, arrays in a tuple or a dict, or whatever elements can be read from.
        left_size: how many elements, or which share of them, are in the first.
        right_size: the same of the second; by default the rest.
        shuffle: whether the elements are put into an order that is drawn.
        seed: of the order.

    Raises:
        ValueError: neither size is given, or they are more than there is.
    """
    arrays = isinstance(dataset, (tuple, dict, np.ndarray))
    if not arrays and not isinstance(dataset, Iterable):
        raise wrong("split_dataset", "dataset", "a Dataset, arrays, or an iterable", dataset)
    try:
        elements = list(Dataset.from_tensor_slices(dataset) if arrays else dataset)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"split_dataset: dataset: {error}") from error
    count = len(elements)
    left, right = _size(left_size, count, "left_size"), _size(right_size, count, "right_size")
    if left is None and right is None:
        raise ValueError("split_dataset: left_size or right_size is missing.")
    first = count - right if left is None and right is not None else left
    assert first is not None
    last = count - first if right is None else right
    if first + last > count or min(first, last) < 0:
        raise ValueError(f"split_dataset: {first} and {last} of {count} elements.")
    if shuffle:
        elements = [elements[i] for i in np.random.default_rng(seed).permutation(count)]
    parts = elements[:first], elements[count - last :]
    halves = [Dataset(lambda _, part=part: iter(part), len(part)) for part in parts]
    return halves[0], halves[1]


def _size(size: Any, count: int, name: str) -> int | None:
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, (int, float)) or size < 0:
        raise wrong("split_dataset", name, "a number of elements or a share of them", size)
    if isinstance(size, float) and size > 1:
        raise wrong("split_dataset", name, "a share up to 1", size)
    return round(size * count) if isinstance(size, float) else size


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """What a step is given: x alone, (x, y) or (x, y, sample_weight).

    Args:
        x: inputs.
        y: targets, or None.
        sample_weight: weights, or None.
    """
    if sample_weight is not None:
        return x, y, sample_weight
    return (x, y) if y is not None else x if not isinstance(x, (tuple, list)) else (x,)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """The inverse: x, y and sample_weight, None where there is none.

    Args:
        data: of a step.

    Raises:
        ValueError: it has more than three parts.
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) not in (1, 2, 3):
        raise wrong("unpack_x_y_sample_weight", "data", "x, (x, y) or (x, y, sample_weight)", data)
    x, y, weight = itertools.islice(itertools.chain(data, itertools.repeat(None)), 3)
    return x, y, weight
