"""A model as ONNX: grids and lengths in, the same out, and between them steps end to end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import onnx
import torch
from onnx import helper
from torch import Tensor
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils import _pytree

from ....ragged import Layout, Ragged
from ..graph import graph
from .builder import Builder, Value
from .doors import Entry, described, enter, leave
from .translation import Untranslatable, write

#: The oldest version of ONNX's operators that has all that is written.
OLDEST = 18


def program_of(model: torch.nn.Module, *inputs: Any) -> ExportedProgram:
    """Torch's graph of a model for steps in any slots of a grid, not the first ones alone.

    Args:
        model: a layer or a model.
        inputs: a batch, Ragged or tensors.
    """
    return graph(model, *map(_with_slots, inputs))


def _with_slots(batch: Any) -> Any:
    if not isinstance(batch, Ragged):
        return batch
    own = batch.layout.own
    layout = Layout(own.offsets, own.places, max(own.time, 1))
    return Ragged(batch.values, layout)


def to_onnx(
    program: ExportedProgram,
    input_names: Sequence[str],
    output_names: Sequence[str] | None = None,
    padding: str = "post",
    mask: bool = False,
    opset: int = OLDEST,
) -> onnx.ModelProto:
    """Torch's graph in ONNX's operators, between grids.

    Args:
        program: of `graph`, whose steps stand in the first slots, or of `program_of`.
        input_names: of the inputs, in order. Beside a sequence stands its "lengths", or its "mask",
            with its name in front where there are several.
        output_names: of the outputs; by default "output", or "output_0" and so on.
        padding: "post" or "pre", the side on which grids are padded.
        mask: whether a mask (batch, time) says which slots are steps, instead of lengths.
        opset: of ONNX's operators.

    Raises:
        Untranslatable: ONNX has no operators for a part of it.
    """
    g = Builder()
    side = "mask" if mask else padding
    user = [o.arg for o in program.graph_signature.output_specs if o.kind == OutputKind.USER_OUTPUT]
    out_spec: Any = program.call_spec.out_spec
    count = len(_several(_pytree.tree_unflatten([arg.name for arg in user], out_spec)))
    if output_names is None:
        output_names = ["output"] if count == 1 else [f"output_{i}" for i in range(count)]
    names = _Names.of(g, input_names, output_names, side)
    given, infos, entries = _inputs(g, program, names, side)
    found = write(g, program.graph_module, given)
    kinds = [spec.kind for spec in program.graph_signature.output_specs]
    leaves = [x for x, kind in zip(found, kinds, strict=True) if kind == OutputKind.USER_OUTPUT]
    given_out = []
    for pair, output in zip(
        names.outputs, _several(_pytree.tree_unflatten(leaves, out_spec)), strict=True
    ):
        given_out += _output(g, *pair, output, entries, padding)
    made = helper.make_graph(_needed(g, given_out), "unpad", infos, given_out, g.initializers)
    used = _names_used(made)
    kept = [w for w in g.initializers if w.name in used]
    del made.initializer[:]
    made.initializer.extend(kept)
    written = helper.make_model(
        made,
        producer_name="unpad",
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=helper.find_min_ir_version_for([helper.make_opsetid("", opset)]),
    )
    helper.set_model_props(written, {"padding": side})
    return written


class _Names(NamedTuple):
    """What inputs and outputs are called, which nothing within the graph is.

    Args:
        inputs: of each its name, and that of its lengths or mask beside others'.
        alone: the name of the lengths or the mask of the only sequences.
        outputs: of each its name, and that of its lengths.
    """

    inputs: list[tuple[str, str]]
    alone: str
    outputs: list[tuple[str, str]]

    @staticmethod
    def of(g: Builder, inputs: Sequence[str], outputs: Sequence[str], side: str) -> _Names:
        word = "mask" if side == "mask" else "lengths"
        first = [g.fresh(name) for name in inputs]
        alone, last = g.fresh(word), [g.fresh(name) for name in outputs]
        beside = [g.fresh(f"{name}_{word}") for name in first]
        lengths = [g.fresh(f"{name}_lengths") for name in last]
        return _Names([*zip(first, beside, strict=True)], alone, [*zip(last, lengths, strict=True)])


def _inputs(
    g: Builder, program: ExportedProgram, names: _Names, side: str
) -> tuple[list[Any], list[Any], list[Entry]]:
    """What stands for the placeholders; the inputs' descriptions; the grids among them."""
    likes = {n.name: n.meta.get("val") for n in program.graph.nodes if n.op == "placeholder"}
    held: dict[str, Any] = {}
    users: list[str] = []
    for spec in program.graph_signature.input_specs:
        name, target = spec.arg.name, spec.target
        if spec.kind == InputKind.USER_INPUT:
            users.append(name)
            continue
        table: Any = program.constants if target in program.constants else program.state_dict
        tensor = table[target]
        if isinstance(tensor, Tensor):
            held[name] = Value(g.weight(str(target).removeprefix("model."), tensor), likes[name])
    in_spec: Any = program.call_spec.in_spec
    (trees, _) = _pytree.tree_unflatten(users, in_spec)
    several = sum(isinstance(tree, Ragged) for tree in trees) > 1
    infos, entries = [], []
    for (name, beside), tree in zip(names.inputs, trees, strict=True):
        if not isinstance(tree, Ragged):
            like = likes[tree]
            infos.append(described(name, like.dtype, ["batch", *map(int, like.shape[1:])]))
            held[tree] = Value(name, like)
            continue
        own = tree.layout.own
        parts = [tree.values, own.offsets, *([] if own.slots is None else [own.slots])]
        if not all(isinstance(part, str) for part in parts):
            raise NotImplementedError("sequences of sequences")
        found, values, entry = enter(
            g, name, beside if several else names.alone, [likes[str(p)] for p in parts], side,
            not several,
        )  # fmt: skip
        held |= dict(zip(parts, values, strict=False))
        infos += found
        entries.append(entry)
    return [held.get(n.name) for n in program.graph.nodes if n.op == "placeholder"], infos, entries


