"""Arguments looked at as a signature says, before the first line of a constructor runs.

`units: Positive, rate: Share, use_bias: bool, seed: Seed = None`: what an argument may be stands
there, in words of `arguments`, and is checked by the function there that has that word.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import numpy as np
from torch import Tensor

from . import arguments
from .errors import unexpected

#: The check of each word that a signature says.
KINDS: dict[str, Callable[..., Any]] = {
    "bool": arguments.flag,
    "int": arguments.integer,
    "float": arguments.number,
    "str": arguments.text,
    "Positive": arguments.positive,
    "Count": functools.partial(arguments.integer, low=0),
    "Share": arguments.share,
    "Rate": functools.partial(arguments.number, low=0, below=1),
    "NotNegative": functools.partial(arguments.number, low=0),
    "AboveZero": functools.partial(arguments.number, above=0),
    "OrAuto": arguments.or_auto,
    "Bound": functools.partial(arguments.number, infinite=True),
    "AnyNumber": arguments.any_number,
    "Verbose": arguments.verbose,
    "Seed": arguments.seed,
    "DType": arguments.dtype,
    "Precision": arguments.precision,
    "Callable": arguments.function,
    "PathLike": arguments.path,
    "dict": arguments.options,
    "Mapping": arguments.options,
    "str | int": arguments.name_or_place,
    "str | Sequence": arguments.name_or_names,
}

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
        try:
            return constructor(*given, **kwargs)
        except TypeError as error:
            refused = re.search(
                r"__init__\(\) got an unexpected keyword argument '(\w+)'", str(error)
            )
            taken = inspect.signature(constructor).parameters
            # It may come from an object that is made within.
            if refused is None or refused[1] not in kwargs.keys() - taken.keys():
                raise
            raise unexpected(who, refused[1], type(args[0])) from None

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
            raise arguments.wrong(who, p.name, what, value) from None


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
