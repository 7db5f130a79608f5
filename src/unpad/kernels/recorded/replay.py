"""A step that is on a tape, taken along packed rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .lowered import Lowered
from .program import Program, Way
from .tape import Step


class Walked(NamedTuple):
    """What a walk gives, in packed order."""

    outputs: list[Tensor]  # (steps, ...) each
    after: list[Tensor]  # (steps, ...) each: the states that each step has handed on


def in_python(
    step: Step, inputs: Sequence[Tensor], active: list[int], states: Sequence[Tensor]
) -> Walked:
    """The walk as it stands: a call for each time, of the rows that are still running.

    Args:
        step: one.
        inputs: (steps, *feature) each, packed.
        active: the rows at each time: one time at least.
        states: (rows, ...) each, to start from.
    """
    outputs, after = [], []
    held = list(states)
    for n, *rows in zip(active, *(t.split(active) for t in inputs), strict=True):
        if held and len(held[0]) > n:
            held = [s[:n] for s in held]
        given, held = step(rows, held)
        outputs.append(given)
        after.append(held)
    every = ([torch.cat(parts) for parts in zip(*ends, strict=True)] for ends in (outputs, after))
    return Walked(*every)


def replayed(
    program: Program,
    step: Step,
    inputs: Sequence[Tensor],
    active: list[int],
    states: Sequence[Tensor],
    constants: Sequence[Tensor],
    library: bool,
) -> Walked:
    """As `in_python`, by the program of the step.

    Args:
        program: of the step.
        step: the same in Python.
        inputs: (steps, *feature) each, packed.
        active: the rows at each time: one time at least.
        states: (rows, ...) each, to start from.
        constants: what it takes from outside.
        library: whether walks go through the compiled library where it has what they need.
    """
    tensors = (*inputs, *states, *constants)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        found, gives = _Replay.apply(program, step, active, library, *tensors), len(program.outputs)
        return Walked(list(found[:gives]), list(found[gives:]))
    with torch.no_grad():
        outputs, after, _ = _there(program, program.there(False), active, tensors, library)
    return Walked(outputs, after)


def _parts(program: Program, tensors: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Inputs, states and constants, or what stands for each."""
    first, given = len(program.inputs), len(program.inputs) + len(program.states)
    return list(tensors[:first]), list(tensors[first:given]), list(tensors[given:])


class _Took(NamedTuple):
    """What a walk has made, of all steps: (steps, ...) each."""

    after: list[Tensor]  # what each step hands on; of the way back only the first time's
    kept: list[Tensor]
    held: list[Tensor | None]  # what each step started from, where it is asked for


def _there(
    program: Program, way: Way, active: list[int], tensors: Sequence[Tensor], library: bool
) -> tuple[list[Tensor], list[Tensor], dict[int, Tensor]]:
    """The outputs, the states after each step, and all that is known."""
    (inputs, held, constants), steps = _parts(program, tensors), sum(active)
    given = (*program.inputs, *program.constants)
    slots = dict(zip(given, (*inputs, *constants), strict=True))
    way.before(steps, slots)
    if library and isinstance(way.lowered, Lowered):
        took = _Took(*way.lowered(active, held, [None] * len(held), *_taken(way, slots)))
    else:
        took = _took_there(way, active, held, slots)
    _known(way, took, slots)
    for slot, after in zip(program.after, took.after, strict=True):
        slots.setdefault(slot, after)
    way.after(steps, slots)
    return [slots[s] for s in program.outputs], took.after, slots


