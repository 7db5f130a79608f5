"""Which columns of a table are x, y and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...errors import unknown
from .forms import Asked, Whole

_PARTS = ("x", "y", "sample_weight")
# The words that Transformers has for the ids and their labels.
_IDS, _LABELS = "input_ids", "labels"


def wanted(names: Sequence[str], asked: Asked) -> Whole:
    """The names of the columns that are x, y and weights, each one, a list or a dict by input.

    Where nothing was said, columns that are called as the model's inputs and outputs are those;
    else the only column is x.

    Raises:
        ValueError: nothing was said and it cannot be told, or there is no such column.
    """
    if asked.columns is None:
        return _by_names(names, asked)
    found = _said(asked.columns, asked.who)
    for part in found:
        for name in _flat(part):
            if name not in names:
                raise unknown(f"{asked.who}: columns", "column", name, names)
    return found


def chosen(names: Sequence[str], get: Callable[[str], Any], asked: Asked) -> Whole:
    """The columns that are x, y and weights.

    Args:
        names: of all columns.
        get: gives a column by its name.
        asked: what was said of them.
    """
    return picked(wanted(names, asked), get)


def picked(by: Whole, get: Callable[[str], Any]) -> Whole:
    """What these names stand for, in the same arrangement."""

    def pick(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: get(column) for name, column in part.items()}
        if isinstance(part, list):
            return tuple(get(column) for column in part)
        return None if part is None else get(part)

    return Whole(*map(pick, by))


def used(by: Whole) -> list[str]:
    """Every column that is wanted, each once, in order."""
    return list(dict.fromkeys(name for part in by for name in _flat(part)))


def _flat(part: Any) -> list[str]:
    if part is None:
        return []
    return (
        [part] if isinstance(part, str) else list(part.values() if isinstance(part, dict) else part)
    )


def _said(columns: Any, who: str) -> Whole:
    """What `columns=` says: a name for x; (x, y, weight); or a dict of these by their words."""
    if isinstance(columns, str):
        return Whole(columns)
    if isinstance(columns, dict) and columns and set(columns) <= {*_PARTS}:
        parts = [columns.get(part) for part in _PARTS]
    elif isinstance(columns, (tuple, list)) and 1 <= len(columns) <= 3:
        parts = [*columns, None, None][:3]
    else:
        raise _misunderstood(columns, who)
    for part in parts:
        if not all(isinstance(name, str) for name in _flat_of_any(part)):
            raise _misunderstood(columns, who)
    return Whole(*(list(p) if isinstance(p, tuple) else p for p in parts))


def _flat_of_any(part: Any) -> list[Any]:
    if isinstance(part, dict):
        return list(part.values())
    if isinstance(part, (list, tuple)):
        return list(part)
    return [] if part is None else [part]


def _misunderstood(columns: Any, who: str) -> ValueError:
    return ValueError(
        f"{who}: expected columns as ('x column', 'y column') or ('x column', 'y column', 'weight "
        "column'), or a dict of 'x', 'y' and 'sample_weight'; of several inputs each is a list "
        f"of names or a dict by input, got {columns!r}."
    )


def _by_names(names: Sequence[str], asked: Asked) -> Whole:
    inputs, outputs = asked.inputs or [], asked.outputs or []
    if inputs and all(name in names for name in inputs):
        x: Any = {name: name for name in inputs}
    elif _IDS in names and len(inputs) <= 1:
        x = _IDS
    elif len(names) == 1 and len(inputs) <= 1:
        x = names[0]
    else:
        raise _which(names, asked)
    if outputs and all(name in names for name in outputs):
        y: Any = {name: name for name in outputs}
    elif _LABELS in names and len(outputs) <= 1:
        y = _LABELS
    elif asked.targets:
        raise _which(names, asked)
    else:
        y = None
    weight = "sample_weight" if "sample_weight" in names else None
    return Whole(x, y, weight)


def _which(names: Sequence[str], asked: Asked) -> ValueError:
    shown = ", ".join(repr(name) for name in list(names)[:10]) + (
        ", ..." if len(names) > 10 else ""
    )
    first = names[0] if names else "words"
    second = names[1] if len(names) > 1 else "tags"
    way = f"columns=({first!r}, {second!r})" if asked.targets else f"columns={first!r}"
    what = "x and y" if asked.targets else "x"
    return ValueError(
        f"{asked.who}: which of the columns {shown} are {what} is not said. Say it: {way}."
    )
