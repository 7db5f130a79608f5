"""Layers that are put into a list or a dict after it has become an attribute of a layer.

    self.blocks = []
    for _ in range(depth):
        self.blocks.append(Dense(8))

Torch finds modules in its own kinds of lists and dicts only, which these make of what they hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def _then_held(name: str, kind: type) -> Callable[..., Any]:
    """The method of a list or dict, after which its owner holds what it holds."""
    plain = getattr(kind, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = plain(self, *args, **kwargs)
        hold(self)
        return found

    method.__name__, method.__doc__ = name, plain.__doc__
    return method


def hold(held: Any) -> None:
    """Has the owner hold the modules among these, if they are all that there is."""
    owner, name, named = held.owner, held.name, isinstance(held, dict)
    parts: list[Any] = [*(held.values() if named else held)]
    if parts and all(isinstance(part, torch.nn.Module) for part in parts):
        kind: Any = torch.nn.ModuleDict if named else torch.nn.ModuleList
        for part in parts:
            owner._check_held(name, part)
        owner._modules[name] = kind(held)
    else:
        owner._modules.pop(name, None)


class GrowingList(list[Any]):
    """An empty list that someone has set of a layer; the layers put into it are the layer's.

    Args:
        owner: the layer.
        name: of the attribute.
    """

    def __init__(self, owner: Any, name: str) -> None:
        super().__init__()
        self.owner, self.name = owner, name

    def __reduce__(self) -> Any:
        return GrowingList.__new__, (GrowingList,), (self.owner, self.name, list(self))

    def __setstate__(self, state: Any) -> None:
        self.owner, self.name, parts = state  # whose copy has its own list of torch's
        super().extend(parts)

    append, extend, insert, pop, remove, clear, __setitem__, __delitem__, __iadd__ = (
        _then_held(name, list)
        for name in (
            "append", "extend", "insert", "pop", "remove", "clear", "__setitem__", "__delitem__",
            "__iadd__",
        )
    )  # fmt: skip


class GrowingDict(dict[Any, Any]):
    """The same of a dict.

    Args:
        owner: the layer.
        name: of the attribute.
    """

    def __init__(self, owner: Any, name: str) -> None:
        super().__init__()
        self.owner, self.name = owner, name

    def __reduce__(self) -> Any:
        return GrowingDict.__new__, (GrowingDict,), (self.owner, self.name, dict(self))

    def __setstate__(self, state: Any) -> None:
        self.owner, self.name, parts = state
        super().update(parts)

    update, pop, popitem, clear, setdefault, __setitem__, __delitem__ = (
        _then_held(name, dict)
        for name in (
            "update", "pop", "popitem", "clear", "setdefault", "__setitem__", "__delitem__",
        )
    )  # fmt: skip
