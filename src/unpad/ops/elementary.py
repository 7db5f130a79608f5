"""Functions of one number."""

from __future__ import annotations

from typing import Any

import torch

from .kinds import elementwise
from .types import floats, numbers, tensor


def of_floats(function: Any, name: str, says: str) -> Any:
    """A function whose argument becomes a float."""
    return elementwise(lambda x: function(floats(x)), name, says)


def _of_wide(function: Any, name: str, says: str) -> Any:
    """As Keras has it, int64 becomes float64 there."""
    return elementwise(lambda x: function(floats(x, torch.float64)), name, says)


def _of_any(function: Any, name: str, says: str) -> Any:
    return elementwise(lambda x: function(tensor(x)), name, says)


def _of_numbers(function: Any, name: str, says: str) -> Any:
    return elementwise(lambda x: function(numbers(x)), name, says)


def _but_flags(function: Any, name: str, says: str) -> Any:
    def of(x: Any) -> Any:
        x = tensor(x)
        return x if x.dtype == torch.bool else function(x)

    return elementwise(lambda x: of(x), name, says)


absolute = _but_flags(torch.abs, "absolute", "The value without its sign.")
abs = _but_flags(torch.abs, "abs", "The value without its sign.")
fabs = of_floats(torch.abs, "fabs", "The value without its sign, as a float.")
angle = of_floats(torch.angle, "angle", "The angle of a complex number.")
arccos = of_floats(torch.arccos, "arccos", "The angle of this cosine.")
arccosh = of_floats(torch.arccosh, "arccosh", "The inverse of cosh.")
arcsin = of_floats(torch.arcsin, "arcsin", "The angle of this sine.")
arcsinh = of_floats(torch.arcsinh, "arcsinh", "The inverse of sinh.")
arctan = of_floats(torch.arctan, "arctan", "The angle of this tangent.")
arctanh = of_floats(torch.arctanh, "arctanh", "The inverse of tanh.")
bitwise_invert = _of_any(torch.bitwise_not, "bitwise_invert", "Every bit turned round.")
bitwise_not = _of_any(torch.bitwise_not, "bitwise_not", "Every bit turned round.")
cbrt = _of_wide(
    lambda x: torch.sign(x) * torch.abs(x) ** (1 / 3), "cbrt", "The number whose cube is x."
)
ceil = of_floats(torch.ceil, "ceil", "The next integer that is not below x, as a float.")
conj = _of_any(lambda x: torch.conj(x).resolve_conj(), "conj", "The complex conjugate.")
conjugate = _of_any(lambda x: torch.conj(x).resolve_conj(), "conjugate", "The complex conjugate.")
copy = _of_any(torch.clone, "copy", "The same numbers in memory of their own.")
cos = of_floats(torch.cos, "cos", "The cosine.")
cosh = of_floats(torch.cosh, "cosh", "The hyperbolic cosine.")
deg2rad = _of_wide(torch.deg2rad, "deg2rad", "Degrees as radians.")
exp = of_floats(torch.exp, "exp", "e to the power of x.")
exp2 = of_floats(torch.exp2, "exp2", "2 to the power of x.")
expm1 = of_floats(torch.expm1, "expm1", "exp(x) - 1, exact where x is small.")
floor = of_floats(torch.floor, "floor", "The next integer that is not above x, as a float.")
i0 = _of_wide(torch.i0, "i0", "The modified Bessel function of order 0.")
imag = _of_any(
    lambda x: torch.imag(x) if x.is_complex() else torch.zeros_like(x),
    "imag",
    "The imaginary part.",
)
isfinite = _of_any(torch.isfinite, "isfinite", "Where x is neither infinite nor NaN.")
isinf = _of_any(torch.isinf, "isinf", "Where x is infinite.")
isnan = _of_any(torch.isnan, "isnan", "Where x is NaN.")
isneginf = _of_any(torch.isneginf, "isneginf", "Where x is minus infinity.")
isposinf = _of_any(torch.isposinf, "isposinf", "Where x is plus infinity.")
isreal = _of_any(torch.isreal, "isreal", "Where x has no imaginary part.")
log = of_floats(torch.log, "log", "The natural logarithm.")
log10 = of_floats(torch.log10, "log10", "The logarithm to base 10.")
log1p = of_floats(torch.log1p, "log1p", "log(1 + x), exact where x is small.")
log2 = of_floats(torch.log2, "log2", "The logarithm to base 2.")
logical_not = _of_any(torch.logical_not, "logical_not", "Where x is 0 or False.")
negative = _of_any(torch.negative, "negative", "-x.")
rad2deg = _of_wide(torch.rad2deg, "rad2deg", "Radians as degrees.")
real = _of_any(torch.real, "real", "The real part.")
reciprocal = of_floats(torch.reciprocal, "reciprocal", "1 / x.")
sign = _of_any(torch.sign, "sign", "-1, 0 or 1.")
signbit = _of_any(torch.signbit, "signbit", "Where the sign's bit is set.")
sin = of_floats(torch.sin, "sin", "The sine.")
sinc = of_floats(torch.sinc, "sinc", "sin(pi x) / (pi x), 1 at 0.")
sinh = of_floats(torch.sinh, "sinh", "The hyperbolic sine.")
sqrt = of_floats(torch.sqrt, "sqrt", "The root.")
square = _of_numbers(torch.square, "square", "x times x.")
tan = of_floats(torch.tan, "tan", "The tangent.")
tanh = of_floats(torch.tanh, "tanh", "The hyperbolic tangent.")
trunc = _but_flags(torch.trunc, "trunc", "The integer part.")


