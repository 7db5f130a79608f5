"""Names that Keras asks a subclass for, or lets people set, and unpad would never look at.

Such a name is refused where it is written: when the class is made, or when the attribute is set.
Each base class has one closed table of them, from the name to the way out;
`tests/keras/test_public_names.py` walks Keras's classes and knows no third kind of name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NoReturn


class Refusing:
    """A base class that tells its subclasses and users which of Keras's names it would ignore.

    The table is an argument of the class statement, `class Loss(Refusing, refused={...})`. It holds
    for all classes below, which may add a table of their own, or take names out of it that they
    obey, `class Model(Layer, obeyed=["metrics"])`. It costs only where a class is made or a refused
    name is touched.

    Example:
        >>> class Base(Refusing, refused={"stateless_call": "Use torch.func."}): ...
        >>> class Mine(Base):
        ...     __module__ = "script"  # a person's, and not of this library
        ...     def stateless_call(self): ...
        Traceback (most recent call last):
        TypeError: Mine.stateless_call: a Base is never asked for it. Use torch.func.
    """

    #: The way out for each name, and the class that refuses it.
    _refused: ClassVar[Mapping[str, tuple[str, str]]] = {}

    def __init_subclass__(
        cls, refused: Mapping[str, str] | None = None, obeyed: Iterable[str] = (), **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        _check(cls)
        table = {n: w for n, w in cls._refused.items() if n not in {*obeyed}}
        table |= {name: (cls.__name__, instead) for name, instead in (refused or {}).items()}
        for name in [*(refused or ()), *(table.keys() & vars(cls).keys())]:
            there = getattr(cls, name, None)
            if there is None or isinstance(there, property):
                setattr(cls, name, Refused(name, table[name][1], there))
        cls._refused = table


def _check(cls: type[Refusing]) -> None:
    """Raises for a class that is not this library's and defines a name that is refused."""
    for kind in cls.__mro__:
        if kind.__module__.partition(".")[0] == __name__.partition(".")[0]:
            return
        # Of the class itself, or of another parent that stands before the base.
        for name in vars(kind).keys() & cls._refused.keys():
            base, instead = cls._refused[name]
            raise TypeError(f"{cls.__name__}.{name}: a {base} is never asked for it. {instead}")


def refused_names(kind: type) -> dict[str, str]:
    """The way out for each name that a class refuses; none of a class that refuses nothing."""
    table: Mapping[str, tuple[str, str]] = getattr(kind, "_refused", {})
    return {name: instead for name, (_, instead) in table.items()}


class Refused:
    """An attribute that says on every touch that it is not here, and what to use.

    Args:
        name: of the attribute.
        instead: the way out.
        there: a property that may be read, but not set.
    """

    def __init__(self, name: str, instead: str, there: property | None = None) -> None:
        self.name, self.instead, self.there = name, instead, there

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        if owner is None:
            return self
        if self.there is not None:
            assert self.there.fget is not None
            return self.there.fget(owner)  # not __get__, of which torch makes no graph
        raise AttributeError(f"{type(owner).__name__}.{self.name}: not here. {self.instead}")

    def __set__(self, owner: Any, value: Any) -> NoReturn:
        raise AttributeError(
            f"{type(owner).__name__}.{self.name}: setting it would change nothing. {self.instead}"
        )