def _several(outputs: Any) -> list[Any]:
    """The outputs one after another, whatever they came in."""
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    if not isinstance(outputs, (list, tuple)):
        return [outputs]
    return [part for output in outputs for part in _several(output)]


def _output(
    g: Builder, name: str, beside: str, output: Any, entries: Sequence[Entry], padding: str
) -> list[Any]:
    if isinstance(output, Ragged):
        if isinstance(output.values, Ragged):
            raise NotImplementedError("sequences of sequences")
        return leave(g, name, beside, output, entries, padding)
    if not isinstance(output, Value):
        raise NotImplementedError(f"an output that is {output!r}, and no tensor")
    g.nodes.append(helper.make_node("Identity", [output.name], [name]))
    first, *rest = [
        n if type(n) is int else f"{name}_axis_{i}" for i, n in enumerate(output.shape)
    ] or [None]
    shape = [] if first is None else [first if type(first) is int else "batch", *rest]
    return [described(name, output.dtype, shape)]


def _needed(g: Builder, outputs: Sequence[Any]) -> list[onnx.NodeProto]:
    """The nodes that the outputs hang on."""
    wanted = {info.name for info in outputs}
    kept = []
    for node in reversed(g.nodes):
        if wanted.isdisjoint(node.output):
            continue
        kept.append(node)
        wanted.update(_reads(node))
    return kept[::-1]


def _reads(node: onnx.NodeProto) -> set[str]:
    """The names that a node reads, those of the graphs within it too."""
    found = set(node.input)
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            for inner in attribute.g.node:
                found |= _reads(inner)
    return found


def _names_used(made: onnx.GraphProto) -> set[str]:
    return set().union(*(_reads(node) for node in made.node), (o.name for o in made.output))


__all__ = ["OLDEST", "Untranslatable", "program_of", "to_onnx"]
