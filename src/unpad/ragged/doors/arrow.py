"""Arrow list columns, in and out. A list column *is* values and offsets."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..layout import Layout
from ..numbers import as_values, to_tensor
from ..parts import Parts


def from_arrow(column: Any) -> Parts:
    """See `Ragged.from_arrow`."""
    pa = _pyarrow("Ragged.from_arrow")
    if isinstance(column, pa.ChunkedArray):
        if column.num_chunks != 1:
            column = (
                pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
            )
        else:
            column = column.chunk(0)
    if not isinstance(column, pa.Array) or not is_list(column.type):
        got = column.type if isinstance(column, pa.Array) else type(column).__name__
        raise ValueError(f"Ragged.from_arrow: expected a list column, got {got}.")
    if column.null_count:
        first = column.is_null().index(True).as_py()
        raise ValueError(
            f"Ragged.from_arrow: sequence {first} is null. Drop such rows, or fill them with an "
            "empty list."
        )
    if pa.types.is_fixed_size_list(column.type):
        size = column.type.list_size
        offsets = torch.arange(len(column) + 1) * size
        steps = column.flatten()
    else:
        bounds = torch.from_numpy(np.array(column.offsets, dtype=np.int64))
        offsets = bounds - bounds[0]
        steps = column.values.slice(int(bounds[0]), int(bounds[-1] - bounds[0]))
    inner = pa.types.is_list(steps.type) or pa.types.is_large_list(steps.type)
    layout = Layout(offsets)
    if inner:
        return Parts(from_arrow(steps), layout)
    real = _real(pa, steps)
    if real is not None:
        # A null is a step that is missing: a hole, whose slot is remembered.
        steps, layout = steps.filter(real), layout.keep(torch.from_numpy(_as_numpy(real)))
    return Parts(_values(pa, steps), layout)


def rows_of(column: Any, who: str) -> Any:
    """A column of one number a row as an array, of strings as a list.

    Raises:
        ValueError: a row is null.
    """
    pa = _pyarrow(who)
    column = column.combine_chunks() if hasattr(column, "chunks") else column
    if column.null_count:
        first = column.is_null().index(True).as_py()
        raise ValueError(f"{who}: row {first} is null. Leave such rows out, or fill them.")
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.to_pylist()
    return np.array(column.to_numpy(zero_copy_only=False))


def to_arrow(values: Any, layout: Layout) -> Any:
    """See `Ragged.to_arrow`."""
    pa = _pyarrow("Ragged.to_arrow")
    if not isinstance(values, Tensor):
        array = to_arrow(values.values, values.layout)
    else:
        flat = values.detach().cpu().contiguous()
        array = pa.array(flat.reshape(-1).numpy())
        for size in reversed(values.shape[1:]):
            array = pa.FixedSizeListArray.from_arrays(array, size)
    return pa.LargeListArray.from_arrays(pa.array(layout.own.offsets.cpu().numpy()), array)


def _values(pa: Any, steps: Any) -> Tensor:
    feature: list[int] = []
    while pa.types.is_fixed_size_list(steps.type):
        _refuse_nulls(steps)
        feature.append(steps.type.list_size)
        steps = steps.flatten()
    _refuse_nulls(steps)
    if pa.types.is_boolean(steps.type):  # Arrow packs them as bits: these are copied.
        flat = torch.from_numpy(np.array(steps.to_numpy(zero_copy_only=False)))
    elif pa.types.is_integer(steps.type) or pa.types.is_floating(steps.type):
        # DLPack shares Arrow's memory, which is read-only; nothing here writes to values.
        flat = (
            as_values(torch.from_dlpack(steps), "Ragged.from_arrow")
            if len(steps)
            else _empty(pa, steps)
        )
    else:
        raise ValueError(f"Ragged.from_arrow: expected numbers in the lists, got {steps.type}.")
    return flat.reshape(-1, *feature) if feature else flat


def _real(pa: Any, steps: Any) -> Any:
    """Which steps are not null, nor hold nothing but nulls; None where all are there."""
    real = _as_numpy(steps.is_valid())
    if pa.types.is_fixed_size_list(steps.type):
        inner = _real(pa, steps.flatten())  # of those that are not null themselves
        if inner is not None:
            grid = _as_numpy(inner).reshape(-1, steps.type.list_size)
            torn = grid.any(1) & ~grid.all(1)
            if torn.any():
                step = int(real.nonzero()[0][int(torn.argmax())])
                raise ValueError(
                    f"Ragged.from_arrow: of the features of step {step} of the column's values "
                    "some are null and others not. A step is there or is not: make all of its "
                    "features null, or fill them in."
                )
            real[real] = grid.all(1)
    return None if real.all() else pa.array(real)


def _as_numpy(flags: Any) -> np.ndarray:
    return np.array(flags.to_numpy(zero_copy_only=False))


def _empty(pa: Any, steps: Any) -> Tensor:
    return to_tensor(np.zeros(0, steps.type.to_pandas_dtype()), "Ragged.from_arrow")


def _refuse_nulls(steps: Any) -> None:
    if steps.null_count:
        first = steps.is_null().index(True).as_py()
        raise ValueError(
            f"Ragged.from_arrow: step {first} of the column's values is null. Missing steps are "
            "left out of the list."
        )


def is_list(kind: Any) -> bool:
    """Whether a type is one of lists."""
    import pyarrow as pa

    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _pyarrow(who: str) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise ImportError(f"{who} needs pyarrow: pip install unpad[arrow].") from None
    return pyarrow
