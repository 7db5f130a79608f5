"""States in the arrangement that a cell has them: a tensor, a list, lists in a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def flat(states: Any) -> list[Any]:
    """The entries of a list of lists, in order; of anything else the thing itself."""
    if isinstance(states, (list, tuple)):
        return [s for part in states for s in flat(part)]
    return [states]


def arranged(states: Iterator[Any], like: Any) -> Any:
    """The inverse of `flat`: lists as in `like`, filled in order."""
    if isinstance(like, (list, tuple)):
        return [arranged(states, part) for part in like]
    return next(states)
