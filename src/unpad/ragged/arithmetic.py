"""Arithmetic and comparisons of a Ragged with another, with rows, grids, features and numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from . import reductions
from .layout import Layout


class Arithmetic:
    """The operators of a Ragged. Steps are paired one to one, never by accident of shape.

    The other side is a Ragged of equal lengths, a number, a feature vector, one row a sequence,
    or the grid that the steps came from (its missing slots are not looked at).
    """

    __slots__ = ()

    _values: Any
    _layout: Layout
    with_values: Callable[..., Any]

    def _combine(self, other: Any, function: Callable[[Tensor, Tensor], Tensor], sign: str) -> Any:
        if isinstance(other, Arithmetic):
            if not self._layout.agrees(other._layout):
                raise ValueError(
                    f"Ragged {sign} Ragged: the two have different layouts: "
                    f"{self._layout.difference(other._layout)}. Steps are paired one to one; for a "
                    "value a sequence give a (batch, *feature) tensor, as ragged.mean() does."
                )
            return self.with_values(function(self._values, other._values))
        if isinstance(other, (int, float, complex, np.generic)):
            return self.with_values(function(self._values, other))  # pyright: ignore[reportArgumentType]
        if not isinstance(other, (Tensor, np.ndarray)):
            return NotImplemented
        other = torch.as_tensor(other, device=self._layout.device)
        return self.with_values(
            function(self._values, beside(self, other, f"Ragged {sign} tensor"))
        )

    def __add__(self, other: Any) -> Self:
        return self._combine(other, operator.add, "+")

    def __sub__(self, other: Any) -> Self:
        return self._combine(other, operator.sub, "-")

    def __mul__(self, other: Any) -> Self:
        return self._combine(other, operator.mul, "*")

    def __truediv__(self, other: Any) -> Self:
        return self._combine(other, operator.truediv, "/")

    def __pow__(self, other: Any) -> Self:
        return self._combine(other, operator.pow, "**")

    def __radd__(self, other: Any) -> Self:
        return self._combine(other, lambda a, b: b + a, "+")

    def __rsub__(self, other: Any) -> Self:
        return self._combine(other, lambda a, b: b - a, "-")

    def __rmul__(self, other: Any) -> Self:
        return self._combine(other, lambda a, b: b * a, "*")

    def __rtruediv__(self, other: Any) -> Self:
        return self._combine(other, lambda a, b: b / a, "/")

    def __rpow__(self, other: Any) -> Self:
        return self._combine(other, lambda a, b: b**a, "**")

    def __lt__(self, other: Any) -> Self:
        return self._combine(other, operator.lt, "<")

    def __le__(self, other: Any) -> Self:
        return self._combine(other, operator.le, "<=")

    def __gt__(self, other: Any) -> Self:
        return self._combine(other, operator.gt, ">")

    def __ge__(self, other: Any) -> Self:
        return self._combine(other, operator.ge, ">=")

    def __eq__(self, other: Any) -> Self:
        return self._combine(other, operator.eq, "==")

    def __ne__(self, other: Any) -> Self:
        return self._combine(other, operator.ne, "!=")

    __hash__ = object.__hash__

    def __neg__(self) -> Self:
        return self.with_values(-self._values)

    def __abs__(self) -> Self:
        return self.with_values(self._values.abs())

    # numpy must not take `array * ragged` apart element by element: it is ours.
    __array_ufunc__ = None

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """`tensor * ragged` and functions of single numbers are ours; others are refused.

        A function of single numbers (`torch.tanh`, `torch.exp`) runs on the values.
        """
        if function in _ELEMENTWISE and isinstance(args[0], Arithmetic):
            return args[0].with_values(function(args[0]._values, *args[1:], **(kwargs or {})))
        ours = _REFLECTED.get(function)
        if ours is not None and len(args) == 2 and not isinstance(args[0], Arithmetic):
            return getattr(args[1], ours)(args[0])
        name = getattr(function, "__name__", str(function))
        raise TypeError(
            f"torch function {name!r} got a Ragged, and cannot know what to do with its sequences. "
            "A token-wise function: ragged.map(function). One value a sequence: ragged.sum(), "
            "mean(), max(), min(), first(), last()."
        )


def beside(ragged: Any, other: Tensor, who: str) -> Tensor:
    """What of a tensor stands beside each step of a Ragged, to be paired with its values.

    Args:
        ragged: whose steps.
        other: a number, a feature vector, one row a sequence, or the grid the steps came from.
        who: shown in errors.

    Raises:
        ValueError: it is none of these.
    """
    rank, layout = len(ragged.feature), ragged.layout
    if other.ndim <= rank:
        sizes = zip(reversed(ragged.feature), reversed(other.shape), strict=False)
        # One feature does not become many: (batch,) numbers beside steps of one are meant as rows.
        if all(theirs in (mine, 1) for mine, theirs in sizes):
            return other
    elif other.ndim == rank + 1 and len(other) == layout.batch:
        return reductions.spread(other, layout)
    elif rank + 2 <= other.ndim < rank + 2 + ragged.levels and _is_grid(other, layout):
        return _at_steps(other, layout)
    feature = "".join(f", {n}" for n in ragged.feature)
    raise ValueError(
        f"{who}: got {tuple(other.shape)}. Expected a scalar, a feature vector "
        f"{tuple(ragged.feature)}, one row a sequence ({layout.batch}{feature}), or the grid that "
        f"the steps came from ({layout.batch}, {layout.time}{feature})."
    )


def _is_grid(other: Tensor, layout: Layout) -> bool:
    return other.shape[0] in (1, layout.batch) and other.shape[1] == layout.time


def _at_steps(grid: Tensor, layout: Layout) -> Tensor:
    """The grid's entries at the real steps."""
    return layout.steps_of(grid.expand(layout.batch, *grid.shape[1:]))


# What treats every number by itself, so that it cannot mix steps.
_ELEMENTWISE = {
    *(getattr(torch, name) for name in (
        "abs", "acos", "asin", "atan", "ceil", "clamp", "clip", "cos", "cosh", "erf", "exp",
        "expm1", "floor", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2",
        "logical_not", "neg", "reciprocal", "relu", "round", "rsqrt", "sigmoid", "sign", "sin",
        "sinh", "sqrt", "square", "tan", "tanh",
    )),
    *(getattr(torch.nn.functional, name) for name in (
        "elu", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid", "mish",
        "relu", "relu6", "selu", "silu", "softplus", "softsign", "tanhshrink",
    )),
}  # fmt: skip

_REFLECTED: dict[Any, str] = {
    torch.Tensor.add: "__radd__",
    torch.Tensor.__add__: "__radd__",
    torch.Tensor.sub: "__rsub__",
    torch.Tensor.__sub__: "__rsub__",
    torch.Tensor.mul: "__rmul__",
    torch.Tensor.__mul__: "__rmul__",
    torch.Tensor.div: "__rtruediv__",
    torch.Tensor.__truediv__: "__rtruediv__",
    torch.Tensor.pow: "__rpow__",
    torch.Tensor.__pow__: "__rpow__",
    torch.Tensor.lt: "__gt__",
    torch.Tensor.__lt__: "__gt__",
    torch.Tensor.le: "__ge__",
    torch.Tensor.__le__: "__ge__",
    torch.Tensor.gt: "__lt__",
    torch.Tensor.__gt__: "__lt__",
    torch.Tensor.ge: "__le__",
    torch.Tensor.__ge__: "__le__",
    torch.Tensor.eq: "__eq__",
    torch.Tensor.__eq__: "__eq__",
    torch.Tensor.ne: "__ne__",
    torch.Tensor.__ne__: "__ne__",
}
