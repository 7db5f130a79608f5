"""What of a layer goes into a file, and under which path: Keras 3's paths.

A layer's weights stand at "<path>/vars/0", "1", ..., those that are trained first. What it holds
lies below it under the attribute's name, what stands in a list under its class's name in snake
case with a number, and of a Sequential or a graph all layers lie in the list "layers". So the
paths do not depend on what layers are called. What is held twice stands where it is met first;
private attributes are met last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core.layer import Layer
from ..core.operation import Operation
from ..core.stored import own_numbers
from ..core.written import is_ours
from ..layers import GroupQueryAttention, InputLayer, MultiHeadAttention
from ..layers.recurrent.recurrent import Recurrent

_HEADS = {f"{part}_projection": f"{part}_dense" for part in ("query", "key", "value", "output")}
#: Attributes that Keras's layer holds under another name.
_CALLED: dict[type, dict[str, str]] = {
    GroupQueryAttention: {
        f"{part}_projection": f"_{part}_dense"
        for part in ("query", "key", "value", "output", "gate")
    },
    MultiHeadAttention: {**_HEADS, "gate_projection": "_gate_dense"},
}

#: Layers whose class Keras calls otherwise than it exports it.
_CLASSES = {"group_query_attention": "grouped_query_attention"}


class Kept(NamedTuple):
    """One thing whose numbers stand in a file.

    Args:
        path: where; "" for the model itself.
        thing: the layer or module.
        numbers: its own, in order.
    """

    path: str
    thing: Any
    numbers: list[Tensor]

    @property
    def name(self) -> str | None:
        """What Keras calls it, where it has a name."""
        name = getattr(self.thing, "name", None)
        return name if isinstance(name, str) else None


def kept(model: Any) -> list[Kept]:
    """Everything in a model that has numbers of its own or may have, in the order of its paths."""
    return list(_kept(model, "", set()))


def _kept(thing: Any, path: str, seen: set[int]) -> Iterator[Kept]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, Recurrent) and thing.cell is thing:
        # Keras's holds its weights in a cell.
        yield Kept(path, thing, [])
        yield Kept(f"{path}/cell".lstrip("/"), _Cell(thing), own_numbers(thing))
    else:
        yield Kept(path, thing, own_numbers(thing))
    for name, child in _held(thing):
        below = f"{path}/{name}".lstrip("/")
        if isinstance(child, torch.nn.Module) and not _is_list(child):
            yield from _kept(child, below, seen)
        else:
            yield from _kept_in_list(child, below, seen)


class _Cell(NamedTuple):
    """What a recurrent layer's weights are called in Keras."""

    layer: Any

    @property
    def name(self) -> str:
        return f"{class_path(type(self.layer).__name__)}_cell"


def _kept_in_list(held: Any, path: str, seen: set[int]) -> Iterator[Kept]:
    used: dict[str, int] = {}
    for part in held.values() if isinstance(held, (dict, torch.nn.ModuleDict)) else held:
        if isinstance(part, torch.nn.Module) and not _is_list(part):
            yield from _kept(
                part, f"{path}/{_counted(class_path(type(part).__name__), used)}", seen
            )
        elif _is_list(part) or isinstance(part, (list, tuple, dict)):
            yield from _kept_in_list(part, f"{path}/{_counted('container', used)}", seen)


def _counted(name: str, used: dict[str, int]) -> str:
    used[name] = used.get(name, -1) + 1
    return f"{name}_{used[name]}" if used[name] else name


def class_path(name: str) -> str:
    """A class's name in snake case, as Keras's paths have it."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    name = re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
    return _CLASSES.get(name, name)


def _is_list(thing: Any) -> bool:
    return isinstance(thing, (torch.nn.ModuleList, torch.nn.ModuleDict))


def _held(thing: Any) -> list[tuple[str, Any]]:
    """What a thing holds by the names that Keras gives it, in the order in which Keras looks."""
    if not isinstance(thing, torch.nn.Module):
        return []
    called = next((t for kind, t in _CALLED.items() if isinstance(thing, kind)), {})
    found: dict[str, Any] = {
        called.get(name, name): child for name, child in thing._modules.items()
    }
    drawn = getattr(thing, "is_drawn", False)
    if drawn:
        own = {id(layer) for layer in layers_of(thing)}
        found = {
            name: child for name, child in found.items()
            if id(child) not in own and not isinstance(child, Operation)
        }  # fmt: skip
    if isinstance(thing, Layer) and not is_ours(type(thing)):
        found |= {n: v for n, v in vars(thing).items() if n not in _INNER and _has_modules(v)}
    if getattr(thing, "is_model", False):
        found["layers"] = layers_of(thing)
    order = sorted(
        ((n, v) for n, v in found.items() if v is not None),
        key=lambda pair: f"~{pair[0]}" if pair[0].startswith("_") else pair[0],
    )
    return sorted(order, key=lambda pair: pair[0] != "layers") if drawn else order


def layers_of(model: Any) -> list[Any]:
    """A model's layers, but for inputs, which keep nothing."""
    return [layer for layer in model.layers if not isinstance(layer, InputLayer)]


_INNER = {*vars(Layer()), *vars(torch.nn.Module())}


def _has_modules(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, (list, tuple)) and any(
        isinstance(part, torch.nn.Module) or _has_modules(part) for part in value
    )
