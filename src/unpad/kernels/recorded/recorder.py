"""Which program a cell's step has now: its tape is made anew at each walk, its program once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from .. import around, library, paths
from . import beside
from .program import Program
from .replay import Walked, in_python, replayed
from .tape import ROWS, CannotBeRecorded, Step, gradients_of, joint, record

#: Gives the step of a cell, or of a copy of it.
StepOf = Callable[[Any], Step]
#: A walk: inputs, the rows at each time, states.
Walk = Callable[[Sequence[Tensor], list[int], Sequence[Tensor]], Walked]
#: Inputs and states of a few rows.
Few = tuple[list[Tensor], list[Tensor]]

#: Rows at each time, on which a program is compared with the step that it was made of.
_ACTIVE = [3, 3, 2, 1]
#: Largest difference of a gradient or an output, as a share of its largest entry.
_EQUAL = {torch.float64: 1e-9, torch.float32: 1e-3}
#: So many programs of one cell; whose step changes more often than that is taken as it stands.
_MOST = 32

_known: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()


class _Asked(NamedTuple):
    """What a path is asked by."""

    found: Found | str  # or why there is none
    like: Tensor
    keep: bool


class Found(NamedTuple):
    """The program of a step, and what it takes from outside now."""

    program: Program
    constants: list[Tensor]


def _unrecorded(asked: _Asked) -> str | None:
    return asked.found if isinstance(asked.found, str) else None


def _not_in_library(asked: _Asked) -> str | None:
    reason = _unrecorded(asked) or library.refuses(asked.like)
    if reason is None and not isinstance(asked.found, str):
        reason = asked.found.program.no_library(asked.keep)
    return reason


def _replay(compiled: bool) -> Callable[[Found, Step], Walk]:
    def of(found: Found, step: Step) -> Walk:
        program, constants = found
        return lambda x, active, held: replayed(program, step, x, active, held, constants, compiled)

    return of


#: How a cell of one's own is taken along sequences.
ANY_CELL = paths.Chooser(
    "any_cell",
    [
        paths.Path("compiled", _not_in_library, _replay(True)),
        paths.Path("torch", _unrecorded, _replay(False)),
        paths.Path("steps", lambda _: None, lambda _, step: partial(in_python, step)),
    ],
)


def walk_of(
    cell: Any, step_of: StepOf, inputs: Sequence[Tensor], states: Sequence[Tensor],
    watched: str | None = None,
) -> Walk:  # fmt: skip
    """The walk of a cell along packed rows: by a program, or step after step in Python.

    Args:
        cell: any.
        step_of: gives the step of it, or of a copy of it.
        inputs: (steps, *feature) each, as the walk will get them.
        states: (rows, ...) each.
        watched: why each step has to be taken by itself, if it has.
    """
    with torch.inference_mode(False):
        found = watched or _found(cell, step_of, inputs, states)
    leaves = (*inputs, *states, *([] if isinstance(found, str) else found.constants))
    keep = torch.is_grad_enabled() and any(t.requires_grad for t in leaves)
    asked = _Asked(found, (*inputs, *states)[0], keep)
    return ANY_CELL.choose(asked).direct(found, step_of(cell))


def why_not(cell: Any) -> list[str]:
    """Why walks of a cell were not by a program, as far as there were any."""
    return [found for found in _known.get(cell, {}).values() if isinstance(found, str)]


def _found(
    cell: Any, step_of: StepOf, inputs: Sequence[Tensor], states: Sequence[Tensor]
) -> Found | str:
    plain = all(type(t) in around.PLAIN for t in inputs)
    if not around.nothing() or around.recorded() or not plain:
        return "torch looks into this call"
    try:
        known = _known.setdefault(cell, {})
    except TypeError:
        return "nothing can be kept beside it"
    few = _few(inputs), _few(states)
    modes = [m.training for m in cell.modules()] if isinstance(cell, torch.nn.Module) else ()
    place = (*modes, len(inputs), *((t.shape, t.dtype, t.device) for part in few for t in part))
    if len(known) > _MOST:
        return "it is another at each walk"
    if place not in known:
        # On a copy: what it does beside computing is not done to it.
        known[place] = _tried(lambda: _on_copy(cell, step_of, few))
    if known[place] is not None:
        return known[place]
    step = step_of(cell)
    try:
        now = record(step, *few)
    except CannotBeRecorded as reason:
        known[place] = str(reason)
        return known[place]
    if now.key not in known:
        known[now.key] = _tried(lambda: _proved(_on_copy(cell, step_of, few), few))
    program = known[now.key]
    if isinstance(program, str):
        return program
    return Found(program, list(now.tape.constants.values()))


def _few(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [t.new_zeros(ROWS[0], *t.shape[1:]) for t in tensors]


def _tried(make: Callable[[], Any]) -> Any:
    """What it makes; None for a copy's step; or the reason why there is none."""
    try:
        made = make()
    except CannotBeRecorded as reason:
        return str(reason)
    except Exception as error:  # a user's step on numbers that it has not seen before
        return f"it fails on numbers of ours: {error}"
    return made if isinstance(made, Program) else None


