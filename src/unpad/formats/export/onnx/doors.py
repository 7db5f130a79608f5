"""From the grids that a runtime's caller has to steps end to end, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from onnx import ValueInfoProto, helper
from torch import Tensor

from ....ragged import Ragged
from .builder import TYPES, Builder, Value
from .operators.indexing import sequence_ids


class Entry(NamedTuple):
    """A grid that has come in.

    Args:
        offsets: the name of its sequences' offsets, by which what is on the same steps is known.
        real: (batch, time) bool, True where a step is.
        at: (steps, 2) sequence and slot of each step.
        time: the name of its axis.
    """

    offsets: str
    real: str
    at: str
    time: str


def described(name: str, dtype: torch.dtype, shape: Sequence[Any]) -> ValueInfoProto:
    """An input or output of the model, for its reader: sizes, or names of sizes."""
    return helper.make_tensor_value_info(name, TYPES[dtype], list(shape))


def enter(
    g: Builder, name: str, beside: str, likes: Sequence[Tensor], padding: str, alone: bool
) -> tuple[list[ValueInfoProto], list[Value], Entry]:
    """A grid and what says which of its slots are steps, to values, offsets and slots.

    Args:
        g: written into.
        name: of the grid.
        beside: the name of its lengths, or of its mask.
        likes: torch's values, offsets and, where the graph has them, slots.
        padding: the side on which the grid is padded; "mask" where a mask says which are steps.
        alone: whether it is the only one, so that its axis is plainly called "time".
    """
    values, *_ = likes
    time = "time" if alone else f"{name}_time"
    feature = [int(n) for n in values.shape[1:]]
    inputs = [described(name, values.dtype, ["batch", time, *feature])]
    if padding == "mask":
        inputs.append(described(beside, torch.bool, ["batch", time]))
        real = beside
    else:
        inputs.append(described(beside, torch.int64, ["batch"]))
        width = g.op("Squeeze", g.op("Shape", name, start=1, end=2))
        slot, lengths = g.count(width), g.op("Unsqueeze", beside, [1])
        if padding == "pre":
            first = g.op("Sub", width, lengths)
            real = g.op("Not", g.op("Less", slot, first))
        else:
            real = g.op("Less", slot, lengths)
    steps = g.op("Reshape", name, [-1, *feature])
    taken = g.op("Compress", steps, g.op("Reshape", real, [-1]), axis=0)
    counts = g.op("ReduceSum", g.op("Cast", real, to=TYPES[torch.int64]), [1], keepdims=0)
    ends = g.op("Concat", [0], g.op("CumSum", counts, 0), axis=0)
    at = g.op("NonZero", real)
    entry = Entry(ends, real, g.op("Transpose", at, perm=[1, 0]), time)
    names = (taken, ends, g.op("Gather", at, 1, axis=0))
    return inputs, [Value(n, like) for n, like in zip(names, likes, strict=False)], entry


def leave(
    g: Builder, name: str, beside: str, batch: Ragged, entries: Sequence[Entry], padding: str
) -> list[ValueInfoProto]:
    """Steps end to end to a grid: that which they came in by, or one of their own.

    Args:
        g: written into.
        name: of the grid.
        beside: the name of its lengths, which are an output too where no input has them.
        batch: of Values.
        entries: the grids that have come in.
        padding: the side on which a grid of its own is padded.
    """
    values: Any = batch.values
    own: Any = batch.layout.own
    feature = [int(n) for n in values.shape[1:]]
    entry = next((e for e in entries if e.offsets == own.offsets.name), None)
    if entry is not None:
        sizes = g.op("Concat", g.op("Shape", entry.real), feature, axis=0) if feature else (
            g.op("Shape", entry.real)
        )  # fmt: skip
        _scatter(g, name, sizes, entry.at, values)
        return [described(name, values.dtype, ["batch", entry.time, *feature])]
    offsets = own.offsets.name
    lengths = g.op("Sub", g.slice(offsets, 1, 2**31 - 1), g.slice(offsets, 0, -1))
    ids, places = sequence_ids(g, lengths)
    if own.slots is not None:
        # Steps that a layer has left out leave their slots empty.
        places, time = own.slots.name, entries[0].time
        width = g.op("Shape", entries[0].real, start=1, end=2)
    else:
        time = f"{name}_time"
        width = g.op("ReduceMax", g.op("Concat", lengths, [0], axis=0), keepdims=1)
        if padding == "pre":
            shift = g.op("Sub", width, lengths)
            places = g.op("Add", places, g.op("Gather", shift, ids, axis=0))
    at = g.op("Concat", *(g.op("Unsqueeze", n, [1]) for n in (ids, places)), axis=1)
    sizes = g.op("Concat", g.op("Shape", lengths), width, *([feature] if feature else []), axis=0)
    _scatter(g, name, sizes, at, values)
    g.nodes.append(helper.make_node("Identity", [lengths], [beside]))
    return [
        described(name, values.dtype, ["batch", time, *feature]),
        described(beside, torch.int64, ["batch"]),
    ]


def _scatter(g: Builder, name: str, sizes: str, at: str, values: Value) -> None:
    empty = g.op("Expand", g.number(0, values.dtype), sizes)
    g.nodes.append(helper.make_node("ScatterND", [empty, at, values.name], [name]))
