"""Parts of Keras that are not here, and what does their work."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: By their names below `keras`.
INSTEAD = {
    "applications": "images are out of scope.",
    "datasets": "give fit your own arrays or lists; many sets come with scikit-learn, aeon or the "
    "package datasets.",
    "estimator": "a model is trained with fit.",
    "preprocessing.image": "images are out of scope.",
    "preprocessing.text": "layers.TextVectorization and layers.StringLookup make ids of words.",
    "wrappers": "skorch wraps torch modules for scikit-learn, and a model is one.",
}


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
        instead = INSTEAD.get(".".join(parts[:count]))
        if instead is not None:
            return f"{shown}: not here: {instead}"
    near = difflib.get_close_matches(parts[-1], list(known), n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "unpad has what sequences need."
    return f"{shown}: not here. {hint}"
