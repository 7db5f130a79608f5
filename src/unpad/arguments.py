"""What an argument may be: one check for each kind, with one wording, for every constructor.

A check is told who asks, what the argument is called and what came; it gives the argument back, or
raises "who: expected name as ..., got ...". A number of numpy's or of a tensor comes back as
Python's, which a configuration can hold; anything else comes back as it came.

A constructor says in its signature what its arguments may be, and that is what is checked, before
its first line runs: `units: Positive, rate: Share, use_bias: bool, seed: Seed = None`.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any, Protocol, TypeVar, cast

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

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Checked:
    """A class whose constructor's arguments are what its signature says, or are refused.

    So are those of its subclasses in this library. What a person's own subclass takes is the
    person's business.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        ours = cls.__module__.partition(".")[0] == __name__.partition(".")[0]
        if ours and "__init__" in vars(cls):
            cls.__init__ = checked(cls.__init__)


def checked(constructor: _Function) -> _Function:
    """The function, which looks at its arguments first: those that are numbers, flags, words.

    Args:
        constructor: a class's `__init__`, or a function of the library.
    """
    known: dict[str, Callable[..., Any]] = {}
    names: list[str] | None = None

    @functools.wraps(constructor)
    def looked_at(*args: Any, **kwargs: Any) -> Any:
        nonlocal names
        if names is None:
            names = _read(constructor, known)
        who = constructor.__name__
        if names[:1] == ["self"]:
            called = f" {kwargs['name']!r}" if isinstance(kwargs.get("name"), str) else ""
            who = type(args[0]).__name__ + called
        given = list(args)
        for i, (name, value) in enumerate(zip(names, args, strict=False)):
            if name in known:
                given[i] = known[name](who, name, value)
        for name in kwargs.keys() & known.keys():
            kwargs[name] = known[name](who, name, kwargs[name])
        return constructor(*given, **kwargs)

    return cast(_Function, looked_at)


def _read(function: Callable[..., Any], known: dict[str, Callable[..., Any]]) -> list[str]:
    """The names of what can be given by position, and into `known` the check of each argument."""
    positional = []
    for p in inspect.signature(function).parameters.values():
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            positional.append(p.name)
        words = [w.strip().partition("[")[0] for w in str(p.annotation).split("|")]
        # A path may be a string too.
        kinds = [w.rpartition(".")[2] for w in words if w != "None"]
        kinds = kinds[1:] if kinds[1:] == ["PathLike"] else kinds
        kind = " | ".join(kinds)
        if kind in KINDS:
            check = KINDS[kind]
            known[p.name] = functools.partial(check, or_none=True) if "None" in words else check
    return positional


def of_numbers(function: _Function) -> _Function:
    """A function of arrays, which says which of its arguments is none where it fails.

    While it succeeds nothing is looked at: what can be computed is right.
    """

    @functools.wraps(function)
    def named(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            refuse_other_kinds(function, args, kwargs, error)
            raise

    return cast(_Function, named)


def refuse_other_kinds(
    function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any], error: Exception
) -> None:
    """Raises where an argument that should be numbers is none; asked where a function has failed.

    Args:
        function: whose arguments they are; those without a default and with no type of their own
            are numbers.
        args: given by position.
        kwargs: given by name.
        error: what it failed with; where that names the function it says more.
    """
    names = list(inspect.signature(function).parameters)
    who = type(args[0]).__name__ if names[:1] == ["self"] and args else function.__name__
    if str(error).startswith(f"{who}:"):
        return
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except TypeError:
        return
    known: dict[str, Callable[..., Any]] = {}
    _read(function, known)
    for p in inspect.signature(function).parameters.values():
        if p.default is not p.empty or p.name not in given or p.kind == p.VAR_KEYWORD:
            continue
        if p.name == "self":
            continue
        value, words = given[p.name], str(p.annotation)
        if p.name in known:
            try:
                known[p.name](who, p.name, value)
            except ValueError as other:
                raise other from None
        elif not re.search(r"str|Callable|dtype|dict", words) and not _may_be_numbers(value):
            what = "a tensor, a Ragged, or an array or list of numbers"
            raise wrong(who, p.name, what, value) from None


def _may_be_numbers(value: Any) -> bool:
    if isinstance(value, (bool, int, float, np.number, np.bool_)):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    if isinstance(value, (list, tuple)):
        if not all(map(_may_be_numbers, value)):
            return False
        try:
            return any(isinstance(v, Tensor) for v in value) or np.asarray(value).dtype.kind != "O"
        except (ValueError, TypeError, RuntimeError):
            return False
    return hasattr(type(value), "__torch_function__") or hasattr(value, "spec")


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
    """The value, if it is a type, its name, the name of a policy, or a policy."""
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


#: The check of each word that a signature says.
KINDS: dict[str, Callable[..., Any]] = {
    "bool": flag,
    "int": integer,
    "float": number,
    "str": text,
    "Positive": positive,
    "Count": functools.partial(integer, low=0),
    "Share": share,
    "Rate": functools.partial(number, low=0, below=1),
    "NotNegative": functools.partial(number, low=0),
    "AboveZero": functools.partial(number, above=0),
    "OrAuto": or_auto,
    "Bound": functools.partial(number, infinite=True),
    "AnyNumber": any_number,
    "Verbose": verbose,
    "Seed": seed,
    "DType": dtype,
    "Precision": precision,
    "Callable": function,
    "PathLike": path,
    "dict": options,
    "Mapping": options,
    "str | int": name_or_place,
    "str | Sequence": name_or_names,
}
