"""TensorFlow's tensors read out; TensorFlow is not imported for that."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch

from ...ragged import Layout, Ragged
from .words import Words


def is_of_tensorflow(x: Any) -> bool:
    """Whether a thing is TensorFlow's."""
    return type(x).__module__.partition(".")[0] == "tensorflow"


def read_out(item: Any) -> Any:
    """What TensorFlow's tensors hold, in tuples, lists and dicts.

    A RaggedTensor is a Ragged of its rows, strings are Python's, all else numpy's.

    Raises:
        ValueError: one is sparse.
    """
    if isinstance(item, dict):
        return {name: read_out(part) for name, part in item.items()}
    if isinstance(item, (tuple, list)):
        return type(item)(map(read_out, item))
    if not is_of_tensorflow(item):
        return item
    if hasattr(item, "row_splits"):
        return _rows(item)
    if not hasattr(item, "numpy"):
        raise ValueError(
            f"expected tensors, got a {type(item).__name__}. Of a sparse one: tf.sparse.to_dense."
        )
    array = np.asarray(item.numpy())
    return Words.of(_strings(array), array.shape) if array.dtype.kind in "OSU" else array


def _rows(item: Any) -> Any:
    """A RaggedTensor as a Ragged; one of strings as lists of them."""
    offsets = np.asarray(item.row_splits.numpy())
    inner = read_out(item.values)
    if isinstance(inner, (Words, list)):
        rows = inner.tolist() if isinstance(inner, Words) else inner
        return [rows[a:b] for a, b in pairwise(offsets)]
    values = inner if isinstance(inner, Ragged) else torch.from_numpy(np.array(inner))
    return Ragged(values, Layout(torch.from_numpy(offsets.astype(np.int64))))


def _strings(array: np.ndarray) -> list[Any]:
    return [x.decode() if isinstance(x, bytes) else x for x in array.reshape(-1).tolist()]
