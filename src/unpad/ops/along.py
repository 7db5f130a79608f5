"""Functions along axes: over features as a tensor's, over time on each sequence by itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ..core.lifting import lift
from ..ragged import Ragged
from ..ragged.batch import values_of, with_values_of
from .axes import axes_of, rank_of
from .kinds import Function, declared, every, first_ragged
from .sequences import Seen, each_sequence, one_step
from .types import tensor


def along(
    function: Function,
    name: str | None = None,
    says: str | None = None,
    *,
    axes: Sequence[str] = ("axis",),
    fixed: Sequence[int] = (),
    of: str | None = None,
    rows: bool = False,
    whole: bool = True,
    new: bool = False,
    empty: float | Callable[[dict[str, Any]], float] = 0,
    time: Callable[[Ragged, dict[str, Any]], Any] | str | None = None,
    single: Sequence[str] = (),
    rows_by: str | None = None,
    trial: Callable[[Tensor], Tensor] | None = None,
) -> Function:
    """A function along axes of its first argument, counted as in the grid.

    Args:
        function: of tensors; its first argument, or each of a list, may be a Ragged.
        name: of the public function, where `function` is a lambda.
        says: its docstring.
        axes: the names of the arguments that are axes: a number, several, None for all.
        fixed: the axes that it works on, where no argument says them: (-1,) for the last.
        of: the argument whose axes they are; by default the first that is a Ragged.
        rows: whether the axes are reduced, so that time gives a row a sequence.
        whole: whether all axes together can be reduced.
        new: whether the axes are put in.
        empty: what a sequence without steps gives, where time is reduced; or a function of the
            arguments that says it.
        time: a faster way over time alone, of the batch and the arguments, None where it has none;
            or what to do instead, where time has no meaning.
        single: the arguments that must be one number where the first is a Ragged.
        rows_by: the argument that says which entries are taken: where it is a Ragged, and the first
            is none, each step takes those of the first's axis 0.
        trial: what makes of ones an argument that a graph is tried on.
    """
    kind = _Along(
        function,
        () if fixed else axes,
        fixed,
        of,
        rows,
        rows and whole,
        new,
        empty,
        time,
        single,
        rows_by,
        trial or (lambda ones: ones),
    )

    def run(*args: Any, **kwargs: Any) -> Any:
        if first_ragged((*args, *kwargs.values())) is None:
            return function(*args, **kwargs)
        return kind(public.__name__, args, kwargs)

    public = declared("along", function, run, name, says, kind.means(), trial)
    return public


class _Along:
    """See `along`: what the function makes of a Ragged."""

    def __init__(
        self, function: Function, axes: Sequence[str], fixed: Sequence[int], of: str | None,
        rows: bool, whole: bool, new: bool, empty: Any, time: Any, single: Sequence[str],
        rows_by: str | None, trial: Callable[[Tensor], Tensor],
    ) -> None:  # fmt: skip
        self.function, self.axes, self.fixed, self.of = function, axes, fixed, of
        self.rows, self.whole, self.new, self.empty, self.time = rows, whole, new, empty, time
        self.single, self.trial, self.signature = single, trial, inspect.signature(function)
        self.rows_by = rows_by

    def means(self) -> str:
        """What it makes of a Ragged, in words."""
        over = f"along time {self._over_time()}"
        if isinstance(self.time, str):
            over = f"time is refused. {self.time}"
        if self.fixed == (1,):
            return f"It works on axis 1, time: {self._over_time()}"
        if self.fixed:
            last = "axis" if len(self.fixed) == 1 else "two axes"
            said = (
                f"It works on the last {last}. Of a Ragged along features each step goes by itself;"
            )
            return f"{said}\n{over}"
        counted = "Axes count as in what comes out." if self.new else "Axes count as in a grid."
        said = f"{counted} Of a Ragged the batch, axis 0, is refused; along features each\n"
        whole = "\nWithout an axis all steps are taken together." if self.whole else ""
        return f"{said}step goes by itself; {over}{whole}"

    def _over_time(self) -> str:
        if not self.rows:
            return "each sequence by itself, and empty ones stay empty."
        empty = "" if callable(self.empty) else f": {self.empty} of one without steps"
        return f"each sequence gives a row{empty}."

    def _by_steps(self, who: str, given: dict[str, Any], name: str) -> Any:
        """Of a tensor the rows that each step of a Ragged asks for."""
        first, axis = next(iter(given.values())), given[self.axes[0]]
        if axis is not None and axes_of(axis, tensor(first).ndim, who) != [0]:
            raise ValueError(
                f"{who}: got axis={axis} and {name} as a Ragged. Each of its steps takes rows of a "
                "tensor: axis=0."
            )
        return lift(lambda steps: self.function(**{**given, name: steps}), given[name])

    def __call__(self, who: str, args: Any, kwargs: Any) -> Any:
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        if self.rows_by is not None and not isinstance(next(iter(given.values())), Ragged):
            return self._by_steps(who, given, self.rows_by)
        like = given.get(self.of or "") if self.of else first_ragged(given.values())
        if not isinstance(like, Ragged):
            got = type(like).__name__
            raise ValueError(f"{who}: expected {self.of} as a Ragged, too, got {got}.")
        self._check(who, like, given)
        asked = [given[name] for name in self.axes] or [tuple(self.fixed)]
        rank = rank_of(like) + (len(_several(asked[0])) if self.new else 0)
        places = [axes_of(a, rank, who) for a in asked]
        found = {a for place in places for a in place}
        if self.whole and len(found) == rank:
            return self._whole(bound, like, rank)
        self._refuse(who, like, asked[0], found)

        def call(seen: Seen, shift: int) -> Any:
            now = {k: _seen(seen, x) for k, x in given.items()}
            for name, was, place in zip(self.axes, asked, places, strict=False):
                now[name] = _arranged(was, [a - shift for a in place])
            part = inspect.BoundArguments(self.signature, now)  # pyright: ignore[reportArgumentType]
            return self.function(*part.args, **part.kwargs)

        if min(found) > like.levels:
            if not len(values_of(like)):  # a function of torch's may not take nothing
                out = call(lambda x: self.trial(one_step(values_of(x))), like.levels)
                return every(lambda values: with_values_of(like, values[:0]), out)
            out = call(values_of, like.levels)
            return every(lambda values: with_values_of(like, values), out)
        if callable(self.time) and found == {1}:
            out: Any = self.time(like, given)
            if out is not None:
                return out.unsqueeze(1) if given.get("keepdims") else out
        return each_sequence(lambda seen: call(seen, 0), like, self.rows, self._empty(given))

    def _empty(self, given: dict[str, Any]) -> Any:
        empty: Any = self.empty
        return empty(given) if callable(empty) else empty

    def _check(self, who: str, like: Ragged, given: dict[str, Any]) -> None:
        """Raises where arguments do not go with the sequences."""
        for name in self.single:
            if tensor(given[name]).ndim:
                raise ValueError(f"{who}: of a Ragged one {name} at a time, got {given[name]!r}.")
        for other in all_ragged(given.values()):
            if not like.layout.agrees(other.layout):
                raise ValueError(
                    f"{who}: expected inputs of equal lengths, but they differ: "
                    f"{like.layout.difference(other.layout)}."
                )

    def _whole(self, bound: inspect.BoundArguments, like: Ragged, rank: int) -> Any:
        """Of all steps together, whichever sequence they are of."""
        given, values = dict(bound.arguments), values_of(like)
        for name in self.axes:
            given[name] = None
        kept = given.pop("keepdims", False)
        nothing = not len(values)
        values = one_step(values) if nothing else values
        out = self.function(**{k: _seen(lambda _: values, x) for k, x in given.items()})
        if nothing:
            out = every(lambda part: torch.full_like(part, self._empty(given)), out)
        return every(lambda part: part.reshape((1,) * rank), out) if kept else out

    def _refuse(self, who: str, like: Ragged, asked: Any, found: set[int]) -> None:
        """Raises for the batch as an axis, and for time where it has no meaning."""
        if asked is None:
            raise ValueError(
                f"{who}: without an axis it would take a grid apart, and a Ragged has none. Each "
                "sequence: axis=1; each step: axis=-1; all steps end to end: x.values."
            )
        if 0 in found:
            raise ValueError(
                f"{who}: axis 0 is the batch, whose sequences have different lengths. Each "
                "sequence: axis=1; each step: axis=-1"
                + "; everything: axis=None." * self.whole
                + "." * (not self.whole)
            )
        if min(found, default=like.levels + 1) > like.levels:
            return
        if like.levels > 1:
            raise ValueError(
                f"{who}: got sequences of sequences. One level at a time: x.map(...) of the inner "
                "ones, or x.merge_levels()."
            )
        if isinstance(self.time, str):
            raise ValueError(f"{who}: axis {asked} of a Ragged is time. {self.time}")


def all_ragged(args: Any) -> Iterator[Ragged]:
    """Every Ragged among arguments, or in a list among them."""
    for x in args:
        if isinstance(x, Ragged):
            yield x
        elif isinstance(x, (list, tuple)):
            yield from all_ragged(x)


def _several(axis: Any) -> Sequence[int]:
    return axis if isinstance(axis, (tuple, list)) else [axis]


def _arranged(was: Any, axes: list[int]) -> Any:
    """Axes as the argument had them: one, or several."""
    return tuple(axes) if was is None or isinstance(was, (tuple, list)) else axes[0]


def _seen(seen: Seen, x: Any) -> Any:
    """An argument with what is seen of each Ragged in it."""
    if isinstance(x, Ragged):
        return seen(x)
    if isinstance(x, (list, tuple)) and first_ragged(x) is not None:
        return [_seen(seen, part) for part in x]
    return x
