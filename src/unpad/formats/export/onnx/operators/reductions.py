"""Several numbers made one: sums, means, the largest; and running sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..builder import TYPES, Builder, Value


def _axes(x: Value, axes: Any) -> list[int]:
    """All of them where none is said."""
    rank = x.like.ndim
    if axes is None or axes == []:
        return list(range(rank))
    return [axis % rank for axis in ([axes] if isinstance(axes, int) else axes)]


def _over(kind: str) -> Callable[..., Any]:
    def write(
        g: Builder, out: Tensor, x: Value, axes: Any = None, keep: bool = False, **_: Any
    ) -> str:
        name = g.cast(x, out.dtype)
        if not x.like.ndim:
            return name
        return g.op(kind, name, _axes(x, axes), keepdims=int(keep))

    return write


def _logical(kind: str) -> Callable[..., Any]:
    """`any` as the largest of 0 and 1, `all` as the smallest; of nothing False and True."""

    def write(g: Builder, out: Tensor, x: Value, axes: Any = None, keep: bool = False) -> str:
        truth = x.name if x.dtype == torch.bool else g.cast(x, torch.bool)
        if kind == "all":
            truth = g.op("Not", truth)
        counted = g.op("Cast", truth, to=TYPES[torch.int64])
        if x.like.ndim:
            counted = g.op("ReduceSum", counted, _axes(x, axes), keepdims=int(keep))
        return g.op("Equal" if kind == "all" else "Greater", counted, 0)

    return write


def _variance(
    g: Builder, out: Tensor, x: Value, axes: Any = None, *, correction: Any = None,
    keepdim: bool = False,
) -> str:  # fmt: skip
    if correction not in (0, 0.0):
        raise NotImplementedError("a variance with a correction")
    found = _axes(x, axes)
    mean = g.op("ReduceMean", x, found, keepdims=1)
    apart = g.op("Sub", x, mean)
    return g.op("ReduceMean", g.op("Mul", apart, apart), found, keepdims=int(keepdim))


def _variance_mean(g: Builder, out: Any, x: Value, axes: Any = None, **more: Any) -> list[str]:
    keep = int(more.get("keepdim", False))
    mean = g.op("ReduceMean", x, _axes(x, axes), keepdims=keep)
    return [_variance(g, out[0], x, axes, **more), mean]


def _largest_and_where(kind: str) -> Callable[..., Any]:
    def write(g: Builder, out: Any, x: Value, axis: int, keep: bool = False) -> list[str]:
        axis = axis % x.like.ndim
        value = g.op(f"Reduce{kind}", x, [axis], keepdims=int(keep))
        return [value, g.op(f"Arg{kind}", x, axis=axis, keepdims=int(keep))]

    return write


def _where_largest(kind: str) -> Callable[..., Any]:
    def write(g: Builder, out: Tensor, x: Value, axis: Any = None, keep: bool = False) -> str:
        if axis is None:
            return g.op(kind, g.op("Reshape", x, [-1]), axis=0, keepdims=0)
        return g.op(kind, x, axis=axis % x.like.ndim, keepdims=int(keep))

    return write


def _log_sum(g: Builder, out: Tensor, x: Value, axes: Any, keep: bool = False) -> str:
    """By the largest, which may be minus infinity."""
    found, zero = _axes(x, axes), g.number(0.0, out.dtype)
    top = g.op("ReduceMax", x, found, keepdims=1)
    infinite = g.op("IsInf", top)
    base = g.op("Where", infinite, zero, top)
    total = g.op("ReduceSum", g.op("Exp", g.op("Sub", x, base)), found, keepdims=1)
    summed = g.op("Add", g.op("Log", total), base)
    return summed if keep else g.reshape(summed, out.shape)


def _norm(
    g: Builder,
    out: Tensor,
    x: Value,
    order: Any = 2,
    axes: Any = None,
    keep: bool = False,
    **_: Any,
) -> str:
    kind = {1: "ReduceL1", 2: "ReduceL2"}.get(order)
    if kind is None:
        raise NotImplementedError(f"a norm of order {order}")
    return g.op(kind, x, _axes(x, axes), keepdims=int(keep))


def _running_sum(g: Builder, out: Tensor, x: Value, axis: int, **_: Any) -> str:
    return g.op("CumSum", g.cast(x, out.dtype), g.number(axis % x.like.ndim, torch.int64))


def _top(g: Builder, out: Any, x: Value, k: Any, axis: int = -1, *more: Any) -> list[str]:
    largest = int(more[0]) if more else 1
    count = g.sizes([k])
    return g.ops("TopK", 2, x, count, axis=axis % x.like.ndim, largest=largest, sorted=1)


TRANSLATIONS: dict[str, Callable[..., Any]] = {
    "aten.mean.dim": _over("ReduceMean"),
    "aten.mean.default": _over("ReduceMean"),
    "aten.sum.dim_IntList": _over("ReduceSum"),
    "aten.sum.default": _over("ReduceSum"),
    "aten.prod.dim_int": _over("ReduceProd"),
    "aten.amax.default": _over("ReduceMax"),
    "aten.amin.default": _over("ReduceMin"),
    "aten.max.default": _over("ReduceMax"),
    "aten.min.default": _over("ReduceMin"),
    "aten.max.other": lambda g, out, x, y: g.op("Max", g.cast(x, out.dtype), g.cast(y, out.dtype)),
    "aten.max.dim": _largest_and_where("Max"),
    "aten.min.dim": _largest_and_where("Min"),
    "aten.argmax.default": _where_largest("ArgMax"),
    "aten.argmin.default": _where_largest("ArgMin"),
    "aten.any.dim": _logical("any"),
    "aten.any.default": _logical("any"),
    "aten.all.dim": _logical("all"),
    "aten.all.default": _logical("all"),
    "aten.var.correction": _variance,
    "aten.var_mean.correction": _variance_mean,
    "aten.logsumexp.default": _log_sum,
    "aten.linalg_vector_norm.default": _norm,
    "aten.cumsum.default": _running_sum,
    "aten.topk.default": _top,
}
