"""A tape of what one step of a cell computes: torch's operators, one after another.

A step is written down with torch watching every operator; what it calls in Python has no place on
the tape (`beside.py` sees to it that there is nothing). Where two tapes of different numbers of
rows differ, they differ by the rows, so that what holds for all numbers of rows is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from .. import paths

#: A step of rows: inputs and states to the outputs and the next states.
Step = Callable[[list[Tensor], list[Tensor]], tuple[list[Tensor], list[Tensor]]]

#: Numbers of rows that no size is likely to be.
ROWS = 7, 11


#: What comes of types alone.
_OF_TYPES = {"can_cast", "promote_types", "result_type"}


class CannotBeRecorded(Exception):
    """Why a step is taken in Python each time: the end of a sentence."""


class Ref(NamedTuple):
    """A tensor on a tape."""

    slot: int


class Rows(NamedTuple):
    """A number that is so many times the number of rows."""

    times: int


class Node(NamedTuple):
    """One call of an operator."""

    function: Any
    arguments: tuple
    options: tuple[tuple[str, Any], ...]
    outs: tuple[int | None, ...]
    alone: bool  # whether it gives a tensor, or several in a list
    about: tuple  # what those are: shapes, types, whether a gradient is followed


def name_of(function: Any) -> str:
    """An operator's, as "mul"."""
    return str(function.overloadpacket).replace("aten.", "")


@cache
def _told(function: Any) -> tuple[str, bool, str | None]:
    """An operator's name, whether it asks types alone, and why it has no place on a tape."""
    name, refused = name_of(function), None
    if function._schema.is_mutable:
        refused = f"it changes a tensor in place ({name})"
    elif torch.Tag.nondeterministic_seeded in function.tags:
        refused = f"it draws numbers ({name})"
    return name, name in _OF_TYPES, refused


