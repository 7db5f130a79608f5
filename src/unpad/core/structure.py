"""Things in lists of lists: a cell's states, a call's arguments, a model's outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def flat(tree: Any) -> list[Any]:
    """The entries of lists of lists and of dicts, in order; of anything else the thing itself."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in flat(part)]
    return [tree]


def arranged(states: Iterator[Any], like: Any) -> Any:
    """The inverse of `flat`: lists as in `like`, filled in order."""
    if isinstance(like, (list, tuple)):
        return [arranged(states, part) for part in like]
    return next(states)
