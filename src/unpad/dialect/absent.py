"""Parts of Keras that are not here, and what does their work."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from .not_taken import NOT_TAKEN


def absent(name: str, known: Iterable[str] = (), shown: str | None = None) -> str:
    """The text of an error: that a part is not here, and what to use.

    Args:
        name: below `keras`, as "datasets" or "layers.Conv2D".
        known: what there is beside it.
        shown: how it was asked for.

    Example:
        >>> absent("applications")
        'keras.applications: not here: images are out of scope.'
    """
    shown = shown or f"keras.{name}"
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        instead = NOT_TAKEN.get(".".join(parts[:count]))
        if instead is not None:
            return f"{shown}: not here: {instead}"
    near = difflib.get_close_matches(parts[-1], list(known), n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "unpad has what sequences need."
    return f"{shown}: not here. {hint}"
