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


class _Growing:
    """What both are: whose attribute it is, and under which name.

    Args:
        owner: the layer.
        name: of the attribute.
    """

    #: Puts in what a copy is made of.
    _fill: Any

    def __init__(self, owner: Any, name: str) -> None:
        super().__init__()
        self.owner, self.name = owner, name

    def __reduce__(self) -> Any:
        plain: Any = type(self).__bases__[1]
        return type(self).__new__, (type(self),), (self.owner, self.name, plain(self))

    def __setstate__(self, state: Any) -> None:
        self.owner, self.name, parts = state  # whose copy has its own list of torch's
        type(self)._fill(self, parts)


class GrowingList(_Growing, list[Any]):
    """An empty list that someone has set of a layer; the layers put into it are the layer's."""

    _fill = list.extend
    append, extend, insert, pop, remove, clear, __setitem__, __delitem__, __iadd__ = (
        _then_held(name, list)
        for name in (
            "append", "extend", "insert", "pop", "remove", "clear", "__setitem__", "__delitem__",
            "__iadd__",
        )
    )  # fmt: skip


class GrowingDict(_Growing, dict[Any, Any]):
    """The same of a dict."""

    _fill = dict.update
    update, pop, popitem, clear, setdefault, __setitem__, __delitem__ = (
        _then_held(name, dict)
        for name in (
            "update", "pop", "popitem", "clear", "setdefault", "__setitem__", "__delitem__",
        )
    )  # fmt: skip
