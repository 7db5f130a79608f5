"""Constructor's arguments by name and back: Keras's `get_config` and `from_config`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Self

from .arguments import Checked
from .errors import look_up


class Configured(Checked):
    """An object whose attributes hold its constructor's arguments, under their names.

    Example:
        >>> class Scale(Configured):
        ...     def __init__(self, factor=1.0):
        ...         self.factor = factor
        >>> Scale(2.0)
        Scale(factor=2.0)
        >>> Scale.from_config(Scale(2.0).get_config())
        Scale(factor=2.0)
    """

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments by name; `from_config` makes the same of them.

        Raises:
            NotImplementedError: an argument is no attribute, so that its value is not known.
        """
        names = list(arguments_of(type(self)))
        for name in names:
            if not hasattr(self, name):
                who = type(self).__name__
                raise NotImplementedError(
                    f"{who}: its argument {name} is no attribute of it. Keep it as self.{name}, or "
                    f"give {who} a get_config of its own."
                )
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A fresh object from `get_config`'s arguments."""
        return cls(**config)

    def __repr__(self) -> str:
        known = {n: getattr(self, n) for n in arguments_of(type(self)) if hasattr(self, n)}
        options = ", ".join(f"{k}={v!r}" for k, v in known.items())
        return f"{type(self).__name__}({options})"


def arguments_of(cls: type) -> Iterator[str]:
    """The names of a constructor's arguments, and of those that it hands on as `**kwargs`."""
    for kind in cls.__mro__:
        if kind is object or "__init__" not in vars(kind):
            continue
        parameters = [*inspect.signature(vars(kind)["__init__"]).parameters.values()][1:]
        kinds = {p.kind for p in parameters}
        for p in parameters:
            # An argument that is always refused has no value.
            refused = p.name in getattr(cls, "_refused", ())
            if not refused and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                yield p.name
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            return


def from_dict(who: str, what: str, given: Any, table: Mapping[str, Any]) -> Any:
    """What Keras's `{"class_name": ..., "config": {...}}` describes; None for anything else.

    Args:
        who: named in errors.
        what: of which kind it is.
        given: perhaps such a dict.
        table: the classes by name.

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if not isinstance(given, dict) or not isinstance(given.get("class_name"), str):
        return None
    kind = look_up(who, what, given["class_name"], table)
    config = given.get("config") or {}
    return kind.from_config(config) if isinstance(kind, type) else kind(**config)
