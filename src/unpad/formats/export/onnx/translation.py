"""torch's graph of a model written in ONNX's operators, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree

from .builder import Builder, Value
from .operators import TRANSLATIONS
from .operators.walks import scan


class Untranslatable(Exception):
    """A node that ONNX has no operators for, and what it stands for."""

    def __init__(self, node: fx.Node, why: str) -> None:
        super().__init__(why)
        self.node, self.why = node, why


#: What a graph asserts of sizes and types, which nobody reads.
_ASSERTED = ("_assert_scalar", "_assert_tensor_metadata", "_assert_async", "sym_constrain_range")


def write(g: Builder, module: fx.GraphModule, given: Sequence[Any]) -> Any:
    """Writes a graph.

    Args:
        g: it is written into.
        module: torch's.
        given: what stands for its placeholders: Values, or constants.

    Returns:
        what it gives: Values where it has tensors.

    Raises:
        Untranslatable: an operator has no translation.
    """
    held: dict[fx.Node, Any] = {}
    entries = iter(given)
    for node in module.graph.nodes:
        if node.op == "placeholder":
            held[node] = next(entries)
            if isinstance(held[node], Value):
                g.meet(held[node])
        elif node.op == "get_attr":
            held[node] = _attribute(g, module, node)
        elif node.op == "output":
            return fx.map_arg(node.args[0], lambda n: held[n])
        else:
            try:
                held[node] = _called(g, node, held)
            except NotImplementedError as error:
                raise Untranslatable(node, str(error)) from None
    raise AssertionError("a graph ends in its output")


def _attribute(g: Builder, module: fx.GraphModule, node: fx.Node) -> Any:
    found = getattr(module, str(node.target))
    return Value(g.weight(str(node.target), found), found) if isinstance(found, Tensor) else found


def _called(g: Builder, node: fx.Node, held: dict[fx.Node, Any]) -> Any:
    like, target = node.meta.get("val"), str(node.target)
    if isinstance(like, (torch.SymInt, torch.SymBool, torch.SymFloat, int, bool)):
        if target == "aten.item.default" and isinstance(like, torch.SymInt):
            g.means(like, held[node.args[0]].name)  # pyright: ignore
        return like
    if any(part in target for part in _ASSERTED):
        return None
    arguments: Any = fx.map_arg(node.args, lambda n: held[n])
    options: Any = fx.map_arg(node.kwargs, lambda n: held[n])
    if target == "<built-in function getitem>":
        return arguments[0][arguments[1]]
    if target == "scan":
        return _scanned(g, like, *arguments)
    name, changes = _name_of(node)
    if name not in TRANSLATIONS:
        raise NotImplementedError(f"torch's operator {name}")
    found = _values(g, TRANSLATIONS[name](g, like, *arguments, **options), like)
    if changes:
        # Whoever reads what was changed in place reads this from now on.
        held[node.args[0]] = found  # pyright: ignore
    return found


def _name_of(node: fx.Node) -> tuple[str, bool]:
    """An operator's name, that of one which changes nothing where it changes its first argument."""
    target = node.target
    if not isinstance(target, torch._ops.OpOverload):
        return str(target), False
    schema = target._schema
    if not schema.is_mutable:
        return str(target), False
    first = schema.arguments[0].alias_info
    base = target._opname
    if first is None or not first.is_write or not base.endswith("_"):
        raise NotImplementedError(f"torch's operator {target}, which changes what it is given")
    source = node.args[0]
    if isinstance(source, fx.Node) and source.op == "call_function" and _is_view(source):
        raise NotImplementedError(f"torch's operator {target} on a part of a tensor")
    return f"{target.namespace}.{base[:-1]}.{target._overloadname}", True


def _is_view(node: fx.Node) -> bool:
    target = node.target
    return isinstance(target, torch._ops.OpOverload) and target.is_view


def _values(g: Builder, found: Any, like: Any) -> Any:
    """Names as Values, whose sizes are noted."""
    if isinstance(found, str):
        value = Value(found, like)
        g.meet(value)
        return value
    pairs = zip(found, like, strict=True)
    return [None if name is None else _values(g, name, part) for name, part in pairs]


def _scanned(
    g: Builder, like: Any, module: fx.GraphModule, states: Any, times: Any, shared: Any
) -> list[Any]:
    """Torch's scan: what all steps share is read from the graph around."""
    entries = [n for n in module.graph.nodes if n.op == "placeholder"]
    count = len(states) + len(times)
    likes = [n.meta["val"] for n in entries]

    def step(inner: Builder, held: list[str], taken: list[str]) -> tuple[list[str], list[str]]:
        slices = [*(s.like for s in states), *(t.like[0] for t in times)]
        values = [Value(n, x) for n, x in zip([*held, *taken], slices, strict=True)]
        found = write(inner, module, [*values, *shared])
        names = [value.name for value in found]
        return names[: len(states)], names[len(states) :]

    dtypes = [x.dtype for x in likes[:count]]
    outputs = [x.dtype for x in like[len(states) :]]
    types = dtypes[: len(states)], dtypes[len(states) :], outputs
    after, out = scan(g, step, [s.name for s in states], [t.name for t in times], types)
    return _values(g, [*after, *out], _pytree.tree_leaves(like))
