"""The paths of every operator: which one a call takes, why not another, and how to choose one.

    an operator     an ordered list of paths, of which the last is its reference or as good as it
    a path          a name, `refuses(call) -> reason or None`, and what runs
    a call takes    the first path that does not refuse it

What is forced, and what is written down for `why`, is the thread's: one that trains and another
that is looked into do not meet.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from . import library


class Path(NamedTuple):
    """One way to compute an operator.

    Args:
        name: "compiled", "torch", "cudnn", ...; `force` takes it.
        refuses: of what the operator hands over about a call, why this path cannot compute it, as
            the end of a sentence; None where it can.
        run: what computes it, as the operator wants it.
    """

    name: str
    refuses: Callable[[Any], str | None]
    run: Any


class Operator:
    """An ordered list of paths under one name.

    Args:
        name: as it is registered with torch, without `unpad::`.
        paths: the fastest first; the last refuses nothing, and is what the others are tested
            against.
    """

    def __init__(self, name: str, paths: Sequence[Path]) -> None:
        self.name, self.paths = name, tuple(paths)
        self.named = {path.name: path for path in paths}
        OPERATORS[name] = self

    def choose(self, call: Any) -> Path:
        """The path that this call takes.

        Raises:
            ValueError: one is forced, and refuses.
        """
        if _here.plain:
            for path in self.paths:
                if path.refuses(call) is None:
                    RAN[self.name] = path.name
                    return path
        return self._choose(call, _here.forced)

    def take(self, name: str, call: Any) -> Path:
        """The path of this name, or the first that does not refuse: whatever is forced meanwhile.

        The way of what was traced: forward and backward find the same one.
        """
        found = self.named.get(name)
        if found is None:
            found = next(path for path in self.paths if path.refuses(call) is None)
        RAN[self.name] = found.name
        return found

    def _choose(self, call: Any, forced: str | None) -> Path:
        reasons = {path.name: path.refuses(call) for path in self.paths}
        path = next(path for path in self.paths if reasons[path.name] is None)
        if forced is not None:
            # Where the reference is torch's own operator, it is called so.
            wanted = self.paths[-1].name if forced == "reference" else forced
            path = self.named.get(wanted, path)
            if reasons[path.name] is not None:
                raise ValueError(
                    f"{self.name}: kernels.force({forced!r}), but this path refuses: "
                    f"{reasons[path.name]}."
                )
        if _here.asked is not None:
            _here.asked[Choice(self.name, path.name, forced, tuple(reasons.items()))] += 1
        RAN[self.name] = path.name
        return path


#: Every operator by its name.
OPERATORS: dict[str, Operator] = {}
#: The path that each operator took last, in whatever thread.
RAN: dict[str, str] = {}


class Choice(NamedTuple):
    """What one call of an operator took, and why not another path.

    Args:
        operator: its name.
        path: the one that ran.
        forced: what `force` asked for, if anything.
        reasons: of each path in order, why it refuses; None where it would have run.
    """

    operator: str
    path: str
    forced: str | None
    reasons: tuple[tuple[str, str | None], ...]

    def lines(self, times: int) -> list[str]:
        """As `why` shows it."""
        often = f", {times} times" if times > 1 else ""
        lines = [f"{self.operator}: runs on {self.path}{often}"]
        for name, reason in self.reasons:
            if name == self.path:
                told = "runs" + (" (forced)" if self.forced else "")
            else:
                told = "could, and is further down" if reason is None else f"refuses: {reason}"
                if reason is None and self.forced:
                    told = f"could, but {self.forced} is forced"
            lines.append(f"  {name:<10} {told}")
        return lines


class Why(tuple[Choice, ...]):
    """The choices that a call made, in their order; printed, a list of paths and reasons."""

    times: dict[Choice, int]

    def __repr__(self) -> str:
        if not self:
            return "No operator of unpad's kernels was called."
        return "\n".join(line for choice in self for line in choice.lines(self.times[choice]))

    __str__ = __repr__


class _Here(threading.local):
    forced: str | None = None
    asked: Counter[Choice] | None = None
    plain = True  # neither of both

    def set(self, forced: str | None, asked: Counter[Choice] | None) -> None:
        self.forced, self.asked = forced, asked
        self.plain = forced is None and asked is None


_here = _Here()


def forced() -> str | None:
    """The path that is forced in this thread, if one is."""
    return _here.forced


def available() -> list[str]:
    """The paths of the recurrent operator on this machine, the fastest first."""
    there = {
        "cudnn": torch.cuda.is_available() and torch.backends.cudnn.is_available(),
        "compiled": library.available(),
    }
    return [name for name in OPERATORS["recurrent"].named if there.get(name, True)]


@contextmanager
def force(path: str) -> Iterator[None]:
    """Within this block, and in this thread, operators take the named path where they have it.

    An operator that has no path of this name chooses as ever. Blocks nest.

    Args:
        path: "compiled", "torch", "cudnn" (its code runs on a CPU too, for tests), "reference" or
            another that `info()["operators"]` lists.

    Raises:
        ValueError: there is no such path here; within the block, a call that its path refuses.

    Example:
        >>> with force("torch"):
        ...     pass
    """
    possible = dict.fromkeys([*available(), "cudnn"])
    possible |= dict.fromkeys(name for o in OPERATORS.values() for name in o.named)
    if not library.available():
        possible.pop("compiled", None)
    if path not in possible:
        raise ValueError(f"kernels.force: expected one of {', '.join(possible)}, got {path!r}.")
    before = _here.forced, _here.asked
    _here.set(path, before[1])
    try:
        yield
    finally:
        _here.set(*before)


def why(call: Callable[..., Any], *arguments: Any, **options: Any) -> Why:
    """Which path each operator takes within a call, and why not another. The call is made.

    Args:
        call: a layer, a model, or any function.
        arguments: what it is called with.
        options: the same, by name.

    Returns:
        A `Choice` for each way in which an operator was called, in order; printed, it is a table of
        paths and reasons. Empty where no operator of the kernels was called. Whatever a call leaves
        behind (the states of a stateful layer, statistics in training) this one does too.

    Example:
        >>> import torch, unpad
        >>> layer = unpad.layers.LSTM(4)
        >>> batch = unpad.Ragged.from_list([torch.ones(3, 2), torch.ones(1, 2)])
        >>> with force("torch"):
        ...     why(layer, batch)[0].path
        'torch'
    """
    before = _here.forced, _here.asked
    asked: Counter[Choice] = Counter()
    _here.set(before[0], asked)
    try:
        call(*arguments, **options)
    finally:
        _here.set(*before)
    found = Why(asked)
    found.times = dict(asked)
    return found


def info() -> dict[str, object]:
    """The paths there are, the one that is forced, those last taken; and the compiled kernels.

    `paths` and `last` are the recurrent operator's; `operators` and `ran` have those of every one.

    Example:
        >>> sorted(info())
        ['compiled', 'forced', 'last', 'operators', 'paths', 'ran']
    """
    return {
        "paths": available(),
        "forced": _here.forced,
        "last": RAN.get("recurrent"),
        "operators": {name: list(o.named) for name, o in OPERATORS.items()},
        "ran": dict(RAN),
        "compiled": library.describe(),
    }
