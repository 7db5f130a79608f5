"""Functions of two numbers or more: steps are paired one to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..signatures import of_numbers
from .kinds import elementwise, first_ragged, of_batches, of_one
from .reductions import all
from .types import floats, floatx, numbers, promoted, same, tensor


def _of_two(function: Any, name: str, says: str) -> Any:
    return elementwise(lambda x1, x2: function(*same(x1, x2)), name, says)


def _of_two_floats(function: Any, name: str, says: str) -> Any:
    return elementwise(lambda x1, x2: function(*same(x1, x2, least=floatx())), name, says)


def _of_two_flags(function: Any, name: str, says: str) -> Any:
    def of(x1: Any, x2: Any) -> Any:
        return function(tensor(x1), tensor(x2))

    return elementwise(lambda x1, x2: of(x1, x2), name, says)


def _of_bits(function: Any, name: str, says: str) -> Any:
    return elementwise(lambda x, y: function(*same(x, y)), name, says)


def _of_two_numbers(function: Any, name: str, says: str) -> Any:
    """Flags are counted as numbers."""
    return elementwise(lambda x1, x2: function(*map(numbers, same(x1, x2))), name, says)


def _flags_or_floats(x1: Any, x2: Any) -> torch.dtype:
    a, b = _wide(x1, x2)
    return torch.bool if same(x1, x2)[0].dtype == torch.bool else promoted(a, b)


def _wide(x1: Any, x2: Any) -> list[torch.Tensor]:
    """As floats, int64 as float64."""
    a, b = same(x1, x2)
    return [floats(a, torch.float64), floats(b, torch.float64)]


add = _of_two(torch.add, "add", "x1 + x2.")
subtract = _of_two(
    lambda a, b: torch.logical_xor(a, b) if a.dtype == torch.bool else torch.subtract(a, b),
    "subtract",
    "x1 - x2.",
)
multiply = _of_two(torch.multiply, "multiply", "x1 times x2.")
divide = _of_two_floats(torch.divide, "divide", "x1 / x2.")
true_divide = _of_two_floats(torch.divide, "true_divide", "x1 / x2.")
divide_no_nan = _of_two_floats(
    lambda a, b: torch.where(b == 0, 0, a / torch.where(b == 0, 1, b)),
    "divide_no_nan",
    "x1 / x2, and 0 where x2 is 0.",
)
floor_divide = _of_two(
    lambda a, b: torch.floor_divide(a, b).to(a.dtype),
    "floor_divide",
    "The integer that is not above x1 / x2.",
)
mod = _of_two_numbers(torch.remainder, "mod", "What is left of x1 / x2, with the sign of x2.")
fmod = _of_two_numbers(torch.fmod, "fmod", "What is left of x1 / x2, with the sign of x1.")
power = _of_two(torch.pow, "power", "x1 to the power of x2.")
maximum = _of_two(torch.maximum, "maximum", "The larger of x1 and x2; NaN where one is NaN.")
minimum = _of_two(torch.minimum, "minimum", "The smaller of x1 and x2; NaN where one is NaN.")
fmax = _of_two(torch.fmax, "fmax", "The larger of x1 and x2, the other where one is NaN.")
fmin = _of_two(torch.fmin, "fmin", "The smaller of x1 and x2, the other where one is NaN.")
gcd = _of_two(torch.gcd, "gcd", "The greatest common divisor.")
lcm = _of_two(torch.lcm, "lcm", "The least common multiple.")
arctan2 = _of_two_floats(torch.arctan2, "arctan2", "The angle of the point (x2, x1).")
logaddexp = _of_two_floats(torch.logaddexp, "logaddexp", "log(exp(x1) + exp(x2)).")
logaddexp2 = _of_two_floats(torch.logaddexp2, "logaddexp2", "log2(2**x1 + 2**x2).")
hypot = elementwise(
    lambda x1, x2: torch.hypot(*_wide(x1, x2)), "hypot", "The root of x1**2 + x2**2."
)
heaviside = elementwise(
    lambda x1, x2: torch.heaviside(*_wide(x1, x2)).to(_flags_or_floats(x1, x2)),
    "heaviside",
    "0 where x1 is below 0, x2 where it is 0, else 1.",
)
nextafter = _of_two_floats(
    lambda a, b: torch.nextafter(a.double(), b.double()).to(a.dtype),
    "nextafter",
    "The next number after x1 on the way to x2, found in float64.",
)

equal = _of_two_flags(torch.eq, "equal", "Where x1 == x2.")
not_equal = _of_two_flags(torch.ne, "not_equal", "Where x1 != x2: what a mask is made of.")
greater = _of_two_flags(torch.gt, "greater", "Where x1 > x2.")
greater_equal = _of_two_flags(torch.ge, "greater_equal", "Where x1 >= x2.")
less = _of_two_flags(torch.lt, "less", "Where x1 < x2.")
less_equal = _of_two_flags(torch.le, "less_equal", "Where x1 <= x2.")
logical_and = _of_two_flags(torch.logical_and, "logical_and", "Where both are True.")
logical_or = _of_two_flags(torch.logical_or, "logical_or", "Where one is True, or both.")
logical_xor = _of_two_flags(torch.logical_xor, "logical_xor", "Where just one is True.")

bitwise_and = _of_bits(torch.bitwise_and, "bitwise_and", "The bits that both have.")
bitwise_or = _of_bits(torch.bitwise_or, "bitwise_or", "The bits that one has, or both.")
bitwise_xor = _of_bits(torch.bitwise_xor, "bitwise_xor", "The bits that just one has.")
bitwise_left_shift = _of_bits(
    torch.bitwise_left_shift, "bitwise_left_shift", "The bits of x moved y places up."
)
left_shift = _of_bits(torch.bitwise_left_shift, "left_shift", "The bits of x moved y places up.")
bitwise_right_shift = _of_bits(
    torch.bitwise_right_shift, "bitwise_right_shift", "The bits of x moved y places down."
)
right_shift = _of_bits(
    torch.bitwise_right_shift, "right_shift", "The bits of x moved y places down."
)


@elementwise
def ldexp(x1: Any, x2: Any) -> Any:
    """X1 times 2 to the power of the integer x2.

    Raises:
        TypeError: x2 is no integer.
    """
    x2 = tensor(x2)
    if x2.is_floating_point():
        raise TypeError(f"ldexp: expected x2 as integers, got {x2.dtype}.")
    return torch.ldexp(floats(x1), x2)


@elementwise
def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Where x1 and x2 differ by no more than atol + rtol |x2|."""
    a, b = same(x1, x2)
    if not a.is_floating_point():
        return a == b
    return torch.isclose(a, b, rtol, atol, equal_nan)


