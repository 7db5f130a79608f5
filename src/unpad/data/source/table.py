"""Every kind of thing that gives sequences, and who knows what it is: asked in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from ...ragged import Ragged
from . import arrow, frames, hub, iterables, keras_data, tensorflow_data, tokens, torch_data
from .forms import Asked, Batches, Pieces, Whole

Adapter = Callable[[Any, Asked], Whole | Batches | Pieces | None]

#: The first that knows a thing says what it is. None imports the library that a thing is from.
ADAPTERS: list[Adapter] = [
    arrow.files,
    arrow.arrow,
    frames.pandas,
    frames.polars,
    hub.hub,
    tokens.encodings,
    tokens.batch_encoding,
    iterables.pairs,
    iterables.columns_by_name,
    torch_data.loader,
    torch_data.dataset,
    keras_data.py_dataset,
    tensorflow_data.dataset,
    iterables.iterator,
    iterables.function,
    iterables.iterable,
]

# These are taken as they are; no library is asked whether they are its tables.
_PLAIN = (np.ndarray, Tensor, Ragged)


def refuse_columns(x: Any, asked: Asked) -> None:
    """Raises where `columns=` was given beside what has none."""
    if asked.columns is not None:
        raise ValueError(
            f"{asked.who}: columns names the columns of a table, a frame or a data set, got x as "
            f"{type(x).__name__}, which has none. Leave it out."
        )


def recognised(x: Any, asked: Asked) -> Whole | Batches | Pieces | None:
    """What a thing is, where it is more than arrays: whole, batches or pieces; None of arrays."""
    if isinstance(x, _PLAIN):
        return None
    for adapter in ADAPTERS:
        found = adapter(x, asked)
        if found is not None:
            return found
    return None
