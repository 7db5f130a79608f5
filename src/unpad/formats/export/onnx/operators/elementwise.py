"""Numbers by themselves: arithmetic, comparisons, activations, types."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..builder import Builder, Value


def _one(kind: str, **attributes: Any) -> Callable[..., Any]:
    """An operator of one tensor, which gives floating point numbers."""

    def write(g: Builder, out: Tensor, x: Value, *_: Any, **__: Any) -> str:
        return g.op(kind, g.cast(x, out.dtype), **attributes)

    return write


def _like(x: Any) -> Any:
    """What torch asks for the type of a result."""
    return x.like if isinstance(x, Value) else 0 if isinstance(x, torch.SymInt) else x


def _two(kind: str) -> Callable[..., Any]:
    """An operator of two, in the type of the result."""

    def write(g: Builder, out: Tensor, x: Any, y: Any, alpha: Any = 1, **_: Any) -> str:
        second = g.number(y, out.dtype)
        if alpha != 1:
            second = g.op("Mul", second, g.number(alpha, out.dtype))
        return g.op(kind, g.number(x, out.dtype), second)

    return write


def _compared(kind: str, opposite: bool = False) -> Callable[..., Any]:
    """A comparison, in the type that both have."""

    def write(g: Builder, out: Tensor, x: Any, y: Any) -> str:
        dtype = torch.result_type(_like(x), _like(y))
        dtype = torch.int64 if dtype == torch.bool and kind not in ("Equal",) else dtype
        found = g.op(kind, g.number(x, dtype), g.number(y, dtype))
        return g.op("Not", found) if opposite else found

    return write


def _logical(kind: str, bits: str) -> Callable[..., Any]:
    def write(g: Builder, out: Tensor, x: Any, y: Any) -> str:
        name = kind if out.dtype == torch.bool else bits
        return g.op(name, g.number(x, out.dtype), g.number(y, out.dtype))

    return write


def _reversed_minus(g: Builder, out: Tensor, x: Value, y: Any, alpha: Any = 1) -> str:
    scaled = g.cast(x, out.dtype)
    if alpha != 1:
        scaled = g.op("Mul", scaled, g.number(alpha, out.dtype))
    return g.op("Sub", g.number(y, out.dtype), scaled)


def _floor_divide(g: Builder, out: Tensor, x: Any, y: Any) -> str:
    first, second = g.number(x, out.dtype), g.number(y, out.dtype)
    if out.dtype.is_floating_point:
        return g.op("Floor", g.op("Div", first, second))
    return g.op("Div", g.op("Sub", first, g.op("Mod", first, second)), second)


def _remainder(g: Builder, out: Tensor, x: Any, y: Any) -> str:
    first, second = g.number(x, out.dtype), g.number(y, out.dtype)
    if not out.dtype.is_floating_point:
        return g.op("Mod", first, second)
    whole = g.op("Floor", g.op("Div", first, second))
    return g.op("Sub", first, g.op("Mul", whole, second))


def _divide(g: Builder, out: Tensor, x: Any, y: Any, rounding_mode: Any = None) -> str:
    if rounding_mode == "floor":
        return _floor_divide(g, out, x, y)
    found = g.op("Div", g.number(x, out.dtype), g.number(y, out.dtype))
    truncated = rounding_mode == "trunc" and out.dtype.is_floating_point
    if not truncated:
        return found
    return g.op("Mul", g.op("Sign", found), g.op("Floor", g.op("Abs", found)))


def _power(g: Builder, out: Tensor, x: Any, y: Any) -> str:
    return g.op("Pow", g.number(x, out.dtype), g.number(y, out.dtype))


def _clamp(g: Builder, out: Tensor, x: Value, least: Any = None, most: Any = None) -> str:
    name = g.cast(x, out.dtype)
    for kind, bound in (("Max", least), ("Min", most)):
        if bound is not None:
            name = g.op(kind, name, g.number(bound, out.dtype))
    return name


def _square(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("Mul", x, x)


def _rsqrt(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("Reciprocal", g.op("Sqrt", g.cast(x, out.dtype)))


def _negative_slope(g: Builder, out: Tensor, x: Value, slope: float = 0.01) -> str:
    return g.op("LeakyRelu", x, alpha=float(slope))


def _elu(
    g: Builder, out: Tensor, x: Value, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1
) -> str:
    scaled = x.name
    if input_scale != 1:
        scaled = g.op("Mul", scaled, g.number(input_scale, out.dtype))
    low = g.op("Sub", g.op("Exp", g.op("Min", scaled, g.number(0.0, out.dtype))), _ones(g, out))
    low = g.op("Mul", low, g.number(alpha, out.dtype))
    found = g.op("Where", g.op("Greater", x, g.number(0, out.dtype)), x, low)
    return found if scale == 1 else g.op("Mul", found, g.number(scale, out.dtype))


def _ones(g: Builder, out: Tensor) -> str:
    return g.number(1.0, out.dtype)


def _selu(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("Selu", x)


def _gelu(g: Builder, out: Tensor, x: Value, approximate: str = "none") -> str:
    half, one = g.number(0.5, out.dtype), _ones(g, out)
    if approximate == "tanh":
        cube = g.op("Mul", g.op("Mul", x, x), x)
        inner = g.op("Add", x, g.op("Mul", cube, g.number(0.044715, out.dtype)))
        inner = g.op("Tanh", g.op("Mul", inner, g.number(math.sqrt(2 / math.pi), out.dtype)))
    else:
        inner = g.op("Erf", g.op("Mul", x, g.number(math.sqrt(0.5), out.dtype)))
    return g.op("Mul", g.op("Mul", x, half), g.op("Add", inner, one))


def _silu(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("Mul", x, g.op("Sigmoid", x))


def _softplus(g: Builder, out: Tensor, x: Value, beta: Any = 1, threshold: Any = 20) -> str:
    if beta == 1:
        return g.op("Softplus", x)
    factor = g.number(beta, out.dtype)
    return g.op("Div", g.op("Softplus", g.op("Mul", x, factor)), factor)


def _mish(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("Mul", x, g.op("Tanh", g.op("Softplus", x)))


def _log_sigmoid(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("Neg", g.op("Softplus", g.op("Neg", x)))


def _hard_sigmoid(g: Builder, out: Tensor, x: Value) -> str:
    shifted = g.op("Add", x, g.number(3, out.dtype))
    return g.op("Div", _between(g, out, shifted, 0, 6), g.number(6, out.dtype))


def _hard_swish(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("Mul", x, _hard_sigmoid(g, out, x))


def _between(g: Builder, out: Tensor, x: str, least: Any, most: Any) -> str:
    return g.op("Min", g.op("Max", x, g.number(least, out.dtype)), g.number(most, out.dtype))


def _relu6(g: Builder, out: Tensor, x: Value) -> str:
    return _between(g, out, x.name, 0, 6)


def _hardtanh(g: Builder, out: Tensor, x: Value, least: Any = -1, most: Any = 1) -> str:
    return _between(g, out, x.name, least, most)


def _threshold(g: Builder, out: Tensor, x: Value, threshold: Any, value: Any) -> str:
    above = g.op("Greater", x, g.number(threshold, out.dtype))
    return g.op("Where", above, x, g.number(value, out.dtype))


def _hardshrink(g: Builder, out: Tensor, x: Value, bound: Any = 0.5) -> str:
    large = g.op("Greater", g.op("Abs", x), g.number(bound, out.dtype))
    return g.op("Where", large, x, g.number(0.0, out.dtype))


def _softshrink(g: Builder, out: Tensor, x: Value, bound: Any = 0.5) -> str:
    return g.op("Sub", x, _between(g, out, x.name, -bound, bound))


def _prelu(g: Builder, out: Tensor, x: Value, slopes: Value) -> str:
    negative = g.op("Mul", g.op("Min", x, g.number(0.0, out.dtype)), slopes)
    return g.op("Add", g.op("Max", x, g.number(0.0, out.dtype)), negative)


def _not(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("Not" if out.dtype == torch.bool else "BitwiseNot", x)


def _to(g: Builder, out: Tensor, x: Value, *_: Any, **__: Any) -> str:
    return g.cast(x, out.dtype)


def _where(g: Builder, out: Tensor, real: Value, x: Any, y: Any) -> str:
    return g.op("Where", real, g.number(x, out.dtype), g.number(y, out.dtype))


def _masked_fill(g: Builder, out: Tensor, x: Value, mask: Value, fill: Any) -> str:
    return g.op("Where", mask, g.number(fill, out.dtype), g.cast(x, out.dtype))


def _addcmul(g: Builder, out: Tensor, x: Value, a: Value, b: Value, value: Any = 1) -> str:
    product = g.op("Mul", a, b)
    if value != 1:
        product = g.op("Mul", product, g.number(value, out.dtype))
    return g.op("Add", x, product)


def _lerp(g: Builder, out: Tensor, x: Value, y: Value, weight: Any) -> str:
    return g.op("Add", x, g.op("Mul", g.number(weight, out.dtype), g.op("Sub", y, x)))


def _isnan(g: Builder, out: Tensor, x: Value) -> str:
    if not x.dtype.is_floating_point:
        return g.filled(out.shape, False, torch.bool)
    return g.op("IsNaN", x)


def _isinf(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("IsInf", x)


def _log1p(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("Log", g.op("Add", g.cast(x, out.dtype), _ones(g, out)))


def _expm1(g: Builder, out: Tensor, x: Value) -> str:
    return g.op("Sub", g.op("Exp", g.cast(x, out.dtype)), _ones(g, out))


def _not_equal(g: Builder, out: Tensor, x: Any, y: Any) -> str:
    return _compared("Equal", opposite=True)(g, out, x, y)


_UNARY = {
    "tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "exp": "Exp", "log": "Log",
    "sqrt": "Sqrt", "abs": "Abs", "neg": "Neg", "reciprocal": "Reciprocal", "sin": "Sin",
    "cos": "Cos", "tan": "Tan", "sign": "Sign", "floor": "Floor", "ceil": "Ceil",
    "round": "Round", "erf": "Erf", "asin": "Asin", "acos": "Acos", "atan": "Atan",
    "sinh": "Sinh", "cosh": "Cosh", "asinh": "Asinh", "acosh": "Acosh", "atanh": "Atanh",
}  # fmt: skip

TRANSLATIONS: dict[str, Callable[..., Any]] = {
    **{f"aten.{name}.default": _one(kind) for name, kind in _UNARY.items()},
    "aten.add.Tensor": _two("Add"),
    "aten.add.Scalar": _two("Add"),
    "aten.sub.Tensor": _two("Sub"),
    "aten.sub.Scalar": _two("Sub"),
    "aten.mul.Tensor": _two("Mul"),
    "aten.mul.Scalar": _two("Mul"),
    "aten.maximum.default": _two("Max"),
    "aten.minimum.default": _two("Min"),
    "aten.div.Tensor": _divide,
    "aten.div.Scalar": _divide,
    "aten.div.Tensor_mode": _divide,
    "aten.rsub.Scalar": _reversed_minus,
    "aten.rsub.Tensor": _reversed_minus,
    "aten.floor_divide.default": _floor_divide,
    "aten.remainder.Scalar": _remainder,
    "aten.remainder.Tensor": _remainder,
    "aten.pow.Scalar": _power,
    "aten.pow.Tensor_Scalar": _power,
    "aten.pow.Tensor_Tensor": _power,
    "aten.square.default": _square,
    "aten.rsqrt.default": _rsqrt,
    "aten.clamp.default": _clamp,
    "aten.clamp.Tensor": _clamp,
    "aten.clamp_min.default": _clamp,
    "aten.clamp_max.default": lambda g, out, x, most: _clamp(g, out, x, None, most),
    "aten.leaky_relu.default": _negative_slope,
    "aten.elu.default": _elu,
    "aten.celu.default": lambda g, out, x, alpha=1: _elu(g, out, x, alpha, 1, 1 / alpha),
    "aten.selu.default": _selu,
    "aten.gelu.default": _gelu,
    "aten.silu.default": _silu,
    "aten.mish.default": _mish,
    "aten.softplus.default": _softplus,
    "aten.log_sigmoid.default": _log_sigmoid,
    "aten.hardsigmoid.default": _hard_sigmoid,
    "aten.hardswish.default": _hard_swish,
    "aten.relu6.default": _relu6,
    "aten.hardtanh.default": _hardtanh,
    "aten.threshold.default": _threshold,
    "aten.hardshrink.default": _hardshrink,
    "aten.softshrink.default": _softshrink,
    "aten.prelu.default": _prelu,
    "aten.log1p.default": _log1p,
    "aten.expm1.default": _expm1,
    "aten.eq.Scalar": _compared("Equal"),
    "aten.eq.Tensor": _compared("Equal"),
    "aten.ne.Scalar": _not_equal,
    "aten.ne.Tensor": _not_equal,
    "aten.lt.Scalar": _compared("Less"),
    "aten.lt.Tensor": _compared("Less"),
    "aten.le.Scalar": _compared("LessOrEqual"),
    "aten.le.Tensor": _compared("LessOrEqual"),
    "aten.gt.Scalar": _compared("Greater"),
    "aten.gt.Tensor": _compared("Greater"),
    "aten.ge.Scalar": _compared("GreaterOrEqual"),
    "aten.ge.Tensor": _compared("GreaterOrEqual"),
    "aten.__or__.Tensor": _logical("Or", "BitwiseOr"),
    "aten.__and__.Tensor": _logical("And", "BitwiseAnd"),
    "aten.__xor__.Tensor": _logical("Xor", "BitwiseXor"),
    "aten.bitwise_or.Tensor": _logical("Or", "BitwiseOr"),
    "aten.bitwise_and.Tensor": _logical("And", "BitwiseAnd"),
    "aten.bitwise_xor.Tensor": _logical("Xor", "BitwiseXor"),
    "aten.logical_or.default": _logical("Or", "BitwiseOr"),
    "aten.logical_and.default": _logical("And", "BitwiseAnd"),
    "aten.logical_not.default": lambda g, out, x: g.op("Not", g.cast(x, torch.bool)),
    "aten.bitwise_not.default": _not,
    "aten.to.dtype": _to,
    "aten.to.device": _to,
    "aten.to.other": _to,
    "aten.to.dtype_layout": _to,
    "aten._to_copy.default": _to,
    "aten.type_as.default": _to,
    "aten.where.self": _where,
    "aten.where.ScalarOther": _where,
    "aten.where.ScalarSelf": _where,
    "aten.where.Scalar": _where,
    "aten.masked_fill.Scalar": _masked_fill,
    "aten.masked_fill.Tensor": _masked_fill,
    "aten.addcmul.default": _addcmul,
    "aten.lerp.Scalar": _lerp,
    "aten.lerp.Tensor": _lerp,
    "aten.isnan.default": _isnan,
    "aten.isinf.default": _isinf,
}
# What gives its input back as it is.
for _name in ("clone", "detach", "detach_", "alias", "contiguous", "lift_fresh_copy", "dropout"):
    TRANSLATIONS[f"aten.{_name}.default"] = _to
