"""Columns of a file as sequences: words become ids, in the order in which they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..ragged import Ragged


def column(path: str, name: str, vocabulary: dict[str, int], first: int) -> Any:
    """A column of a Parquet file: lists as a Ragged, single values as an array.

    Args:
        path: of the file.
        name: of the column.
        vocabulary: ids of words, which grows with those that are new.
        first: the id of the first word.

    Raises:
        ValueError: the file cannot be read, or has no such column, or no rows.
    """
    rows = values(path, name)

    def number(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return vocabulary.setdefault(value, len(vocabulary) + first)

    if isinstance(rows[0], (list, tuple)):
        return Ragged.from_list([np.array([number(v) for v in row]) for row in rows])
    return np.array([number(row) for row in rows])


def values(path: str, name: str) -> list[Any]:
    """A column of a Parquet file as it is.

    Raises:
        ValueError: the file cannot be read, or has no such column, or no rows.
    """
    if not Path(path).is_file():
        raise ValueError(f"doctor: there is no file {path}.")
    try:
        from pyarrow import parquet

        table = parquet.read_table(path)
    except (ImportError, OSError) as error:
        raise ValueError(f"doctor: {path} cannot be read: {error}") from None
    if name not in table.column_names:
        raise ValueError(
            f"doctor: {path} has no column {name!r}; it has {', '.join(table.column_names)}."
        )
    rows = table.column(name).to_pylist()
    if not rows:
        raise ValueError(f"doctor: {path} has no rows.")
    return rows
