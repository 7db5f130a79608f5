"""A step that is on a tape, taken along packed rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .program import Program, Way
from .tape import Step


class Walked(NamedTuple):
    """What a walk gives, in packed order."""

    outputs: Tensor  # (steps, ...)
    after: list[Tensor]  # (steps, ...) each: the states that each step has handed on


def in_python(step: Step, inputs: Tensor, active: list[int], states: Sequence[Tensor]) -> Walked:
    """The walk as it stands: a call for each time, of the rows that are still running.

    Args:
        step: one.
        inputs: (steps, *feature), packed.
        active: the rows at each time: one time at least.
        states: (rows, ...) each, to start from.
    """
    outputs, after = [], []
    held = list(states)
    for rows in inputs.split(active):
        if len(held[0] if held else rows) > len(rows):
            held = [s[: len(rows)] for s in held]
        output, held = step(rows, held)
        outputs.append(output)
        after.append(held)
    return Walked(torch.cat(outputs), [torch.cat(a) for a in zip(*after, strict=True)])


def replayed(
    program: Program,
    step: Step,
    inputs: Tensor,
    active: list[int],
    states: Sequence[Tensor],
    constants: Sequence[Tensor],
) -> Walked:
    """As `in_python`, by the program of the step; `constants` are what it takes from outside."""
    tensors = (inputs, *states, *constants)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        outputs, *after = _Replay.apply(program, step, active, len(states), *tensors)
        return Walked(outputs, after)
    with torch.no_grad():
        outputs, after, _ = _there(program, program.there(False), active, tensors, len(states))
    return Walked(outputs, after)


def _there(
    program: Program, way: Way, active: list[int], tensors: Sequence[Tensor], count: int
) -> tuple[Tensor, list[Tensor], dict[int, Tensor]]:
    """The outputs, the states after each step, and all that is known."""
    inputs, held, constants = tensors[0], list(tensors[1 : count + 1]), tensors[count + 1 :]
    slots = {program.inputs: inputs, **dict(zip(program.constants, constants, strict=True))}
    way.before(len(inputs), slots)
    step, fixed = way.walk.run, [slots[s] for s in way.fixed]
    cut = _cut(way, slots, active)
    rows, before, found = active[0], [], []
    for n, parts in zip(active, cut, strict=True):
        if n != rows:
            held = [s[:n] for s in held]
            rows = n
        before.append(held)
        given = step(n, *held, *fixed, *parts)
        held = given[:count]
        found.append(given)
    columns = list(zip(*found, strict=True))
    after = [torch.cat(columns[k]) for k in range(count)]
    for k, (slot, axis) in enumerate(way.kept, count):
        slots[slot] = torch.cat(columns[k], axis)
    for k, slot in enumerate(program.after):
        slots.setdefault(slot, after[k])
    wanted = {*way.after.takes, *way.saved}
    for k, slot in enumerate(program.states):
        if slot in wanted:
            slots[slot] = torch.cat([states[k] for states in before])
    way.after(len(inputs), slots)
    return slots[program.output], after, slots


def _cut(way: Way, slots: dict[int, Tensor], active: list[int]) -> Any:
    """For each time the parts of what the walk takes."""
    if not way.cut:
        return [()] * len(active)
    return zip(*[slots[s].split(active, axis) for s, axis in way.cut], strict=True)


class _Replay(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, program: Program, step: Step, active: list[int], count: int, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        way = program.there(True)
        outputs, after, slots = _there(program, way, active, tensors, count)
        ctx.program, ctx.step, ctx.active, ctx.count = program, step, active, count
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *[slots[s] for s in way.saved])
        given = [outputs, *after]
        # Nobody gets one tensor under two names.
        taken = [*tensors]
        for i, tensor in enumerate(given):
            if any(tensor is other for other in taken):
                given[i] = tensor.clone()
            taken.append(given[i])
        return tuple(given)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        program, active, count = ctx.program, ctx.active, ctx.count
        size = 1 + count + len(program.constants)
        tensors, saved = ctx.saved_tensors[:size], ctx.saved_tensors[size:]
        wanted = ctx.needs_input_grad[4:]
        if torch.is_grad_enabled():
            found = _again(ctx.step, active, tensors, count, gradients, wanted)
        else:
            found = _back(program, active, tensors, saved, gradients, wanted)
        return None, None, None, None, *found


def _again(
    step: Step, active: list[int], tensors: Sequence[Tensor], count: int,
    gradients: Sequence[Tensor | None], wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    """The gradients as somebody differentiates them: the walk once more, in the open."""
    walked = in_python(step, tensors[0], active, tensors[1 : count + 1])
    pairs = [
        (out, d)
        for out, d in zip((walked.outputs, *walked.after), gradients, strict=True)
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
    program: Program, active: list[int], tensors: Sequence[Tensor], saved: Sequence[Tensor],
    gradients: Sequence[Tensor | None], wanted: Sequence[bool],
) -> list[Tensor | None]:  # fmt: skip
    count = len(program.states)
    inputs, states, constants = tensors[0], tensors[1 : count + 1], tensors[count + 1 :]
    way = program.back(wanted[0], tuple(wanted[count + 1 :]))
    slots = {program.inputs: inputs, **dict(zip(program.constants, constants, strict=True))}
    slots |= zip(program.there(True).saved, saved, strict=True)
    d_output, *d_after = gradients

    def zeros(slot: int) -> Tensor:
        shape, dtype, _ = program.about[slot]
        return inputs.new_zeros((len(inputs), *shape[1:]), dtype=dtype)

    if program.d_output is not None:
        slots[program.d_output] = zeros(program.output) if d_output is None else d_output
    for k, slot in enumerate(program.d_after):
        if slot is not None and k not in program.moving:
            d = d_after[k]
            slots[slot] = zeros(program.after[k]) if d is None else d
    way.before(len(inputs), slots)
    step, fixed = way.walk.run, [slots[s] for s in way.fixed]
    moving = program.moving
    coming = [d_after[k] for k in moving]
    parts = [None if d is None else d.split(active) for d in coming]
    held: list[Tensor] = [inputs.new_zeros((0, *s.shape[1:]), dtype=s.dtype) for s in
                          (states[k] for k in moving)]  # fmt: skip
    rows, found = 0, []
    followed = []
    times = range(len(active) - 1, -1, -1)
    for t, cut in zip(times, reversed(list(_cut(way, slots, active))), strict=True):
        n = active[t]
        if n != rows:
            held = [torch.cat([d, d.new_zeros(n - rows, *d.shape[1:])]) for d in held]
            rows = n
        held = [d if p is None else d + p[t] for d, p in zip(held, parts, strict=True)]
        followed.append(held)
        given = step(n, *held, *fixed, *cut)
        held = list(given[: len(moving)])
        found.append(given)
    columns = [column[::-1] for column in zip(*found, strict=True)]
    for i, (slot, axis) in enumerate(way.kept, len(moving)):
        slots[slot] = torch.cat(columns[i], axis)
    for i, slot in enumerate(way.states):
        if slot in way.after.takes:
            slots[slot] = torch.cat([d[i] for d in followed[::-1]])
    way.after(len(inputs), slots)
    of_states: list[Tensor | None] = [None] * count
    for i, k in enumerate(moving):
        of_states[k] = held[i]
    every = [program.d_inputs, *[None] * count, *program.d_constants]
    given = [slots[s] if w and s is not None else None for s, w in zip(every, wanted, strict=True)]
    return [given[0], *of_states, *given[count + 1 :]]
