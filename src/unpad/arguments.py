"""What an argument may be: one check for each kind, with one wording, for every constructor.

A check is told who asks, what the argument is called and what came; it gives the argument back, or
raises "who: expected name as ..., got ...". A number of numpy's or of a tensor comes back as
Python's, which a configuration can hold; anything else comes back as it came.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .errors import shown, unknown


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
    found = _scalar(value)
    whole = isinstance(found, Integral) and not isinstance(found, bool)
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
    found = _scalar(value)
    if (
        not isinstance(found, Real)
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


def word(who: str, name: str, value: Any, options: Iterable[Any]) -> Any:
    """The value, if it is one of these words; None is one where it is among them."""
    options = list(options)
    if not isinstance(value, (str, type(None))):
        words = [repr(o) for o in options]
        what = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
        raise wrong(who, name, what, value)
    if value in options:
        return value
    raise unknown(who, name, value, map(str, options))


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


def seed(who: str, value: Any) -> Any:
    """The value, if a generator can begin from it: None, or a whole number of at most 64 bits."""
    return integer(who, "seed", value, -(2**63), 2**64 - 1, or_none=True)


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


def sizes(who: str, name: str, value: Any) -> tuple[int | None, ...]:
    """The value as a tuple, if it is a list or tuple of positive integers and None."""
    if isinstance(value, (list, tuple, torch.Size)):
        known = [n for n in value if n is not None]
        if all(isinstance(n, Integral) and not isinstance(n, bool) and n > 0 for n in known):
            return tuple(None if n is None else int(n) for n in value)
    raise wrong(who, name, "a tuple of sizes, each a positive integer or None", value)


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
