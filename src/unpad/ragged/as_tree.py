"""A Ragged as torch's pytree, so that torch.export, and whatever walks trees, takes one as it is.

Its leaves are what a graph computes with: values, offsets and, where there are holes, slots. The
width of the grid that a batch came from is a note on this batch, on which no graph depends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree

from .layout import Layout
from .own import Own
from .ragged import Ragged


class _Noted:
    """What is no leaf; any two are alike, so that one graph serves all grids."""

    def __init__(self, width: int | None = None, numpy: bool = False) -> None:
        self.width, self.numpy = width, numpy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Noted)

    def __hash__(self) -> int:
        return hash(_Noted)

    def __repr__(self) -> str:
        return ""


def _leaves(ragged: Ragged) -> tuple[list[Any], _Noted]:
    own = ragged.layout.own
    leaves = [ragged.values, own.offsets, *([] if own.slots is None else [own.slots])]
    width = own.width if type(own.width) is int else None
    return leaves, _Noted(width, ragged._numpy)


def _named_leaves(ragged: Ragged) -> tuple[list[tuple[Any, Any]], _Noted]:
    leaves, noted = _leaves(ragged)
    names = ("values", "offsets", "slots")
    return [(_pytree.GetAttrKey(n), leaf) for n, leaf in zip(names, leaves, strict=False)], noted


def _of_leaves(leaves: Any, noted: _Noted) -> Ragged:
    values, offsets, *rest = leaves
    slots = rest[0] if rest else None
    tensors = all(isinstance(leaf, Tensor) for leaf in (offsets, *rest))
    if tensors and type(values) is Tensor and not torch.compiler.is_compiling():
        made = Ragged(values, Layout(offsets, slots, noted.width))
        return Ragged._trusted(values, made.layout, noted.numpy)
    if tensors and isinstance(values, Tensor):
        # In a graph the number of steps is a symbol, which the values' size gives.
        layout = Layout(offsets, slots, _checked=True, steps=values.shape[0])
        return Ragged._trusted(values, layout, noted.numpy)
    return Ragged._trusted(values, _no_layout(offsets, slots), noted.numpy)


def _no_layout(offsets: Any, slots: Any) -> Layout:
    """Of what a walk over the tree has put where tensors were: names, sizes, nothing."""
    own = Own.__new__(Own)
    vars(own).update(offsets=offsets, slots=slots, width=None)
    layout = Layout.__new__(Layout)
    object.__setattr__(layout, "own", own)
    return layout


_pytree.register_pytree_node(
    Ragged,
    _leaves,
    _of_leaves,
    flatten_with_keys_fn=_named_leaves,
    serialized_type_name="unpad.Ragged",
    to_dumpable_context=lambda noted: [noted.width, noted.numpy],
    from_dumpable_context=lambda noted: _Noted(*noted),
)


@dataclass(init=False, repr=False, eq=False)
class _Fields:
    """What `dataclasses` is told of a Ragged, as which torch's FSDP and DDP find its tensors.

    `fully_shard` walks dataclasses and knows no pytree: it hangs its gathering of weights on what
    comes out of a module, and saw no tensor in a Ragged.
    """

    values: Any
    layout: Any


for _name in ("__dataclass_fields__", "__dataclass_params__"):
    setattr(Ragged, _name, getattr(_Fields, _name))
