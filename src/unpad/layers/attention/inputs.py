"""What attention asks of its inputs: shapes when a model is built, one batch when it runs."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from torch import Tensor

from ...core.grids import as_real
from ...core.spec import Spec
from ...ragged import Ragged
from ...ragged.batch import rows_of
from .attend import Batch, layouts_of


def told(grid: Any, mask: Any, who: str, name: str) -> Any:
    """A grid whose mask a caller gives is the Ragged of its steps, as `layer(x, mask=m)` is.

    Args:
        grid: an input.
        mask: (batch, time) True where a step is; None for an input that needs none.
        who: shown in errors.
        name: of the mask.
    """
    if mask is None:
        return grid
    if isinstance(grid, np.ndarray | Tensor) and isinstance(mask, np.ndarray | Tensor):
        try:
            return Ragged.from_padded(grid, mask=as_real(mask, who))
        except ValueError as error:
            raise ValueError(f"{who}: {name}: {error}") from None
    raise ValueError(
        f"{who}: got {name}=, but a Ragged knows its steps, and no step looks beyond its own "
        "sequence. Leave it out; a grid is told its steps by Ragged.from_padded(x, mask=mask)."
    )


def check_specs(who: str, query: Spec, value: Spec, key: Spec, causal: bool = False) -> None:
    """Raises for inputs that attention cannot take, when the model is built."""
    if len(query.shape) not in ((1,) if query.ragged else (1, 2)) or query.shape[-1] is None:
        _unfit(who, "query", query, ", or one row a sequence, (batch, feature)")
    for name, spec in (("value", value), ("key", key)):
        if len(spec.shape) != (1 if spec.ragged else 2) or spec.shape[-1] is None:
            _unfit(who, name, spec, "")
    if value.ragged != key.ragged:
        raise ValueError(
            f"{who}: expected key and value on the same steps, got key {key} and value {value}."
        )
    if not value.ragged and None not in (key.shape[0], value.shape[0]) and (
        key.shape[0] != value.shape[0]
    ):  # fmt: skip
        raise ValueError(
            f"{who}: expected key and value on the same steps, got {key.shape[0]} and "
            f"{value.shape[0]} of them."
        )
    if key.lengths is not None and value.lengths is not None:
        differs = key.lengths.differs(value.lengths)
        if differs is not None:
            raise ValueError(
                f"{who}: expected key and value on the same steps, but of a sequence of {differs} "
                f"key has {key.lengths.table[differs]} and value {value.lengths.table[differs]}."
            )
    if causal and not query.ragged and len(query.shape) == 1:
        raise ValueError(
            f"{who}: use_causal_mask=True needs a query for each step, got one row a sequence, "
            f"{query}, which has no position. Leave it out."
        )


def _unfit(who: str, name: str, spec: Spec, more: str) -> NoReturn:
    raise ValueError(
        f"{who}: expected {name} as (batch, steps*, feature) or (batch, time, feature){more}, got "
        f"{spec}. Ids go through Embedding first; several axes a step through Reshape."
    )


def check_batches(who: str, query: Batch, value: Batch, key: Batch) -> None:
    """Raises where the inputs are not of one batch, or key and value not on the same steps."""
    for name, other in (("value", value), ("key", key)):
        if rows_of(other) != rows_of(query):
            raise ValueError(
                f"{who}: expected one batch, got {rows_of(query)} sequences as query and "
                f"{rows_of(other)} "
                f"as {name}."
            )
    if key is value:
        return
    of_key, of_value = layouts_of(key, value)
    if not of_key.agrees(of_value):
        raise ValueError(
            f"{who}: expected key and value on the same steps: {of_key.difference(of_value)}."
        )
