"""Every operator by its record: what it takes and gives, and the paths that compute it.

    an operator     one record: arguments and results as torch knows them, and an ordered list of
                    paths, of which the last is its reference or as good as it
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
from torch import Tensor

from ..ragged.numbers import HALF, type_name
from . import library
from .around import products_in
from .registered import Registered, names_of, register


class Path(NamedTuple):
    """One way to compute an operator.

    Args:
        name: "compiled", "torch", "cudnn", ...; `force` takes it.
        refuses: of what the operator hands over about a call, why this path cannot compute it, as
            the end of a sentence; None where it can.
        run: what computes it when torch calls: of the operator's arguments its results,
            differentiable by torch unless there is a `back`.
        back: the way back of what torch cannot differentiate, or not as well: see
            `Operator.backward`. Without it `run` is run again, and differentiated by torch.
        direct: what computes it on plain tensors, without torch's dispatcher, of whatever the
            operator hands it; by default `run`.
    """

    name: str
    refuses: Callable[[Any], str | None]
    run: Callable[..., Any]
    back: Callable[..., Sequence[Tensor | None]] | None = None
    direct: Any = None


class Chooser:
    """What is computed in one of several ways, the fastest first; the last refuses nothing.

    Args:
        name: for `why`.
        paths: the ways.
    """

    def __init__(self, name: str, paths: Sequence[Path]) -> None:
        self.name = name
        self.paths = tuple(p if p.direct else p._replace(direct=p.run) for p in paths)
        self.named = {path.name: path for path in self.paths}

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

    def _choose(self, call: Any, forced: str | None) -> Path:
        reasons = {path.name: path.refuses(call) for path in self.paths}
        path = next(path for path in self.paths if reasons[path.name] is None)
        if forced is not None:
            # The last path is the reference, whose own name may be another (torch's operator).
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


class Operator(Chooser):
    """All there is to know of an operator; to declare one is to make this.

    Made, it is `torch.ops.unpad.<name>`, with a schema, a fake and a derivative of its own, and
    `force`, `why` and `info` know it.

    Args:
        name: as it is registered with torch, without `unpad::`.
        paths: the fastest first; the last refuses nothing, and is what the others are tested
            against.
        takes: its arguments in torch's notation, each by its name.
        gives: its results, in the same.
        shapes: the results, empty, of the arguments (and `keep`): what a fake call gives.
        call: of the arguments, what the paths are asked by; by default the first.
        check: raises where the arguments do not go together; asked of whoever comes through torch.
        followed: the arguments that gradients go to; none where there is no derivative.
        kept: how many of the results, the last ones, are for the way back alone; where some are,
            paths run with `keep`.
    """

    def __init__(
        self,
        name: str,
        paths: Sequence[Path],
        *,
        takes: str,
        gives: str,
        shapes: Callable[..., Any],
        call: Callable[..., Any] = lambda first, *_: first,
        check: Callable[..., None] = lambda *_: None,
        followed: Sequence[str] = (),
        kept: int = 0,
    ) -> None:
        super().__init__(name, paths)
        self.call, self.check, self.followed, self.kept = call, check, tuple(followed), kept
        self.at = [names_of(takes).index(name) for name in followed]
        OPERATORS[name] = self
        told = Registered(
            name, takes, gives, kept, self.followed, self.forward, self.backward, shapes
        )
        self.op = register(told)

    def __call__(self, *arguments: Any) -> Any:
        """The operator as a graph has it: torch's own, on the path that is forced now, if any."""
        return self.op(*arguments, forced() or "")

    def forward(self, *given: Any) -> Any:
        """What torch calls: the arguments, a path's name or "" and, where some is kept, `keep`."""
        end = len(given) - (2 if self.kept else 1)
        arguments, path, keep = given[:end], given[end], given[end + 1 :]
        self.check(*arguments)
        with torch.no_grad():
            return self.take(path, self.call(*arguments)).run(*arguments, *keep)

    def backward(
        self,
        gradients: Sequence[Tensor | None],
        arguments: Sequence[Any],
        results: Sequence[Tensor],
        path: str,
        wanted: Sequence[bool],
    ) -> Sequence[Tensor | None]:
        """What torch calls for the gradients of `followed`.

        Args:
            gradients: of each result, None where nobody followed it.
            arguments: as `forward` was given.
            results: what it gave, where some of it is kept.
            path: see `take`.
            wanted: of each of `followed`, whether its gradient is asked for.

        Returns:
            a gradient each, None for what is not wanted, and for zeros.
        """
        self.check(*arguments)
        taken = self.take(path, self.call(*arguments))
        if taken.back is not None:
            return taken.back(gradients, arguments, results, wanted)
        return self._again(taken, gradients, arguments, wanted)

    def _again(
        self,
        path: Path,
        gradients: Sequence[Tensor | None],
        arguments: Sequence[Any],
        wanted: Sequence[bool],
    ) -> Sequence[Tensor | None]:
        """The way there once more, differentiated by torch."""
        fresh, asked = list(arguments), []
        with torch.enable_grad():
            for i in (at for at, w in zip(self.at, wanted, strict=True) if w):
                fresh[i] = arguments[i].detach().requires_grad_()
                asked.append(fresh[i])
            found = path.run(*fresh, *[True][: self.kept])
        results = [found] if isinstance(found, Tensor) else list(found)
        pairs = zip(results[: len(gradients)], gradients, strict=True)
        followed = [(r, d) for r, d in pairs if d is not None and r.requires_grad]
        if not (followed and asked):
            return [None] * len(wanted)
        outputs, ds = zip(*followed, strict=True)
        turn = iter(torch.autograd.grad(outputs, asked, ds, allow_unused=True))
        return [next(turn) if w else None for w in wanted]

    def take(self, name: str, call: Any) -> Path:
        """The path of this name, or the first that does not refuse: whatever is forced meanwhile.

        The way of what was traced: forward and backward find the same one.
        """
        found = self.named.get(name)
        if found is None:
            found = next(path for path in self.paths if path.refuses(call) is None)
        RAN[self.name] = found.name
        return found


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
    plain = True  # nothing is forced, and nobody asks

    def set(self, forced: str | None, asked: Counter[Choice] | None) -> None:
        self.forced, self.asked = forced, asked
        self.plain = forced is None and asked is None


