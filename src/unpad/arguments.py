"""What an argument may be: one check for each kind, with one wording, for every constructor.

A check is told who asks, what the argument is called and what came; it gives the argument back, or
raises "who: expected name as ..., got ...". A number of numpy's or of a tensor comes back as
Python's, which a configuration can hold; anything else comes back as it came.

A constructor says in its signature what its arguments may be, in the words below: see
`signatures`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .errors import shown, unknown

#: A whole number from 1: a size, a count.
Positive = int
#: A whole number from 0.
Count = int
#: A number from 0 to 1: a rate, a momentum.
Share = float
#: A number from 0, 1 excluded: of all, nothing would be left.
Rate = float
#: True, False, or "auto" for what suits.
OrAuto = bool | str
#: A finite number from 0.
NotNegative = float
#: A finite number above 0.
AboveZero = float
#: A number that others are compared with: infinity too.
Bound = float
#: A number, infinity and NaN too.
AnyNumber = float
#: How much is printed: 0, 1, 2 or "auto".
Verbose = int
#: What a generator begins from.
Seed = int | None
#: A type of torch's, or its name.
DType = str | torch.dtype | None


class _Policy(Protocol):
    """What says two types, of what is computed and of the weights, by name: ours or Keras's."""

    @property
    def name(self) -> str: ...
    @property
    def compute_dtype(self) -> str: ...
    @property
    def variable_dtype(self) -> str: ...


#: What a layer computes in: a type, its name, the name of a policy, or a policy.
Precision = str | torch.dtype | _Policy | None
#: Policies whose weights are float32, and the type of what is computed.
MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


def wrong(who: str, name: str, what: str, value: Any, hint: str = "") -> ValueError:
    """The error for an argument that is not what it may be.

    Args:
        who: whose it is.
        name: of the argument.
        what: it may be, as "a positive integer".
        value: what came.
        hint: what to do, a sentence.
    """
    return ValueError(f"{who}: expected {name} as {what}, got {shown(value)}.{hint and ' ' + hint}")


def integer(
    who: str,
    name: str,
    value: Any,
    low: int | None = None,
    high: int | None = None,
    *,
    or_none: bool = False,
) -> Any:
    """The value, if it is a whole number from `low` to `high`; a bool is none."""
    if value is None and or_none:
        return None
    if isinstance(value, torch.SymInt):  # a size of a graph that is being made
        return value
    found: Any = _scalar(value)
    whole = _is(found, Integral) and not isinstance(found, bool)
    if not whole or (low is not None and found < low) or (high is not None and found > high):
        if low == 1 and high is None:
            what = "a positive integer"
        else:
            what = "an integer" + _span(low, high)
        raise wrong(who, name, what + " or None" * or_none, value)
    return int(found)


def positive(who: str, name: str, value: Any, *, or_none: bool = False) -> Any:
    """The value, if it is a whole number from 1: a size, a count."""
    return integer(who, name, value, 1, or_none=or_none)


def number(
    who: str,
    name: str,
    value: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    above: float | None = None,
    below: float | None = None,
    infinite: bool = False,
    or_none: bool = False,
) -> Any:
    """The value, if it is a number within these bounds; NaN never is one.

    Args:
        who: whose it is.
        name: of the argument.
        value: what came.
        low: the least that it may be.
        high: the most that it may be.
        above: what it must be above.
        below: what it must be below.
        infinite: whether infinity is a bound like any other, as where it means "none".
        or_none: whether None will do.
    """
    if value is None and or_none:
        return None
    found: Any = _scalar(value)
    if (
        not _is(found, Real)
        or isinstance(found, bool)
        or not (math.isfinite(found) or (infinite and not math.isnan(found)))
        or (low is not None and found < low)
        or (high is not None and found > high)
        or (above is not None and found <= above)
        or (below is not None and found >= below)
    ):
        what = _kind_of_number(low, high, above, below, infinite)
        raise wrong(who, name, what + " or None" * or_none, value)
    return found if isinstance(found, (int, float)) else float(found)


def any_number(who: str, name: str, value: Any) -> Any:
    """The value, if it is a number, NaN among them."""
    found = _scalar(value)
    return found if isinstance(found, float) else number(who, name, found, infinite=True)


def verbose(who: str, name: str, value: Any) -> Any:
    """The value, if it says how much is printed: False or True, 0, 1, 2 or "auto"."""
    if isinstance(value, (bool, int, np.bool_, np.integer)) and 0 <= value <= 2:
        return int(value)
    if isinstance(value, str) and value == "auto":
        return value
    raise wrong(who, name, "0, 1, 2 or 'auto'", value)


