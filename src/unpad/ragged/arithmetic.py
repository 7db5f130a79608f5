"""Arithmetic and comparisons of a Ragged with another, with rows, grids, features and numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NoReturn, Self

import numpy as np
import torch
from torch import Tensor

from .elementwise import ELEMENTWISE, each
from .numbers import as_tensor
from .pairing import combine
from .sequences import Sequences


class Arithmetic(Sequences):
    """The operators of a Ragged. Steps are paired one to one, never by accident of shape.

    The other side is a Ragged of equal lengths, a number, a feature vector, one row a sequence,
    or the grid that the steps came from (its missing slots are not looked at).
    """

    __slots__ = ()

    def _combine(self, other: Any, function: Callable[[Any, Any], Any], sign: str) -> Any:
        values = self._values
        if isinstance(values, Tensor):
            # What layers do most, without a look for what else there might be.
            if type(other) in (int, float):
                return self.with_values(function(values, other))
            if isinstance(other, Sequences) and other._layout is self._layout:
                theirs = other._values
                if isinstance(theirs, Tensor) and theirs.shape == values.shape:
                    return self.with_values(function(values, theirs))
        return combine(function, [self, other], sign)

    def __add__(self, other: Any) -> Self:
        return self._combine(other, operator.add, "+")

    def __sub__(self, other: Any) -> Self:
        return self._combine(other, operator.sub, "-")

    def __mul__(self, other: Any) -> Self:
        return self._combine(other, operator.mul, "*")

    def __truediv__(self, other: Any) -> Self:
        return self._combine(other, operator.truediv, "/")

    def __floordiv__(self, other: Any) -> Self:
        return self._combine(other, operator.floordiv, "//")

    def __mod__(self, other: Any) -> Self:
        return self._combine(other, operator.mod, "%")

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

    def __rfloordiv__(self, other: Any) -> Self:
        return self._combine(other, lambda a, b: b // a, "//")

    def __rmod__(self, other: Any) -> Self:
        return self._combine(other, lambda a, b: b % a, "%")

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

    def __and__(self, other: Any) -> Self:
        return self._combine(other, operator.and_, "&")

    def __or__(self, other: Any) -> Self:
        return self._combine(other, operator.or_, "|")

    def __xor__(self, other: Any) -> Self:
        return self._combine(other, operator.xor, "^")

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__
    __hash__ = object.__hash__

    def __invert__(self) -> Self:
        return self.with_values(~self._values)

    def __neg__(self) -> Self:
        return self.with_values(-self._values)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Self:
        return self.with_values(abs(self._values))

    def __matmul__(self, other: Any) -> Self:
        """Each step times a matrix (feature, n) or a vector (feature,): the last axis of features.

        Raises:
            ValueError: the other side is none of these; TypeError for another Ragged.
        """
        if isinstance(other, Sequences):
            raise TypeError(
                "Ragged @ Ragged: which steps meet which is not said. Within each sequence: "
                "layers.Dot((2, 2))([a, b]); step by step: (a * b) and a sum over features."
            )
        if isinstance(self._values, Sequences):
            return self.with_values(self._values @ other)
        if not isinstance(other, (Tensor, np.ndarray)):
            return NotImplemented
        matrix = as_tensor(other, "Ragged @ tensor", self.device)
        size = self.feature[-1:]
        if matrix.ndim not in (1, 2) or not size or matrix.shape[0] != size[0]:
            wanted = f"a matrix {(*size, 'n')} or a vector {tuple(size)}".replace("'", "")
            raise ValueError(
                f"Ragged @ tensor: steps are of {tuple(self.feature)}: "
                + (f"expected {wanted}" if size else "one number a step has no axis to multiply")
                + f", got {tuple(matrix.shape)}."
            )
        kind = torch.promote_types(self.dtype, matrix.dtype)
        return self.with_values(self._values.to(kind) @ matrix.to(kind))

    def __rmatmul__(self, other: Any) -> NoReturn:
        raise TypeError("tensor @ Ragged: each step is a row. Write ragged @ matrix.T.")

    def __bool__(self) -> bool:
        raise TypeError(
            "Ragged: the truth of many numbers is not one. Whether there are sequences: "
            "len(ragged) > 0; whether all steps agree: (a == b).values.all()."
        )

    def __array_ufunc__(self, function: Any, method: str, *given: Any, **options: Any) -> Any:
        """`array * ragged` is ours: numpy must not take it apart element by element."""
        name = _OPERATORS.get(function)
        if name is None or method != "__call__" or options or given[1] is not self:
            raise TypeError(
                f"numpy's {function.__name__} got a Ragged, and cannot know its sequences. "
                f"torch's function of the same name, or ragged.map(np.{function.__name__})."
            )
        return getattr(self, name)(given[0])

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> NoReturn:
        raise TypeError(
            f"numpy's {function.__name__} got a Ragged, and cannot know its sequences. Over each: "
            "ragged.sum(), mean(), ...; several: Ragged.concatenate([...]); as a padded array: "
            "ragged.to_padded()."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ValueError(
            "Ragged: sequences of different lengths are no array. Padded: ragged.to_padded(); one "
            "array a sequence: ragged.to_list(); all steps end to end: ragged.values."
        )

    def __contains__(self, number: Any) -> NoReturn:
        raise TypeError("Ragged: whether a step is so in each sequence: (ragged == number).any().")

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """`tensor * ragged` and functions of single numbers are ours; others are refused.

        A function of single numbers (`torch.tanh`, `torch.where`) runs on the values, beside which
        other arguments are paired as in arithmetic.
        """
        if function in ELEMENTWISE:
            return each(function, args, kwargs or {})
        if function in (torch.matmul, Tensor.matmul, Tensor.__matmul__) and not kwargs:
            return (
                args[0] @ args[1]
                if isinstance(args[0], Sequences)
                else args[1].__rmatmul__(args[0])
            )
        if function in _JOINING:
            return _JOINING[function](cls, *args, **(kwargs or {}))
        name = getattr(function, "__name__", str(function))
        raise TypeError(
            f"torch function {name!r} got a Ragged, and cannot know what to do with its sequences. "
            "A token-wise function: ragged.map(function). One value a sequence: ragged.sum(), "
            "mean(), max(), min(), first(), last()."
        )


def _cat(cls: Any, tensors: Any, dim: int = 0) -> Any:
    return cls.concatenate(tensors, dim)


def _stack(cls: Any, tensors: Any, dim: int = 0) -> Any:
    return cls.stack(tensors, dim)


# What numpy asks of an array's operator beside a Ragged: ours, seen from the other side.
_OPERATORS = {
    np.add: "__radd__",
    np.subtract: "__rsub__",
    np.multiply: "__rmul__",
    np.true_divide: "__rtruediv__",
    np.floor_divide: "__rfloordiv__",
    np.remainder: "__rmod__",
    np.power: "__rpow__",
    np.matmul: "__rmatmul__",
    np.equal: "__eq__",
    np.not_equal: "__ne__",
    np.less: "__gt__",
    np.less_equal: "__ge__",
    np.greater: "__lt__",
    np.greater_equal: "__le__",
    np.bitwise_and: "__rand__",
    np.bitwise_or: "__ror__",
    np.bitwise_xor: "__rxor__",
}

_JOINING = {torch.cat: _cat, torch.concat: _cat, torch.concatenate: _cat, torch.stack: _stack}
