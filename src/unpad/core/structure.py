"""Things in lists, tuples and dicts: a cell's states, a call's arguments, a model's outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch


def flat(tree: Any) -> list[Any]:
    """The entries of lists of lists and of dicts, in order; of anything else the thing itself."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in flat(part)]
    return [tree]


def every_module(module: torch.nn.Module) -> list[torch.nn.Module]:
    """The module and all inside, each once: torch's `modules()` for a quarter of its cost."""
    found: list[torch.nn.Module] = [module]
    seen = {None, module}
    for outer in found:
        for inner in outer._modules.values():
            if inner not in seen:
                seen.add(inner)
                found.append(inner)  # pyright: ignore[reportArgumentType]
    return found


def arranged(leaves: Iterator[Any], like: Any) -> Any:
    """The inverse of `flat`: lists, tuples and dicts as in `like`, filled in order."""
    if isinstance(like, dict):
        return {key: arranged(leaves, part) for key, part in like.items()}
    if not isinstance(like, (list, tuple)):
        return next(leaves)
    parts = [arranged(leaves, part) for part in like]
    if isinstance(like, list):
        return parts
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """A function of each leaf, in the arrangement of the tree."""
    return arranged(map(function, flat(tree)), tree)


def listed(parts: list[Any], like: Any) -> Any:
    """What stands for the parts of a list or tuple: a list, but of a named tuple such a one."""
    return type(like)(*parts) if hasattr(like, "_fields") else parts


def in_order(tree: Any, like: Any) -> list[Any] | None:
    """What stands where the leaves of `like` do, in its order; None where the two are not alike.

    Lists and tuples are alike, dicts of the same keys in any order.
    """
    if isinstance(like, dict):
        if not isinstance(tree, dict) or tree.keys() != like.keys():
            return None
        pairs = [(tree[key], like[key]) for key in like]
    elif isinstance(like, (list, tuple)):
        if not isinstance(tree, (list, tuple)) or len(tree) != len(like):
            return None
        pairs = list(zip(tree, like, strict=True))
    else:
        return [tree]
    found: list[Any] = []
    for part, model in pairs:
        leaves = in_order(part, model)
        if leaves is None:
            return None
        found += leaves
    return found


def named_leaves(tree: Any, names: Iterator[str], path: str = "") -> list[str]:
    """A name for each leaf: the keys that lead to it, and its own where no key does.

    Args:
        tree: lists, tuples and dicts.
        names: the leaves' own, in order.
        path: the keys that lead here.
    """
    if isinstance(tree, dict):
        parts = [(part, f"{path}/{key}".strip("/"), True) for key, part in tree.items()]
    elif isinstance(tree, (list, tuple)):
        parts = [(part, path, False) for part in tree]
    else:
        return [path or next(names)]
    found = []
    for part, way, keyed in parts:
        if isinstance(part, (dict, list, tuple)):
            found += named_leaves(part, names, way)
        else:
            own = next(names)
            found.append(way if keyed else f"{way}/{own}".strip("/"))
    return found