def share(who: str, name: str, value: Any, *, or_none: bool = False) -> Any:
    """The value, if it is a number from 0 to 1: a rate, a momentum, a smoothing."""
    return number(who, name, value, 0, 1, or_none=or_none)


def flag(who: str, name: str, value: Any, *, or_none: bool = False) -> Any:
    """The value, if it is True or False, or 1 or 0 in their place."""
    if value is None and or_none:
        return None
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise wrong(who, name, "True or False" + " or None" * or_none, value)


def or_auto(who: str, name: str, value: Any) -> Any:
    """The value, if it is True, False or "auto"."""
    if isinstance(value, str) and value == "auto":
        return value
    try:
        return flag(who, name, value)
    except ValueError:
        raise wrong(who, name, "True, False or 'auto'", value) from None


def word(who: str, name: str, value: Any, options: Iterable[Any]) -> Any:
    """The value, if it is one of these words; None is one where it is among them."""
    options = list(options)
    if not isinstance(value, (str, type(None))):
        raise wrong(who, name, either(options), value)
    if value in options:
        return value
    raise unknown(who, name, value, map(str, options))


def either(options: Iterable[Any]) -> str:
    """The options as an error lists them: 'a', 'b' or 'c'."""
    words = [repr(option) for option in options]
    return f"{', '.join(words[:-1])} or {words[-1]}" if words[1:] else words[0]


def entry(who: str, name: str, value: Any, table: Mapping[str, Any]) -> Any:
    """What the table has under this word."""
    return table[word(who, name, value, table)]


def function(who: str, name: str, value: Any, what: str = "a callable", **options: bool) -> Any:
    """The value, if it can be called.

    Args:
        who: whose it is.
        name: of the argument.
        value: what came.
        what: it is called with, or gives, as "a callable of (y_true, y_pred)".
        options: `or_none`: whether None will do.
    """
    or_none = options.pop("or_none", False)
    if callable(value) or (value is None and or_none):
        return value
    raise wrong(who, name, what + " or None" * or_none, value)


def text(who: str, name: str, value: Any, *, or_none: bool = False) -> Any:
    """The value, if it is a string."""
    if isinstance(value, str) or (value is None and or_none):
        return value
    raise wrong(who, name, "a string" + " or None" * or_none, value)


def path(who: str, name: str, value: Any, *, or_none: bool = False) -> Any:
    """The value, if it names a file: a string or a path."""
    if isinstance(value, (str, os.PathLike)) or (value is None and or_none):
        return value
    raise wrong(who, name, "a path" + " or None" * or_none, value)


def seed(who: str, name: str, value: Any) -> Any:
    """The value, if a generator can begin from it: None, or a whole number of at most 64 bits."""
    return integer(who, name, value, -(2**63), 2**64 - 1, or_none=True)


def dtype(who: str, name: str, value: Any) -> Any:
    """The value, if it is None, a type of torch's or its name, as "float32"."""
    if value is None or isinstance(value, torch.dtype):
        return value
    if isinstance(value, str) and isinstance(getattr(torch, value, None), torch.dtype):
        return value
    raise wrong(who, name, "one of torch's types or its name, as 'float32'", value)


def precision(who: str, name: str, value: Any) -> Any:
    """The value, if it is a type, its name, the name of a policy, a policy, or one as data."""
    if isinstance(value, Mapping) and "Policy" in str(value.get("class_name")):
        precision(who, name, (value.get("config") or {}).get("name"))
        return value
    if hasattr(value, "variable_dtype") and hasattr(value, "compute_dtype"):
        precision(who, name, getattr(value, "name", None))
        return value
    if isinstance(value, str) and value in MIXED:
        return value
    try:
        return dtype(who, name, value)
    except ValueError:
        what = "one of torch's types or its name, as 'float32', or a policy, as 'mixed_bfloat16'"
        raise wrong(who, name, what, value) from None


def numbers(
    who: str, name: str, value: Any, low: float | None = None, high: float | None = None
) -> Any:
    """The value, if it is a list, a tuple or an array of numbers within these bounds, at least one.

    Raises:
        ValueError: it is none, or one of them is no such number; the text says which.
    """
    if isinstance(value, (np.ndarray, Tensor)) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, (list, tuple)) or not value:
        raise wrong(who, name, "a list of numbers, at least one", value)
    return [number(who, f"{name}[{i}]", v, low, high) for i, v in enumerate(value)]