@of_numbers
def allclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether x1 and x2 are close everywhere; see `isclose`."""
    return all(isclose(x1, x2, rtol, atol, equal_nan))


@elementwise
def _chosen(condition: Any, x1: Any, x2: Any) -> Any:
    return torch.where(tensor(condition).bool(), *same(x1, x2))


@of_batches
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """X1 where the condition is True, else x2; without them the places where it is True.

    Example:
        >>> where(torch.tensor([True, False]), 1.0, torch.tensor([5.0, 6.0]))
        tensor([1., 6.])
    """
    if x1 is None or x2 is None:
        if first_ragged([condition]) is not None:
            raise ValueError(
                "where: the places of a Ragged's True steps: x.sequence_ids[x.values] and "
                "x.positions[x.values]."
            )
        return torch.stack(torch.where(tensor(condition).bool()))
    return _chosen(condition, x1, x2)


@of_batches
def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """The choice of the first condition that is True, number by number; else the default."""
    found = default
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        found = _chosen(condition, choice, found)
    return found


@of_one
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Where a number of x1 is among those of x2; `invert` where it is not."""
    a, b = map(numbers, same(x1, x2))
    return torch.isin(a, b, assume_unique=assume_unique, invert=invert)


@of_one
def digitize(x: Any, bins: Any) -> Any:
    """The number of bounds in `bins`, which rise, that are not above x."""
    return torch.bucketize(numbers(x), tensor(bins), right=True).to(torch.int32)


@of_one
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Where the values would stand in a row of numbers that rise.

    Args:
        sorted_sequence: (n,) numbers that rise.
        values: of any shape, or a Ragged.
        side: "left" of those that are equal, or "right".
    """
    rising, x = same(sorted_sequence, values)
    return torch.searchsorted(rising, x, side=side).to(torch.int32)


__all__ = [
    "add", "allclose", "arctan2", "bitwise_and", "bitwise_left_shift", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "digitize", "divide", "divide_no_nan", "equal",
    "floor_divide", "fmax", "fmin", "fmod", "gcd", "greater", "greater_equal", "heaviside",
    "hypot", "isclose", "isin", "lcm", "ldexp", "left_shift", "less", "less_equal", "logaddexp",
    "logaddexp2", "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "mod",
    "multiply", "nextafter", "not_equal", "power", "right_shift", "searchsorted", "select",
    "subtract", "true_divide", "where",
]  # fmt: skip
