"""What older Keras spelt differently: it works, and one warning says how it is spelt now."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

_told: set[str] = set()
_Function = TypeVar("_Function", bound=Callable[..., Any])


def tell_once(who: str, old: str, better: str) -> None:
    """Warns, once for each old spelling, at the line that is not ours.

    Args:
        who: shown first.
        old: as it is written, "input_shape=".
        better: what to write.
    """
    warn_once(old, f"{who}: {old} is how older Keras spelt it; write {better}.", FutureWarning)


def warn_once(key: str, text: str, kind: type[Warning] = UserWarning) -> None:
    """Warns, once for each key, at the line that is not ours."""
    if key not in _told:
        _told.add(key)
        warnings.warn(text, kind, stacklevel=depth_of_caller())


def renamed(**names: str) -> Callable[[_Function], _Function]:
    """For a function whose arguments had other names: `@renamed(nb_epoch="epochs")`.

    Args:
        names: what each is called now, by its old name.
    """

    def wrap(function: _Function) -> _Function:
        who = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            for old in names.keys() & kwargs.keys():
                if names[old] in kwargs:
                    raise TypeError(f"{who}: {old}= is {names[old]}=, which is given too.")
                tell_once(who, f"{old}=", f"{names[old]}=")
                kwargs[names[old]] = kwargs.pop(old)
            return function(*args, **kwargs)

        return cast(_Function, called)

    return wrap


def depth_of_caller() -> int:
    """How many calls up, from who warns, the first function stands that is not ours or torch's.

    The number is `warnings.warn`'s stacklevel.
    """
    depth, frame = 0, sys._getframe(1)
    while frame.f_back is not None and _inside(frame.f_globals.get("__name__", "")):
        depth, frame = depth + 1, frame.f_back
    return depth + 1


def _inside(name: str) -> bool:
    return name.partition(".")[0] in (__name__.partition(".")[0], "torch")
