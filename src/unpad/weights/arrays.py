"""Functions of a tensor that take what holds the same numbers: arrays, lists, single numbers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from ..ragged.numbers import as_tensor
from ..signatures import of_numbers

_Function = TypeVar("_Function", bound=Callable[..., Any])


def of_arrays(function: _Function) -> _Function:
    """The function, or method, whose first argument may be an array or a list of numbers.

    What torch or this library made, Ragged and symbols among it, is handed on as it is; whatever is
    no numbers is refused by who was asked, as `of_numbers` has it.
    """
    numbers = of_numbers(function)
    first = next(iter(inspect.signature(function).parameters))

    if first == "self":

        @functools.wraps(function)
        def method(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
            return numbers(self, _tensor(x, type(self).__name__), *args, **kwargs)

        return cast(_Function, method)

    @functools.wraps(function)
    def called(x: Any, *args: Any, **kwargs: Any) -> Any:
        return numbers(_tensor(x, function.__name__), *args, **kwargs)

    return cast(_Function, called)


def _tensor(x: Any, who: str) -> Any:
    if hasattr(type(x), "__torch_function__") or hasattr(x, "spec"):
        return x
    return as_tensor(x, who)