class Tape(TorchDispatchMode):
    """Writes down the operators that are called within it."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.constants: dict[int, Tensor] = {}  # by slot: weights, and what else comes from outside
        self.about: list[tuple] = []  # of each slot
        self._slots: dict[int, int] = {}
        self._alive: list[Tensor] = []  # so that no other tensor takes the place of one
        self._refused: str | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # torch's way to say that its compiler need not be loaded for this: seconds, the first time.
        return False

    def given(self, tensor: Tensor) -> int:
        """The slot of a tensor that is handed in."""
        self._slots[id(tensor)] = slot = len(self._alive)
        self._alive.append(tensor)
        self.about.append((tuple(tensor.shape), tensor.dtype, tensor.requires_grad))
        return slot

    def slot(self, tensor: Tensor) -> int:
        """The slot of a tensor; one that nothing has made here comes from outside."""
        found = self._slots.get(id(tensor))
        if found is None:
            found = self.given(tensor)
            self.constants[found] = tensor
        return found

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        found = function(*args, **(kwargs or {}))
        if self._refused is None:
            try:
                self._note(function, args, kwargs or {}, found)
            except CannotBeRecorded as reason:
                self._refused = str(reason)
        return found

    def _note(self, function: Any, args: Any, kwargs: dict[str, Any], found: Any) -> None:
        name, of_types, refused = _told(function)
        if refused is not None:
            raise CannotBeRecorded(refused)
        if of_types:
            return
        alone = isinstance(found, Tensor)
        outs = [found] if alone else found
        if not isinstance(outs, (list, tuple)) or not any(isinstance(o, Tensor) for o in outs):
            raise CannotBeRecorded(f"it reads numbers out of tensors ({name})")
        arguments = self._described(args)
        options = tuple((k, self._described(v)) for k, v in kwargs.items())
        if any(id(o) in self._slots for o in outs):
            if alone:
                return  # what is given back is what was given
            raise CannotBeRecorded(f"{name} gives back what it was given")
        slots = tuple(self.given(o) if isinstance(o, Tensor) else None for o in outs)
        about = tuple(None if s is None else self.about[s] for s in slots)
        self.nodes.append(Node(function, arguments, options, slots, alone, about))

    def _described(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return Ref(self.slot(value))
        if isinstance(value, (list, tuple)):
            return tuple(map(self._described, value))
        if isinstance(value, torch.Generator):
            raise CannotBeRecorded("it draws numbers")
        return value

    def key(self) -> tuple:
        """What two tapes share that say the same, whatever the numbers."""
        return tuple(self.nodes), tuple((s, self.about[s]) for s in self.constants)

    def check(self) -> None:
        """Raises CannotBeRecorded where something has no place on it."""
        if self._refused is not None:
            raise CannotBeRecorded(self._refused)


class Recorded(NamedTuple):
    """A tape of a step, and where on it things lie."""

    tape: Tape
    key: tuple


def record(step: Step, inputs: Sequence[Tensor], states: Sequence[Tensor]) -> Recorded:
    """One step, as it is taken forward.

    Raises:
        CannotBeRecorded: something has no place on a tape.
    """
    tape = Tape()
    with paths.force("torch"), torch.enable_grad(), tape:
        for t in (*inputs, *states):
            tape.given(t)
        outputs, after = step(list(inputs), list(states))
        ends = [tape.slot(t) for t in (*outputs, *after)]
    tape.check()
    key = (tape.key(), tuple(ends), *((tuple(t.shape), t.dtype) for t in (*inputs, *states)))
    return Recorded(tape, key)


class Joint(NamedTuple):
    """A tape of a step and its way back."""

    nodes: list[Node]
    about: list[tuple]
    ahead: int  # the nodes before this one are the step's
    inputs: list[int]
    states: list[int]
    outputs: list[int]
    after: list[int]
    constants: list[int]
    d_outputs: list[int | None]  # None where nothing can follow it
    d_after: list[int | None]
    d_inputs: list[int | None]
    d_states: list[int | None]
    d_constants: list[int | None]


def joint(step: Step, inputs: Sequence[Tensor], states: Sequence[Tensor]) -> Joint:
    """One step, and its gradient.

    Raises:
        CannotBeRecorded: something has no place on a tape.
    """
    tape, first = Tape(), len(inputs)
    leaves = [t.detach().clone().requires_grad_(t.is_floating_point()) for t in (*inputs, *states)]
    with paths.force("torch"), torch.enable_grad(), tape:
        places = [tape.given(t) for t in leaves]
        outputs, after = step(leaves[:first], leaves[first:])
        ends = [tape.slot(t) for t in (*outputs, *after)]
        constants = dict(tape.constants)
        ahead = len(tape.nodes)
    tape.check()
    followed = [t if t.requires_grad else None for t in (*outputs, *after)]
    gradients = [None if t is None else torch.ones_like(t) for t in followed]
    d_ends = [None if d is None else tape.given(d) for d in gradients]
    asked = [t if t.requires_grad else None for t in (*leaves, *constants.values())]
    there = [t for t in asked if t is not None]
    with paths.force("torch"), tape:
        found = gradients_of(followed, there, gradients)
        slots = [None if g is None else tape.slot(g) for g in found]
    tape.check()
    if len(tape.constants) != len(constants):
        raise CannotBeRecorded("its gradient holds tensors of its own")
    turn = iter(slots)
    d_asked = [None if t is None else next(turn) for t in asked]
    given, gives = len(places), len(outputs)
    return Joint(
        tape.nodes, tape.about, ahead, places[:first], places[first:], ends[:gives], ends[gives:],
        [*constants], d_ends[:gives], d_ends[gives:], d_asked[:first], d_asked[first:given],
        d_asked[given:],
    )  # fmt: skip


class _Given(torch.autograd.Function):
    """A number whose gradient by each of its tensors is given."""

    @staticmethod
    def forward(ctx: Any, gradients: list[Tensor], *tensors: Tensor) -> Tensor:
        ctx.gradients = gradients
        return tensors[0].new_zeros(())

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        return None, *ctx.gradients


def gradients_of(
    tensors: Sequence[Tensor | None],
    by: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """As `torch.autograd.grad`, which loads sympy where gradients are given: .3 s, the first time.

    What nobody follows is None.
    """
    pairs = [(t, d) for t, d in zip(tensors, gradients, strict=True) if t is not None]
    if not pairs or not by:
        return [None] * len(by)
    with torch.enable_grad():
        number = _Given.apply([d for _, d in pairs], *[t for t, _ in pairs])
    return list(torch.autograd.grad(number, by, allow_unused=True))


def merged(few: Any, more: Any) -> Any:
    """What two tapes say, or parts of them, with `Rows` where they differ by the rows.

    Raises:
        CannotBeRecorded: they differ by something else.
    """
    if isinstance(few, Node):
        return Node(*map(merged, few, more))
    if type(few) is not type(more):
        raise CannotBeRecorded("what it does depends on the number of rows")
    if isinstance(few, (Ref, Rows)):
        if few == more:
            return few
    elif isinstance(few, (list, tuple)):
        if len(few) == len(more):
            return tuple(merged(a, b) for a, b in zip(few, more, strict=True))
    elif few == more:
        return few
    elif isinstance(few, int) and few * ROWS[1] == more * ROWS[0]:
        return Rows(few // ROWS[0])
    raise CannotBeRecorded("what it does depends on the number of rows")
