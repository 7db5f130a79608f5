"""Numbers taken from places, and put there; sequences told apart by their lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..builder import Builder, Value


def sequence_ids(g: Builder, lengths: Any) -> tuple[str, str]:
    """(steps,) twice: the sequence of each step, and its place in it, of (batch,) lengths.

    They are where a grid of steps is not padding, row by row.
    """
    longest = g.op("ReduceMax", g.op("Concat", lengths, [0], axis=0), keepdims=0)
    real = g.op("Less", g.count(longest), g.op("Unsqueeze", lengths, [1]))
    found = g.op("NonZero", real)
    return g.op("Gather", found, 0, axis=0), g.op("Gather", found, 1, axis=0)


def together(g: Builder, places: Sequence[Any]) -> str:
    """(n, k): k indices of one shape side by side, as GatherND and ScatterND take them."""
    return g.op("Concat", *(g.op("Unsqueeze", i, [-1]) for i in places), axis=-1)


def _repeated(
    g: Builder, out: Tensor, x: Value, repeats: Value, axis: Any = None, output_size: Any = None
) -> str:
    """Each entry as often as its number says."""
    ids, _ = sequence_ids(g, g.cast(repeats, torch.int64))
    return g.op("Gather", x, ids, axis=0 if axis is None else axis % x.like.ndim)


def _indexed(g: Builder, out: Tensor, x: Value, indices: Sequence[Value | None]) -> str:
    """x[i], x[:, i], x[i, j] and x[mask]."""
    given = [(axis, i) for axis, i in enumerate(indices) if i is not None]
    axis, first = given[0]
    if first.dtype == torch.bool:
        if len(given) > 1:
            raise NotImplementedError("a mask beside other indices")
        rank = first.like.ndim
        if rank == 1:
            return g.op("Compress", x, first, axis=axis)
        flat = [*x.shape[:axis], _product(x.shape[axis : axis + rank]), *x.shape[axis + rank :]]
        return g.op("Compress", g.reshape(x, flat), g.op("Reshape", first, [-1]), axis=axis)
    if len(given) == 1:
        return g.op("Gather", x, g.cast(first, torch.int64), axis=axis)
    axes = [a for a, _ in given]
    if axes != list(range(axis, axis + len(axes))):
        raise NotImplementedError("indices with an axis between them")
    shape = torch.broadcast_shapes(*(i.shape for _, i in given))
    names = [_wide(g, i, shape) for _, i in given]
    if axis == 0:
        return g.op("GatherND", x, together(g, names))
    # The axes that are indexed go in front, what is taken back to their place.
    rank = x.like.ndim
    front = axes + [a for a in range(rank) if a not in axes]
    taken = g.op("GatherND", g.op("Transpose", x, perm=front), together(g, names))
    order = [len(shape) + a for a in range(axis)] + list(range(len(shape)))
    order += list(range(len(shape) + axis, out.ndim))
    return g.op("Transpose", taken, perm=order)


def _product(sizes: Sequence[Any]) -> Any:
    found: Any = 1
    for size in sizes:
        found = found * size
    return found


def _wide(g: Builder, index: Value, shape: Any) -> str:
    name = g.cast(index, torch.int64)
    return name if index.shape == shape else g.op("Expand", name, g.sizes(shape))


def _put(
    g: Builder, out: Tensor, x: Value, indices: Sequence[Value | None], new: Any, add: bool = False
) -> str:
    """x[i] = new, x[i, j] = new, x[mask] = number."""
    given = [i for i in indices if i is not None]
    if len(given) != len(indices):
        raise NotImplementedError("putting behind an axis that is not indexed")
    if given[0].dtype == torch.bool:
        if len(given) > 1 or new.like.ndim:
            raise NotImplementedError("putting several numbers by a mask")
        mask = given[0].name
        rest = out.ndim - given[0].like.ndim
        mask = g.reshape(mask, [*given[0].shape, *[1] * rest]) if rest else mask
        return g.op("Where", mask, g.cast(new, out.dtype), x)
    shape = torch.broadcast_shapes(*(i.shape for i in given))
    index = together(g, [_wide(g, i, shape) for i in given])
    new_shape = (*shape, *out.shape[len(given) :])
    name = g.op("Expand", g.cast(new, out.dtype), g.sizes(new_shape))
    return g.op("ScatterND", x, index, name, reduction="add" if add else "none")


def _rows(reduction: str) -> Callable[..., Any]:
    """Rows put at places, or added there: `index_copy` and `index_add`."""

    def write(
        g: Builder, out: Tensor, x: Value, axis: int, index: Value, new: Value, alpha: Any = 1
    ) -> str:
        axis, rank = axis % out.ndim, out.ndim
        name = g.cast(new, out.dtype)
        if alpha != 1:
            name = g.op("Mul", name, g.number(alpha, out.dtype))
        places = g.op("Unsqueeze", g.cast(index, torch.int64), [-1])
        if axis == 0:
            return g.op("ScatterND", x, places, name, reduction=reduction)
        order = [axis, *(a for a in range(rank) if a != axis)]
        back = [order.index(a) for a in range(rank)]
        rows = [g.op("Transpose", n, perm=order) for n in (x, name)]
        found = g.op("ScatterND", rows[0], places, rows[1], reduction=reduction)
        return g.op("Transpose", found, perm=back)

    return write


def _index_select(g: Builder, out: Tensor, x: Value, axis: int, index: Value) -> str:
    return g.op("Gather", x, index, axis=axis % x.like.ndim)


def _embedding(g: Builder, out: Tensor, table: Value, ids: Value, *_: Any, **__: Any) -> str:
    return g.op("Gather", table, ids, axis=0)


def _gather(g: Builder, out: Tensor, x: Value, axis: int, index: Value, **_: Any) -> str:
    return g.op("GatherElements", x, index, axis=axis)


def _take_along(g: Builder, out: Tensor, x: Value, index: Value, axis: int) -> str:
    return g.op("GatherElements", x, index, axis=axis)


def _scatter(reduction: str) -> Callable[..., Any]:
    def write(g: Builder, out: Tensor, x: Value, axis: int, index: Value, new: Any) -> str:
        if not isinstance(new, Value):
            filled = g.op("Expand", g.number(new, out.dtype), g.sizes(index.shape))
        else:
            filled = g.cast(new, out.dtype)
        return g.op("ScatterElements", x, index, filled, axis=axis, reduction=reduction)

    return write


def _bucketize(
    g: Builder,
    out: Tensor,
    x: Value,
    bounds: Value,
    *,
    out_int32: bool = False,
    right: bool = False,
) -> str:
    """How many bounds lie below each number; with `right`, or at it."""
    dtype = torch.promote_types(x.dtype, bounds.dtype)
    lowered = g.op("Unsqueeze", g.cast(x, dtype), [-1])
    kind = "LessOrEqual" if right else "Less"
    below = g.op(kind, g.cast(bounds, dtype), lowered)
    counted = g.op("ReduceSum", g.cast(Value(below, _bools(out)), torch.int64), [-1], keepdims=0)
    return g.cast(Value(counted, out.long()), out.dtype)


def _bools(like: Tensor) -> Tensor:
    return like.bool()


def _searchsorted(
    g: Builder, out: Tensor, bounds: Value, x: Value, *, right: bool = False, **_: Any
) -> str:
    return _bucketize(g, out, x, bounds, right=right)


def _segments(
    g: Builder,
    out: Tensor,
    data: Value,
    reduce: str,
    *,
    lengths: Value | None = None,
    indices: Value | None = None,
    offsets: Value | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: Any = None,
) -> str:
    """One row a sequence: the sum, mean, largest or smallest of its steps."""
    if axis or (lengths is None and offsets is None):
        raise NotImplementedError("segments along another axis")
    if lengths is not None:
        counts = lengths.name
    else:
        ends = offsets.name  # pyright: ignore
        counts = g.op("Sub", g.slice(ends, 1, 2**31 - 1), g.slice(ends, 0, -1))
    ids, _ = sequence_ids(g, counts)
    start = {"sum": 0, "mean": 0, "max": -torch.inf, "min": torch.inf, "prod": 1}[reduce]
    start = start if initial is None else initial
    kind = {"sum": "add", "mean": "add", "prod": "mul"}.get(reduce, reduce)
    filled = g.filled(out.shape, start, out.dtype)
    found = g.op("ScatterND", filled, g.op("Unsqueeze", ids, [-1]), data, reduction=kind)
    if reduce != "mean":
        return found
    if initial is None:
        counts = g.op("Max", counts, 1)
    divisor = g.reshape(counts, [out.shape[0], *[1] * (out.ndim - 1)])
    divided = g.op("Div", found, g.cast(Value(divisor, out.long()), out.dtype))
    if initial is None:
        return divided
    empty = g.op("Equal", divisor, 0)
    return g.op("Where", empty, g.number(initial, out.dtype), divided)


TRANSLATIONS: dict[str, Callable[..., Any]] = {
    "aten.repeat_interleave.self_Tensor": _repeated,
    "aten.index.Tensor": _indexed,
    "aten.index_put.default": _put,
    "aten.index_copy.default": _rows("none"),
    "aten.index_add.default": _rows("add"),
    "aten.index_select.default": _index_select,
    "aten.embedding.default": _embedding,
    "aten.gather.default": _gather,
    "aten.take_along_dim.default": _take_along,
    "aten.scatter.src": _scatter("none"),
    "aten.scatter.value": _scatter("none"),
    "aten.scatter_add.default": _scatter("add"),
    "aten.bucketize.Tensor": _bucketize,
    "aten.searchsorted.Tensor": _searchsorted,
    "aten.segment_reduce.default": _segments,
}
