"""What tokenizers give: Encodings, and Transformers' BatchEncoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...ragged import Ragged
from .columns import chosen
from .forms import Asked, Whole

_IDS, _MASK = "input_ids", "attention_mask"


def encodings(x: Any, asked: Asked) -> Whole | None:
    """A list of Encodings: the ids that attention is paid to."""
    if not (isinstance(x, list) and x and type(x[0]).__module__.startswith("tokenizers")):
        return None
    if not hasattr(x[0], "ids"):
        return None
    return Whole(
        Ragged.from_list([np.asarray(e.ids)[np.asarray(e.attention_mask) != 0] for e in x])
    )


def batch_encoding(x: Any, asked: Asked) -> Whole | None:
    """A BatchEncoding, or any dict of ids and the mask of what attention is paid to."""
    if type(x).__name__ != "BatchEncoding":
        return None
    return of_tokens(x, asked)


def is_of_tokens(item: Any) -> bool:
    """Whether a mapping is what a tokenizer gives."""
    return isinstance(item, Mapping) and _IDS in item and _MASK in item


def of_tokens(x: Mapping[str, Any], asked: Asked) -> Whole:
    """Its columns, padding gone where the mask says so."""
    names = [name for name in x if name != _MASK]
    get: Callable[[str], Any] = x.__getitem__ if _MASK not in x else lambda n: _real(x[n], x[_MASK])
    return chosen(names, get, asked)


def _real(column: Any, mask: Any) -> Any:
    """Beside a mask of the same shape the real steps; anything else as it is."""
    if isinstance(column, (Tensor, np.ndarray)):
        if column.shape[:2] != np.shape(mask) or column.ndim < 2:
            return column
        real = mask if isinstance(mask, Tensor) else torch.as_tensor(np.asarray(mask))
        return Ragged.from_padded(column, mask=real != 0)
    if len(column) and isinstance(column[0], (list, tuple, np.ndarray)):
        rows = zip(column, mask, strict=True)
        return [
            np.asarray(row)[np.asarray(m) != 0] if len(row) == len(m) else row for row, m in rows
        ]
    return column