_here = _Here()


def forced() -> str | None:
    """The path that is forced in this thread, if one is."""
    return _here.forced


def rounding_refused(rounded: bool) -> str | None:
    """Why a call's factors of products are not rounded to bfloat16; None where they are.

    Args:
        rounded: whether they may be: see `around.rounded`.
    """
    if not rounded:
        return "nobody has asked for bfloat16"
    if forced() == "bfloat16" or library.rounds():
        return None
    return library.absent() or "this processor has no instruction for products of bfloat16"


def told(rounded: bool) -> str:
    """The path that an operator is told where torch calls it: "" leaves it the choice.

    Args:
        rounded: see `rounding_refused`.
    """
    return forced() or ("bfloat16" if rounded and library.rounds() else "")


def available() -> list[str]:
    """The paths of the recurrent operator on this machine, of float32, the fastest first."""
    there = {
        "bfloat16": False,
        "cudnn": torch.cuda.is_available() and torch.backends.cudnn.is_available(),
        "compiled": library.available(),
    }
    return [name for name in OPERATORS["recurrent"].named if there.get(name, True)]


@contextmanager
def force(path: str) -> Iterator[None]:
    """Within this block, and in this thread, operators take the named path where they have it.

    An operator that has no path of this name chooses as ever. Blocks nest.

    Args:
        path: "compiled", "torch", "cudnn" and "bfloat16" (their code runs on any CPU, for tests),
            "reference" or another that `info()["operators"]` lists.

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
        possible.pop("bfloat16", None)
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


def _devices() -> list[str]:
    return ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def _products(device: str) -> dict[str, str]:
    kinds = (torch.float32, torch.float64, *sorted(HALF, key=type_name))
    return {type_name(kind): type_name(products_in(kind, device)) for kind in kinds}


def info() -> dict[str, object]:
    """The paths there are, the one that is forced, those last taken; and the compiled kernels.

    `paths` and `last` are the recurrent operator's; `operators` and `ran` have those of every one.
    `products` says of each kind of device which type the factors of products have, for values of a
    type: of bfloat16 on a CPU the path "bfloat16", where the processor has an instruction for it.

    Example:
        >>> sorted(info())
        ['compiled', 'forced', 'last', 'operators', 'paths', 'products', 'ran']
        >>> info()["products"]["cpu"]["float16"]
        'float32'
    """
    return {
        "paths": available(),
        "forced": _here.forced,
        "last": RAN.get("recurrent"),
        "operators": {name: list(o.named) for name, o in OPERATORS.items()},
        "ran": dict(RAN),
        "compiled": library.describe(),
        "products": {device: _products(device) for device in _devices()},
    }
