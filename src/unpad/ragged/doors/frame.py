"""Long frames, a row a step: in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import unknown
from ..layout import Layout
from ..numbers import is_numeric, to_tensor
from ..parts import Parts

_WHO = "Ragged.from_frame"


def from_frame(
    frame: Any, *, by: str, time: str | None, columns: str | Sequence[str] | None
) -> Parts:
    """See `Ragged.from_frame`."""
    names, get = _columns_of(frame)
    if columns is None:
        columns = [name for name in names if name not in (by, time)]
    wanted = [columns] if isinstance(columns, str) else list(columns)
    for name in [by, *([] if time is None else [time]), *wanted]:
        if name not in names:
            raise unknown(_WHO, "column", name, names)
    if not wanted:
        raise ValueError(f"{_WHO}: there is no column beside {by!r}. Name the features: columns=.")
    keys, missing = get(by)
    _refuse_missing(missing, by)
    order, lengths = _order(keys)
    if time is not None:
        times, missing = get(time)
        _refuse_missing(missing, time)
        order = _sorted(order, lengths, times)
    parts, there = zip(*(_numbers(*get(name), name) for name in wanted), strict=True)
    values = parts[0] if isinstance(columns, str) else torch.stack(_alike(parts), -1)
    layout = Layout.from_lengths(lengths)
    values, real = values[order], torch.stack(there)[:, order]
    torn = real.any(0) & ~real.all(0)
    if bool(torn.any()):
        row = int(order[int(torn.to(torch.uint8).argmax())])
        raise ValueError(
            f"{_WHO}: of the columns of row {row} some are null and others not. A step is there or "
            "is not: make all of them null, or fill them in."
        )
    kept = real.all(0)
    if not bool(kept.all()):
        values, layout = values[kept], layout.keep(kept)
    return Parts(values, layout, True)


Get = Callable[[str], tuple[np.ndarray, np.ndarray | None]]


def _columns_of(frame: Any) -> tuple[list[str], Get]:
    """The names of columns, and what gives one as numbers and where it is null."""
    if hasattr(frame, "to_arrow"):
        frame = frame.to_arrow()
    if hasattr(frame, "column_names"):
        return list(frame.column_names), lambda name: _of_arrow(frame[name])
    if hasattr(frame, "columns") and hasattr(frame, "iloc"):
        return [str(c) for c in frame.columns], lambda name: _of_pandas(frame[name])
    raise ValueError(
        f"{_WHO}: expected a frame of pandas or polars or an Arrow table, got "
        f"{type(frame).__name__}. An array: Ragged.from_padded; lists: Ragged.from_list."
    )


def _of_arrow(column: Any) -> tuple[np.ndarray, np.ndarray | None]:
    missing = None
    if column.null_count:
        missing = np.asarray(column.is_null().to_numpy())
    return np.asarray(column.to_numpy()), missing


def _of_pandas(series: Any) -> tuple[np.ndarray, np.ndarray | None]:
    missing = np.asarray(series.isna())
    if not missing.any():
        return np.asarray(series), None
    if series.dtype.kind == "f" and isinstance(series.dtype, np.dtype):
        # pandas has no null beside NaN in a column of floats.
        return np.asarray(series), missing
    if hasattr(series.dtype, "numpy_dtype"):
        return np.asarray(series.fillna(0).astype(series.dtype.numpy_dtype)), missing
    return np.asarray(series.fillna(0)), missing


def _refuse_missing(missing: np.ndarray | None, name: str) -> None:
    if missing is not None and missing.any():
        raise ValueError(
            f"{_WHO}: column {name!r} is null in row {int(missing.argmax())}. Leave such rows out."
        )


def _order(keys: np.ndarray) -> tuple[Tensor, Tensor]:
    """The rows, those of a sequence together, in the order of first appearance; and the lengths."""
    _, first, group, counts = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(len(first), np.int64)
    appear = first.argsort()
    rank[appear] = np.arange(len(first))
    order = rank[group.reshape(-1)].argsort(kind="stable")
    return torch.from_numpy(order), torch.from_numpy(counts[appear].astype(np.int64))


def _sorted(order: Tensor, lengths: Tensor, times: np.ndarray) -> Tensor:
    """The rows of each sequence by time."""
    ids = np.repeat(np.arange(len(lengths)), lengths.numpy())
    return order[torch.from_numpy(np.lexsort((times[order.numpy()], ids)))]


def _numbers(values: np.ndarray, missing: np.ndarray | None, name: str) -> tuple[Tensor, Tensor]:
    if values.dtype == object and missing is not None:
        values = np.array([0 if gone else v for v, gone in zip(values, missing, strict=True)])
    if not is_numeric(values):
        raise ValueError(f"{_WHO}: expected numbers in column {name!r}, got {values.dtype}.")
    there = np.ones(len(values), bool) if missing is None else ~missing
    return to_tensor(values, f"{_WHO}: column {name!r}"), torch.from_numpy(there)


def _alike(parts: Sequence[Tensor]) -> list[Tensor]:
    widest = parts[0].dtype
    for part in parts:
        widest = torch.promote_types(widest, part.dtype)
    return [part.to(widest) for part in parts]
