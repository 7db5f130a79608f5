"""Products of matrices, normalisation, attention, windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..builder import Builder, Value


def _matmul(g: Builder, out: Tensor, x: Value, y: Value) -> str:
    return g.op("MatMul", x, y)


def _affine(g: Builder, out: Tensor, bias: Value, x: Value, y: Value, **_: Any) -> str:
    return g.op("Add", g.op("MatMul", x, y), bias)


def _linear(g: Builder, out: Tensor, x: Value, weight: Value, bias: Value | None = None) -> str:
    product = g.op("MatMul", x, g.op("Transpose", weight, perm=[1, 0]))
    return product if bias is None else g.op("Add", product, bias)


def _einsum(g: Builder, out: Tensor, equation: str, parts: Sequence[Value], **_: Any) -> str:
    return g.op("Einsum", *parts, equation=equation)


def _softmax(g: Builder, out: Tensor, x: Value, axis: int, dtype: Any = None) -> str:
    return g.op("Softmax", g.cast(x, out.dtype), axis=axis)


def _log_softmax(g: Builder, out: Tensor, x: Value, axis: int, dtype: Any = None) -> str:
    return g.op("LogSoftmax", g.cast(x, out.dtype), axis=axis)


def _attention(
    g: Builder,
    out: Tensor,
    query: Value,
    key: Value,
    value: Value,
    mask: Value | None = None,
    dropout: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> str:
    if enable_gqa:
        raise NotImplementedError("attention that groups its queries")
    rank = query.like.ndim
    turned = g.op("Transpose", key, perm=[*range(rank - 2), rank - 1, rank - 2])
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = g.op("MatMul", g.op("Mul", query, g.number(factor, out.dtype)), turned)
    if mask is not None and mask.dtype != torch.bool:
        return g.op("MatMul", g.op("Softmax", g.op("Add", scores, mask), axis=-1), value)
    if is_causal:
        asking = g.op("Unsqueeze", g.count(g.number(query.shape[-2], torch.int64)), [1])
        visible = g.op("LessOrEqual", g.count(g.number(key.shape[-2], torch.int64)), asking)
    elif mask is None:
        return g.op("MatMul", g.op("Softmax", scores, axis=-1), value)
    else:
        visible = mask.name
    scores = g.op("Where", visible, scores, g.number(-torch.inf, out.dtype))
    shares = g.op("Softmax", scores, axis=-1)
    # A row that looks at nothing gives 0.
    shares = g.op("Where", visible, shares, g.number(0.0, out.dtype))
    return g.op("MatMul", shares, value)


def _layer_norm(
    g: Builder,
    out: Tensor,
    x: Value,
    shape: Sequence[int],
    weight: Value | None = None,
    bias: Value | None = None,
    epsilon: float = 1e-5,
    *_: Any,
) -> str:
    scale = g.filled(shape, 1.0, out.dtype) if weight is None else weight
    return g.op("LayerNormalization", x, scale, bias, axis=-len(shape), epsilon=float(epsilon))


def _rms_norm(
    g: Builder,
    out: Tensor,
    x: Value,
    shape: Sequence[int],
    weight: Value | None = None,
    epsilon: float | None = None,
) -> str:
    epsilon = torch.finfo(out.dtype).eps if epsilon is None else epsilon
    square = g.op("ReduceMean", g.op("Mul", x, x), list(range(-len(shape), 0)), keepdims=1)
    size = g.op("Sqrt", g.op("Add", square, g.number(epsilon, out.dtype)))
    found = g.op("Div", x, size)
    return found if weight is None else g.op("Mul", found, weight)


def _batch_norm(
    g: Builder,
    out: Tensor,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    mean: Value | None,
    variance: Value | None,
    training: bool,
    momentum: float,
    epsilon: float,
    *_: Any,
) -> str:
    if training or mean is None or variance is None:
        raise NotImplementedError("batch normalisation that trains")

    def beside(part: Value) -> str:
        return g.reshape(part, [1, part.shape[0], *[1] * (out.ndim - 2)])

    size = g.op("Sqrt", g.op("Add", beside(variance), g.number(epsilon, out.dtype)))
    found = g.op("Div", g.op("Sub", x, beside(mean)), size)
    if weight is not None:
        found = g.op("Mul", found, beside(weight))
    return found if bias is None else g.op("Add", found, beside(bias))


def _conv1d(
    g: Builder,
    out: Tensor,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> str:
    def one(n: Any) -> int:
        return n if isinstance(n, int) else n[0]

    options: dict[str, Any] = {"strides": [one(stride)], "dilations": [one(dilation)]}
    if padding == "same":
        whole = one(dilation) * (weight.shape[-1] - 1)
        options["pads"] = [whole // 2, whole - whole // 2]
    elif padding != "valid":
        options["pads"] = [one(padding)] * 2
    return g.op("Conv", x, weight, bias, group=groups, **options)


TRANSLATIONS: dict[str, Callable[..., Any]] = {
    "aten.matmul.default": _matmul,
    "aten.mm.default": _matmul,
    "aten.bmm.default": _matmul,
    "aten.mv.default": _matmul,
    "aten.dot.default": _matmul,
    "aten.addmm.default": _affine,
    "aten.baddbmm.default": _affine,
    "aten.linear.default": _linear,
    "aten.einsum.default": _einsum,
    "aten.softmax.int": _softmax,
    "aten._softmax.default": _softmax,
    "aten.log_softmax.int": _log_softmax,
    "aten.scaled_dot_product_attention.default": _attention,
    "aten.layer_norm.default": _layer_norm,
    "aten.rms_norm.default": _rms_norm,
    "aten.batch_norm.default": _batch_norm,
    "aten.conv1d.default": _conv1d,
    "aten.conv1d.padding": _conv1d,
}
