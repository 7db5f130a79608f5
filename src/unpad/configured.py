"""Constructor's arguments by name and back: Keras's `get_config` and `from_config`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from .arguments import wrong
from .errors import look_up, unknown
from .serialization import as_data, read
from .signatures import Checked


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
        return as_data(attributes_of(self, arguments_of(type(self))))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A fresh object from `get_config`'s arguments.

        Raises:
            ValueError: one of them is no argument, or not what it may be.
        """
        return made_of(cls, config)

    def __repr__(self) -> str:
        known = {n: getattr(self, n) for n in arguments_of(type(self)) if hasattr(self, n)}
        options = ", ".join(f"{k}={v!r}" for k, v in known.items())
        return f"{type(self).__name__}({options})"


def attributes_of(thing: Any, names: Iterable[str]) -> dict[str, Any]:
    """The attributes of these names.

    Raises:
        NotImplementedError: one is missing, so that its value is not known.
    """
    values = {}
    for name in names:
        if not hasattr(thing, name):
            who = type(thing).__name__
            raise NotImplementedError(
                f"{who}: its argument {name} is no attribute of it. Keep it as self.{name}, or "
                f"give {who} a get_config of its own."
            )
        values[name] = getattr(thing, name)
    return values


def plain_arguments(cls: type, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """A constructor's arguments by name, where all are numbers, texts and lists of these.

    Args:
        cls: whose constructor it is.
        args: as given.
        kwargs: as given.

    Returns:
        What was given; nothing where it is not all plain, or does not fit.
    """
    try:
        bound = inspect.signature(cls.__init__).bind(None, *args, **kwargs).arguments
    except TypeError:
        return {}
    found = {}
    for name, value in list(bound.items())[1:]:
        kind = inspect.signature(cls.__init__).parameters[name].kind
        found |= value if kind is inspect.Parameter.VAR_KEYWORD else {name: value}
    return found if all(map(_is_plain, found.values())) else {}


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return value is None or isinstance(value, (bool, int, float, str))


def made_of(cls: type, config: Any) -> Any:
    """A fresh object of a class, from the data of its arguments.

    What is None and no argument says nothing, and neither do options that only Keras has and that
    stand as Keras has them by default.

    Raises:
        ValueError: one of them is no argument of a class of this library.
    """
    if not isinstance(config, Mapping):
        raise wrong(cls.__name__, "config", "a dict of its arguments", config)
    if cls.__module__.partition(".")[0] == __name__.partition(".")[0]:
        known = set(arguments_of(cls))
        for name in [name for name in config if name not in known]:
            if config[name] is not None and _ONLY_KERAS.get(name, ...) != config[name]:
                raise unknown(f"{cls.__name__}: config", "argument", name, known)
        config = {name: value for name, value in config.items() if name in known}
    return cls(**read(config))


#: Options that only Keras has, and its defaults; sums are of the type that their numbers need.
_ONLY_KERAS: dict[str, Any] = {
    "autocast": True,
    "axis": -1,
    "dtype": "float32",
}


def arguments_of(cls: type) -> Iterator[str]:
    """The names of a constructor's arguments, and of those that it hands on as `**kwargs`.

    What goes by position alone is handed on by a subclass, which has made it of its own arguments.
    """
    for kind in cls.__mro__:
        if kind is object or "__init__" not in vars(kind):
            continue
        parameters = [*inspect.signature(vars(kind)["__init__"]).parameters.values()][1:]
        kinds = {p.kind for p in parameters}
        for p in parameters:
            # An argument that is always refused has no value.
            refused = p.name in getattr(cls, "_refused", ())
            if not refused and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
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