@elementwise
def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """X with numbers in the place of NaN and infinities, by default the largest of the type."""
    return torch.nan_to_num(tensor(x), nan, posinf, neginf)


@elementwise
def round(x: Any, decimals: int = 0) -> Any:
    """The nearest number of so many decimals, the even one of two."""
    x = tensor(x)
    if x.is_floating_point():
        return torch.round(x, decimals=decimals)
    return torch.round(floats(x), decimals=decimals).to(x.dtype)


@elementwise
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """X, but at least `x_min` and at most `x_max`."""
    x = numbers(x)
    return torch.clip(x, tensor(x_min, device=x.device), tensor(x_max, device=x.device))


@elementwise
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Zeros in the shape of x, on the steps of a Ragged."""
    return torch.zeros_like(tensor(x, dtype))


@elementwise
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Ones in the shape of x, on the steps of a Ragged.

    Example:
        >>> ones_like(Ragged.from_list([[5, 6], []])).sum().tolist()
        [2, 0]
    """
    return torch.ones_like(tensor(x, dtype))


@elementwise
def empty_like(x: Any, dtype: Any = None) -> Any:
    """Numbers in the shape of x that need not be anything: zeros."""
    return torch.zeros_like(tensor(x, dtype))


@elementwise
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    """One number, or a row of them, in the shape of x."""
    x = tensor(x)
    made = torch.zeros_like(tensor(x, dtype))
    return made + tensor(fill_value, device=x.device).to(made.dtype)


__all__ = [
    "abs",
    "absolute",
    "angle",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "bitwise_invert",
    "bitwise_not",
    "cbrt",
    "ceil",
    "clip",
    "conj",
    "conjugate",
    "copy",
    "cos",
    "cosh",
    "deg2rad",
    "empty_like",
    "exp",
    "exp2",
    "expm1",
    "fabs",
    "floor",
    "full_like",
    "i0",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "log",
    "log1p",
    "log2",
    "log10",
    "logical_not",
    "nan_to_num",
    "negative",
    "ones_like",
    "rad2deg",
    "real",
    "reciprocal",
    "round",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "tanh",
    "trunc",
    "zeros_like",
]  # fmt: skip