def _taken(way: Way, slots: dict[int, Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    return [slots[s] for s in way.fixed], [slots[s] for s, _ in way.cut]


def _known(way: Way, took: _Took, slots: dict[int, Tensor]) -> None:
    """Fills in what a walk has made for what comes after it."""
    slots.update(zip((s for s, _ in way.kept), took.kept, strict=True))
    slots.update((s, t) for s, t in zip(way.states, took.held, strict=True) if t is not None)


def _joined(
    way: Way, found: list[tuple[Tensor, ...]], before: list[list[Tensor]]
) -> tuple[list[Tensor], list[Tensor | None]]:
    """Of all steps what is kept, and what they started from, where that is asked for.

    Args:
        way: that was taken.
        found: what each time has given: the states after it, then what is kept.
        before: the states before it.
    """
    kept = [
        torch.cat([given[k] for given in found], axis)
        for k, (_, axis) in enumerate(way.kept, len(way.states))
    ]
    held = [
        torch.cat([states[k] for states in before]) if slot in way.held else None
        for k, slot in enumerate(way.states)
    ]
    return kept, held


def _took_there(way: Way, active: list[int], held: list[Tensor], slots: dict[int, Tensor]) -> _Took:
    """The walk by torch's operators."""
    count = len(held)
    step, fixed = way.walk.run, _taken(way, slots)[0]
    rows, before = active[0], []
    found: list[tuple[Tensor, ...]] = []
    for n, parts in zip(active, _cut(way, slots, active), strict=True):
        if n != rows:
            held = [s[:n] for s in held]
            rows = n
        before.append(held)
        given = step(n, *held, *fixed, *parts)
        held = list(given[:count])
        found.append(given)
    after = [torch.cat([given[k] for given in found]) for k in range(count)]
    return _Took(after, *_joined(way, found, before))


def _cut(way: Way, slots: dict[int, Tensor], active: list[int]) -> Any:
    """For each time the parts of what the walk takes."""
    if not way.cut:
        return [()] * len(active)
    return zip(*[slots[s].split(active, axis) for s, axis in way.cut], strict=True)


def _took_back(
    way: Way, active: list[int], like: list[Tensor], coming: list[Tensor | None],
    slots: dict[int, Tensor],
) -> _Took:  # fmt: skip
    """The walk back by torch's operators: the states' gradients in the place of states.

    Args:
        way: the way back.
        active: the rows at each time.
        like: (rows, ...) each: has the type and the shape of a row.
        coming: (steps, ...) each, the gradients of what each step has handed on.
        slots: what is known.
    """
    count = len(like)
    step, fixed = way.walk.run, _taken(way, slots)[0]
    parts = [None if d is None else d.split(active) for d in coming]
    held = [s.new_zeros((0, *s.shape[1:])) for s in like]
    rows, followed, found = 0, [], []
    times = range(len(active) - 1, -1, -1)
    for t, cut in zip(times, reversed(list(_cut(way, slots, active))), strict=True):
        n = active[t]
        if n != rows:
            held = [torch.cat([d, d.new_zeros(n - rows, *d.shape[1:])]) for d in held]
            rows = n
        held = [d if p is None else d + p[t] for d, p in zip(held, parts, strict=True)]
        followed.append(held)
        given = step(n, *held, *fixed, *cut)
        held = list(given[:count])
        found.append(given)
    return _Took(held, *_joined(way, found[::-1], followed[::-1]))


class _Replay(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, program: Program, step: Step, active: list[int], library: bool, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        way = program.there(True)
        outputs, after, slots = _there(program, way, active, tensors, library)
        ctx.program, ctx.step, ctx.active, ctx.library = program, step, active, library
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *[slots[s] for s in way.saved])
        given = [*outputs, *after]
        # Nobody gets one tensor under two names.
        taken = [*tensors]
        for i, tensor in enumerate(given):
            if any(tensor is other for other in taken):
                given[i] = tensor.clone()
            taken.append(given[i])
        return tuple(given)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        program, active = ctx.program, ctx.active
        size = len(program.inputs) + len(program.states) + len(program.constants)
        tensors, saved = ctx.saved_tensors[:size], ctx.saved_tensors[size:]
        wanted = ctx.needs_input_grad[4:]
        if torch.is_grad_enabled():
            found = _again(program, ctx.step, active, tensors, gradients, wanted)
        else:
            found = _back(program, active, ctx.library, tensors, saved, gradients, wanted)
        return None, None, None, None, *found


def _again(
    program: Program, step: Step, active: list[int], tensors: Sequence[Tensor],
    gradients: Sequence[Tensor | None], wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    """The gradients as somebody differentiates them: the walk once more, in the open."""
    inputs, states, _ = _parts(program, tensors)
    walked = in_python(step, inputs, active, states)
    pairs = [
        (out, d)
        for out, d in zip((*walked.outputs, *walked.after), gradients, strict=True)
        if d is not None and out.requires_grad
    ]
    asked = [t for t, w in zip(tensors, wanted, strict=True) if w]
    found: Any = [None] * len(asked)
    if pairs:
        outs, ds = zip(*pairs, strict=True)
        found = torch.autograd.grad(outs, asked, ds, allow_unused=True, create_graph=True)
    turn = iter(found)
    return [next(turn) if w else None for w in wanted]


def _back(
    program: Program, active: list[int], library: bool, tensors: Sequence[Tensor],
    saved: Sequence[Tensor], gradients: Sequence[Tensor | None], wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    inputs, states, constants = _parts(program, tensors)
    asked, _, of_constants = _parts(program, wanted)
    way, steps = program.back(tuple(asked), tuple(of_constants)), sum(active)
    known = (*program.inputs, *program.constants)
    slots = dict(zip(known, (*inputs, *constants), strict=True))
    slots |= zip(program.there(True).saved, saved, strict=True)
    d_outputs, d_after = gradients[: len(program.outputs)], gradients[len(program.outputs) :]
    like = (*inputs, *states)[0]

    def zeros(slot: int) -> Tensor:
        shape, dtype, _ = program.about[slot]
        return like.new_zeros((steps, *shape[1:]), dtype=dtype)

    for slot, output, d in zip(program.d_outputs, program.outputs, d_outputs, strict=True):
        if slot is not None:
            slots[slot] = zeros(output) if d is None else d
    for k, slot in enumerate(program.d_after):
        if slot is not None and k not in program.moving:
            d = d_after[k]
            slots[slot] = zeros(program.after[k]) if d is None else d
    way.before(steps, slots)
    moving = program.moving
    coming = [d_after[k] for k in moving]
    if library and isinstance(way.lowered, Lowered):
        took = _Took(*way.lowered(active, [None] * len(moving), coming, *_taken(way, slots)))
    else:
        took = _took_back(way, active, [states[k] for k in moving], coming, slots)
    _known(way, took, slots)
    way.after(steps, slots)
    of_states: list[Tensor | None] = [None] * len(states)
    for k, d in zip(moving, took.after, strict=True):
        # A copy: nobody keeps all steps for the sake of the first.
        of_states[k] = d if len(d) == active[0] else d[: active[0]].clone()

    def found_for(d_slots: list[int | None], asked: list[bool]) -> list[Tensor | None]:
        pairs = zip(d_slots, asked, strict=True)
        return [slots[s] if w and s is not None else None for s, w in pairs]

    of_inputs = found_for(program.d_inputs, asked)
    return [*of_inputs, *of_states, *found_for(program.d_constants, of_constants)]
