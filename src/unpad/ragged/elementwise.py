"""Functions of single numbers: the steps stay what they are, so that nothing can mix them.

Each is a method of Ragged, and torch's own function takes a Ragged too: `r.exp()`, `torch.exp(r)`.
Bounds and other sides are paired with the steps as everywhere (see pairing.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import shown
from .pairing import combine
from .sequences import Sequences

functional = torch.nn.functional


def each(function: Callable[..., Any], args: tuple, options: dict[str, Any]) -> Any:
    """The function of each number, on the values of whatever is a Ragged among the arguments.

    Raises:
        TypeError: it is told to write into what it is given.
    """
    if not options and len(args) == 1:
        ragged = args[0]
        if isinstance(ragged._values, Sequences):
            return ragged.with_values(each(function, (ragged._values,), options))
        return ragged.with_values(function(ragged._values))
    name = function.__name__
    for option in ("out", "inplace"):
        asked = options.pop(option, None)
        if asked is not None and asked is not False:
            raise TypeError(f"torch.{name}: a Ragged is immutable, so that {option}= is nothing.")
    names = list(options)
    given = [*args, *options.values()]
    # Tensors and batches are paired with the steps; flags, words and numbers say how.
    at = [i for i, part in enumerate(given) if isinstance(part, (Sequences, Tensor, np.ndarray))]

    def on_values(*beside: Any) -> Any:
        full = list(given)
        for i, part in zip(at, beside, strict=True):
            full[i] = part
        return function(*full[: len(args)], **dict(zip(names, full[len(args) :], strict=True)))

    return combine(on_values, [given[i] for i in at], name)


def _each(function: Callable[..., Any]) -> Callable[..., Any]:
    """The method of a function."""

    def method(self: Any, *args: Any, **options: Any) -> Any:
        return each(function, (self, *args), options)

    method.__name__ = function.__name__
    method.__doc__ = f"`torch.{function.__name__}` of each number, with its options."
    return method


class Elementwise(Sequences):
    """torch's functions of single numbers as methods."""

    __slots__ = ()

    abs = _each(torch.abs)
    acos = _each(torch.acos)
    acosh = _each(torch.acosh)
    asin = _each(torch.asin)
    asinh = _each(torch.asinh)
    atan = _each(torch.atan)
    atan2 = _each(torch.atan2)
    atanh = _each(torch.atanh)
    ceil = _each(torch.ceil)
    clamp = _each(torch.clamp)
    clip = _each(torch.clip)
    cos = _each(torch.cos)
    cosh = _each(torch.cosh)
    erf = _each(torch.erf)
    erfc = _each(torch.erfc)
    erfinv = _each(torch.erfinv)
    exp = _each(torch.exp)
    exp2 = _each(torch.exp2)
    expm1 = _each(torch.expm1)
    floor = _each(torch.floor)
    fmod = _each(torch.fmod)
    frac = _each(torch.frac)
    isclose = _each(torch.isclose)
    isfinite = _each(torch.isfinite)
    isinf = _each(torch.isinf)
    isnan = _each(torch.isnan)
    lerp = _each(torch.lerp)
    lgamma = _each(torch.lgamma)
    log = _each(torch.log)
    log10 = _each(torch.log10)
    log1p = _each(torch.log1p)
    log2 = _each(torch.log2)
    logaddexp = _each(torch.logaddexp)
    logical_and = _each(torch.logical_and)
    logical_not = _each(torch.logical_not)
    logical_or = _each(torch.logical_or)
    logical_xor = _each(torch.logical_xor)
    logit = _each(torch.logit)
    maximum = _each(torch.maximum)
    minimum = _each(torch.minimum)
    nan_to_num = _each(torch.nan_to_num)
    neg = _each(torch.neg)
    reciprocal = _each(torch.reciprocal)
    relu = _each(torch.relu)
    remainder = _each(torch.remainder)
    round = _each(torch.round)
    rsqrt = _each(torch.rsqrt)
    sigmoid = _each(torch.sigmoid)
    sign = _each(torch.sign)
    sin = _each(torch.sin)
    sinc = _each(torch.sinc)
    sinh = _each(torch.sinh)
    sqrt = _each(torch.sqrt)
    square = _each(torch.square)
    tan = _each(torch.tan)
    tanh = _each(torch.tanh)
    trunc = _each(torch.trunc)

    def where(self, condition: Any, other: Any) -> Any:
        """The number itself where the condition is True, else the other's.

        Shapes: condition and other: Ragged of an equal layout, or what stands beside steps in
        arithmetic: a number, a feature vector, one row a sequence, a grid.

        Args:
            condition: flags beside the steps, as for arithmetic.
            other: a number, or a batch beside the steps.

        Example:
            >>> r = Ragged.from_list([[1, -2], [3]])
            >>> r.where(r > 0, 0).values
            tensor([1, 0, 3])
        """
        found = combine(torch.where, [condition, self, other], "where")
        if found is NotImplemented:
            raise TypeError(
                "Ragged.where: expected condition and other as Ragged, tensors or numbers, got "
                f"{shown(condition)} and {shown(other)}."
            )
        return found


# Methods and functions of torch that treat every number by itself, whatever they are called with.
_METHODS = {
    name
    for name, member in vars(Elementwise).items()
    if not name.startswith("_") and callable(member)
}
_NAMES = {
    *_METHODS, "absolute", "add", "addcdiv", "addcmul", "arccos", "arcsin", "arctan", "bitwise_and",
    "bitwise_not", "bitwise_or", "bitwise_xor", "copysign", "deg2rad", "div", "divide", "eq",
    "float_power", "floor_divide", "fmax", "fmin", "ge", "greater", "greater_equal", "gt",
    "heaviside", "hypot", "isneginf", "isposinf", "le", "less", "less_equal", "logaddexp2", "lt",
    "mul", "multiply", "ne", "negative", "not_equal", "positive", "pow", "rad2deg", "rsub",
    "signbit", "sub", "subtract", "true_divide", "xlogy",
}  # fmt: skip
_OPERATORS = [
    "abs", "add", "and", "div", "eq", "floordiv", "ge", "gt", "invert", "le", "lt", "mod", "mul",
    "ne", "neg", "or", "pow", "radd", "rdiv", "rfloordiv", "rmod", "rmul", "rpow", "rsub",
    "rtruediv", "sub", "truediv", "xor",
]  # fmt: skip
ELEMENTWISE = {
    *(getattr(torch, name) for name in _NAMES),
    *(getattr(Tensor, name) for name in _NAMES if hasattr(Tensor, name)),
    *(getattr(Tensor, f"__{name}__") for name in _OPERATORS),
    *(getattr(functional, name) for name in (
        "celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
        "logsigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softplus", "softshrink",
        "softsign", "tanh", "tanhshrink", "threshold",
    )),
}  # fmt: skip