def _on_copy(cell: Any, step_of: StepOf, few: Few) -> Step:
    """The step of a copy, which was looked at."""
    step = step_of(copy.deepcopy(cell))
    beside.look(lambda: record(step, *few))
    return step


def _proved(step: Step, few: Few) -> Program:
    """The program of a step, which gives what the step gives, forward and backward."""
    tapes = [joint(step, *([_numbers(t, n) for t in part] for part in few)) for n in ROWS]
    program = Program(*tapes)
    constants = list(record(step, *few).tape.constants.values())
    inputs = [_numbers(t, sum(_ACTIVE)) for t in few[0]]
    states = [_numbers(t, _ACTIVE[0]) for t in few[1]]
    by_program, as_it_is = (
        _all_of(walk, inputs, states, constants)
        for walk in (
            lambda x, s: replayed(program, step, x, _ACTIVE, s, constants, False),
            lambda x, s: in_python(step, x, _ACTIVE, s),
        )
    )
    for mine, theirs in zip(by_program, as_it_is, strict=True):
        if (mine is None) != (theirs is None):
            mine, theirs = (torch.zeros(()) if t is None else t for t in (mine, theirs))
        if mine is not None and theirs is not None:
            size = theirs.nan_to_num().abs().max().item() if theirs.numel() else 0.0
            near = _EQUAL.get(theirs.dtype, 0.05) * (size + 1e-3)
            if not torch.allclose(mine, theirs, rtol=0, atol=near, equal_nan=True):
                raise CannotBeRecorded("its rows hang on each other")
    return program


def _all_of(
    walk: Callable[..., Walked],
    inputs: list[Tensor],
    states: list[Tensor],
    constants: list[Tensor],
) -> list[Tensor | None]:
    """What a walk gives, and every gradient."""
    with torch.enable_grad():
        leaves = [t.clone().requires_grad_(t.is_floating_point()) for t in (*inputs, *states)]
        walked = walk(leaves[: len(inputs)], leaves[len(inputs) :])
        outs: list[Any] = [*walked.outputs, *walked.after]
        smooth = [o if o.requires_grad else None for o in outs]
        asked = [t for t in (*leaves, *constants) if t.requires_grad]
        ds = [None if o is None else _numbers(o, len(o)) for o in smooth]
        found = gradients_of(smooth, asked, ds)
    return [*outs, *found]


def _numbers(like: Tensor, rows: int) -> Tensor:
    """Numbers of a shape, no two neighbours alike; zeros where they are whole."""
    made = like.new_zeros(rows, *like.shape[1:])
    if not like.is_floating_point():
        return made
    count = torch.arange(made.numel(), device=like.device, dtype=torch.float64)
    return made + (0.6 + 0.4 * torch.cos(1 + count * 0.7)).to(like.dtype).reshape(made.shape)
