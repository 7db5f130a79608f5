"""Frames of pandas and polars, a sequence a row: wide, with list columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrow import of_table
from .columns import picked, used, wanted
from .forms import Asked, Whole


def pandas(x: Any, asked: Asked) -> Whole | None:
    """A DataFrame of pandas."""
    if type(x).__module__.partition(".")[0] != "pandas" or not hasattr(x, "columns"):
        return None
    by = wanted([str(name) for name in x.columns], asked)
    columns = {name: x[name] for name in used(by)}
    rows = {name: c.tolist() if c.dtype == object else c for name, c in columns.items()}
    if any(hasattr(c.dtype, "pyarrow_dtype") for c in columns.values()) or _have_nulls(rows):
        try:
            import pyarrow
        except ImportError:
            raise ImportError(
                f"{asked.who}: the frame has missing steps, which need pyarrow: pip install "
                "unpad[arrow]."
            ) from None
        return of_table(pyarrow.table(rows), asked)
    return picked(
        by, lambda name: rows[name] if isinstance(rows[name], list) else np.asarray(rows[name])
    )


def _have_nulls(columns: dict[str, Any]) -> bool:
    lists = [column for column in columns.values() if isinstance(column, list)]
    return any(isinstance(row, list) and None in row for column in lists for row in column)


def polars(x: Any, asked: Asked) -> Whole | None:
    """A DataFrame of polars."""
    if type(x).__module__.partition(".")[0] != "polars":
        return None
    if type(x).__name__ == "LazyFrame":
        raise ValueError(f"{asked.who}: a LazyFrame holds nothing yet. Give x.collect().")
    if not hasattr(x, "to_arrow") or not hasattr(x, "columns"):
        return None
    return of_table(x.to_arrow(), asked)
