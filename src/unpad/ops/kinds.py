"""What a function of tensors makes of arrays, Ragged and symbols: it follows from its kind.

Elementwise: steps are paired one to one. Along axes: features as they are, time for each sequence
by itself. Dense: a Ragged is refused, with the way out. On symbols each is a node of the graph.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from ..core.operation import Operation
from ..core.symbol import is_symbolic
from ..ragged import Ragged
from ..ragged.batch import values_of, with_values_of
from ..ragged.pairing import beside
from ..signatures import refuse_other_kinds
from .types import tensor

Function = Callable[..., Any]

#: What functions of each kind make of a Ragged.
ALONE = (
    """Number by number: of a Ragged the result has the lengths, and empty sequences stay empty."""
)
PAIRED = f"""{ALONE}
Steps are paired one to one: beside a Ragged stands another of equal lengths, a number, a feature
vector, one row a sequence, or the grid that its steps came from."""
REFUSED = "A Ragged is refused, whose sequences have different lengths."


def declared(
    kind: str,
    function: Function,
    run: Function,
    name: str | None = None,
    says: str | None = None,
    means: str = "",
    trial: Callable[[Tensor], Tensor] | None = None,
) -> Function:
    """A public function: `run` on batches, a node of the graph on symbols.

    Args:
        kind: "elementwise", "along", "dense" or "batches"; it can be asked as an attribute.
        function: whose arguments it has, and whose name and docstring unless they are given.
        run: what it does on tensors, arrays and Ragged.
        name: of the public function, where `function` is a lambda.
        says: its docstring.
        means: what it makes of a Ragged, which goes behind that: see `documented`.
        trial: what makes of ones an argument that a graph is tried on, where ones will not do.
    """

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if is_symbolic(x):
                return Operation(public)(*args, **kwargs)
        for x in kwargs.values():
            if is_symbolic(x):
                return Operation(public)(*args, **kwargs)
        try:
            return run(*args, **kwargs)
        except Exception as error:
            refuse_other_kinds(public, args, kwargs, error)
            raise

    public.__dict__["kind"], public.__dict__["means"] = kind, means
    if trial is not None:
        make: Any = trial

        def tried(*args: Any, **kwargs: Any) -> Any:
            batches = [_each(make, x) if isinstance(x, (Tensor, Ragged)) else x for x in args]
            return public(*batches, **kwargs)

        public.__dict__["tried"] = tried
    if name is not None:
        public.__name__ = public.__qualname__ = name
        public.__doc__ = says
    if not public.__name__.startswith("_"):
        # Its one home, by which it is pickled and named in a graph's configuration.
        public.__module__ = __package__ or public.__module__
    return public


def _each(function: Callable[[Any], Any], x: Any) -> Any:
    return x.map(function) if isinstance(x, Ragged) else function(x)


def every(function: Callable[[Any], Any], found: Any) -> Any:
    """A function of each of several results, or of the one."""
    if isinstance(found, (tuple, list)):
        parts = [every(function, part) for part in found]
        return parts if isinstance(found, list) else tuple(parts)
    return function(found)


def first_ragged(args: Any) -> Ragged | None:
    """The first Ragged among arguments, or in a list among them."""
    for x in args:
        if isinstance(x, Ragged):
            return x
        if isinstance(x, (list, tuple)):
            found = first_ragged(x)
            if found is not None:
                return found
    return None


def elementwise(function: Function, name: str | None = None, says: str | None = None) -> Function:
    """A function of single numbers, of one argument or of several that are paired.

    Beside a Ragged stands another of equal lengths, a number, a feature vector, one row a sequence
    or the grid that its steps came from.

    Args:
        function: of tensors and numbers.
        name: of the public function, where `function` is a lambda.
        says: its docstring.
    """

    def run(*args: Any, **kwargs: Any) -> Any:
        like = None
        for x in (*args, *kwargs.values()):
            if isinstance(x, Ragged) and (like is None or len(x.feature) > len(like.feature)):
                like = x
        if like is None:
            return function(*args, **kwargs)
        who, home = public.__name__, like
        found = run(
            *[_at_its_steps(like, x, who) for x in args],
            **{k: _at_its_steps(like, x, who) for k, x in kwargs.items()},
        )
        return every(home.with_values, found)

    public = declared(
        "elementwise", function, run, name, says, PAIRED if _pairs(function) else ALONE
    )
    return public


def _pairs(function: Function) -> bool:
    """Whether it has several arguments that may be batches: those without a default."""
    code = function.__code__
    needed = code.co_varnames[: code.co_argcount - len(function.__defaults__ or ())]
    return len([name for name in needed if name != "dtype"]) > 1


def _at_its_steps(like: Ragged, x: Any, who: str) -> Any:
    """What of an argument stands beside each step of a Ragged."""
    if isinstance(x, Ragged):
        if not like.layout.agrees(x.layout):
            raise ValueError(
                f"{who}: expected inputs of equal lengths, but they differ: "
                f"{like.layout.difference(x.layout)}. Steps are paired one to one; for a value a "
                "sequence give one row a sequence, as ragged.mean() does."
            )
        if len(x.feature) != len(like.feature):
            raise ValueError(
                f"{who}: expected steps with as many axes as each other's, got "
                f"{tuple(like.feature)} and {tuple(x.feature)}. An axis of size 1: "
                "expand_dims(x, -1)."
            )
        return x.values
    if isinstance(x, (Tensor, np.ndarray)) or (isinstance(x, (list, tuple)) and x):
        return beside(like, tensor(x, device=like.device), who)
    return x


def of_one(function: Function) -> Function:
    """A function of the numbers of one argument, which may be a Ragged; others are constants."""

    def run(*args: Any, **kwargs: Any) -> Any:
        like = first_ragged((*args, *kwargs.values()))
        if like is None:
            return function(*args, **kwargs)

        def seen(x: Any) -> Any:
            if isinstance(x, Ragged) and x is not like:
                raise ValueError(f"{public.__name__}: expected one Ragged, got two.")
            return values_of(like) if x is like else x

        found = function(*map(seen, args), **{k: seen(x) for k, x in kwargs.items()})
        return every(lambda values: with_values_of(like, values), found)

    public = declared("elementwise", function, run, means=ALONE)
    return public


def dense(
    instead: str, name: str | None = None, says: str | None = None
) -> Callable[[Function], Function]:
    """A function that has no meaning for sequences: it says so, and what to do instead.

    Args:
        instead: the way out.
        name: of the public function, where it is a lambda.
        says: its docstring.
    """

    def of(function: Function) -> Function:
        def run(*args: Any, **kwargs: Any) -> Any:
            if first_ragged((*args, *kwargs.values())) is not None:
                raise ValueError(
                    f"{public.__name__}: got a Ragged, whose sequences have different lengths. "
                    f"{instead}"
                )
            return function(*args, **kwargs)

        public = declared("dense", function, run, name, says, f"{REFUSED}\n{instead}")
        return public

    return of


def of_batches(function: Function) -> Function:
    """A function that knows Ragged itself: arrays become tensors, symbols a node of the graph."""

    def run(*args: Any, **kwargs: Any) -> Any:
        return function(*map(_tensors, args), **{k: _tensors(v) for k, v in kwargs.items()})

    return declared("batches", function, run)


def _tensors(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        return tensor(x)
    if isinstance(x, (list, tuple)) and not hasattr(x, "_fields"):
        return type(x)(map(_tensors, x))
    return x