def names(who: str, name: str, value: Any, hint: str = "", *, alone: bool = False) -> Any:
    """The value, if it is a list or tuple of strings, at least one and none twice.

    Args:
        who: whose it is.
        name: of the argument.
        value: what came.
        hint: what to do, a sentence.
        alone: whether one string will do, for a list of it.
    """
    if alone and isinstance(value, str):
        return [value]
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise wrong(who, name, "a list of names", value, hint)
    twice = sorted({v for v in value if value.count(v) > 1})
    if not value or twice:
        raise wrong(who, name, "a list of different names, at least one", value, hint)
    return value


def name_or_names(who: str, name: str, value: Any, *, or_none: bool = False) -> Any:
    """The value, if it is a string or a list or tuple of different ones."""
    if not isinstance(value, str) and not (value is None and or_none):
        names(who, name, value)
    return value


def name_or_place(who: str, name: str, value: Any, *, or_none: bool = False) -> Any:
    """The value, if it is a string or a whole number."""
    if isinstance(value, str) or (value is None and or_none):
        return value
    try:
        return integer(who, name, value)
    except ValueError:
        raise wrong(who, name, "a name or an integer" + " or None" * or_none, value) from None


def options(who: str, name: str, value: Any, *, or_none: bool = False) -> Any:
    """The value, if it is a dict of arguments by name."""
    if value is None and or_none:
        return None
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return value
    raise wrong(who, name, "a dict of arguments by name" + " or None" * or_none, value)


def axes(who: str, name: str, value: Any, *, or_none: bool = False) -> Any:
    """The value, if it is a whole number, or a list or tuple of them, none twice."""
    if value is None and or_none:
        return None
    if isinstance(value, (list, tuple)):
        whole = [isinstance(a, Integral) and not isinstance(a, bool) for a in value]
        if value and all(whole) and len(set(value)) == len(value):
            return value
    elif isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    what = "an integer or a list of different integers"
    raise wrong(who, name, what + " or None" * or_none, value)


def sizes(
    who: str,
    name: str,
    value: Any,
    *,
    unknown: bool = False,
    least: int = 0,
    or_none: bool = False,
) -> Any:
    """The value as a tuple, if it is a size or some of them: positive integers.

    Args:
        who: whose it is.
        name: of the argument.
        value: what came.
        unknown: whether None may stand among them, for a size that is not known.
        least: how many there must be.
        or_none: whether None will do.
    """
    if value is None and or_none:
        return None
    given = value if isinstance(value, (list, tuple)) else [value]
    known = [n for n in given if not (unknown and n is None)]
    right = [_is(n, Integral) and not isinstance(n, bool) and int(n or 0) > 0 for n in known]
    if all(right) and len(given) >= least:
        return tuple(None if n is None else int(n) for n in given)
    what = "a positive integer or a tuple of them"
    what += ", None where a size is not known" * unknown + ", or None" * or_none
    raise wrong(who, name, what, value)


def _is(value: Any, kind: type) -> bool:
    """isinstance, after which a checker of types still lets numbers be compared."""
    return isinstance(value, kind)


def _scalar(value: Any) -> Any:
    """A number as Python's, where it is a tensor's or an array's only one."""
    if isinstance(value, (np.generic, np.ndarray)) and np.ndim(value) == 0:
        return value.item()
    if isinstance(value, Tensor) and value.ndim == 0 and value.device.type != "meta":
        return value.item()
    return value


def _kind_of_number(
    low: float | None, high: float | None, above: float | None, below: float | None, infinite: bool
) -> str:
    bounded = (low is not None or above is not None) and (high is not None or below is not None)
    kind = "a" if infinite or bounded else "a finite"
    if above == 0 and not bounded:
        return f"{kind} positive number"
    return f"{kind} number{_span(low, high, above, below)}"


def _span(
    low: float | None, high: float | None, above: float | None = None, below: float | None = None
) -> str:
    parts = []
    if low is not None or above is not None:
        parts.append(f"from {low}" if above is None else f"above {above}")
    if high is not None:
        parts.append(f"to {high}" if low is not None else f"at most {high}")
    if below is not None:
        parts.append(f"below {below}")
    joined = " ".join(parts) if low is not None and high is not None else " and ".join(parts)
    return joined and " " + joined


def made(who: str, name: str, kind: type, written: str | None = None) -> Any:
    """One of a class that was given in place of one of its objects.

    Args:
        who: whose argument it is.
        name: of the argument.
        kind: the class.
        written: how people write the class; by default its name.

    Raises:
        ValueError: it is not made without arguments.
    """
    try:
        return kind()
    except TypeError:
        raise ValueError(
            f"{who}: {name} {kind.__name__!r} must be told more: give an instance, as "
            f"{written or kind.__name__}(...)."
        ) from None
