"""Things in lists of lists: a cell's states, a call's arguments, a model's outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch


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


def every_module(module: torch.nn.Module) -> list[torch.nn.Module]:
    """The module and all inside, each once: torch's `modules()` for a quarter of its cost."""
    found = [module]
    seen = {id(module)}
    for outer in found:
        for inner in outer._modules.values():
            if inner is not None and id(inner) not in seen:
                seen.add(id(inner))
                found.append(inner)
    return found
