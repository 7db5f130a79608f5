"""Data sets of Hugging Face's `datasets`: in memory or mapped, its columns, its streams."""

from __future__ import annotations

from typing import Any

from .arrow import of_table
from .forms import Asked, Pieces, Whole
from .torch_data import Examples


def hub(x: Any, asked: Asked) -> Whole | Pieces | None:
    """A Dataset, an IterableDataset or a Column of `datasets`."""
    if type(x).__module__.partition(".")[0] != "datasets":
        return None
    kind = type(x).__name__
    if isinstance(x, dict):
        names = ", ".join(repr(name) for name in x)
        raise ValueError(f"{asked.who}: got {kind} of {names}. Choose one: x[{next(iter(x))!r}].")
    if kind == "IterableColumn":
        raise ValueError(
            f"{asked.who}: got a column of a stream. Give the stream and which of its columns is "
            "what: columns=('words', 'tags')."
        )
    if kind == "Column":
        return Whole(list(x))
    if hasattr(x, "with_format") and hasattr(x, "__len__"):
        if x.format["type"] == "custom":  # a function makes its examples
            return Examples(x, asked, "the Dataset")
        return of_table(x.with_format("arrow")[:], asked)
    return Examples(x, asked, f"the {kind}") if hasattr(x, "__iter__") else None
