"""Walks as one operator of a graph, torch's `scan`: what torch.export and torch.compile write down.

Everywhere else a walk is a loop over the times that there are. A graph is made once for all
lengths, so that its loop stands in it; all sequences take part to the end of the longest, and one
that has ended keeps its state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..ragged.own import Own
from ..ragged.side_by_side import side_by_side
from .cells import CELLS
from .reference import as_function

Function = Callable[[Tensor], Tensor]
#: Inputs of one time, states, and what all times share, to outputs and next states, row by row.
Step = Callable[[list[Tensor], list[Tensor], list[Tensor]], tuple[list[Tensor], list[Tensor]]]


def walk(
    step: Step,
    values: Sequence[Tensor],
    own: Own,
    states: Sequence[Tensor],
    shared: Sequence[Tensor],
    backwards: bool = False,
) -> tuple[list[Tensor], list[Tensor]]:
    """A step taken along each sequence.

    Args:
        step: of all rows at once.
        values: (steps, *feature) each.
        own: of the layout.
        states: (batch, ...) each, to start from.
        shared: what every step needs beside: it must hold no other tensor.
        backwards: whether each sequence is walked from its own end.

    Returns:
        the outputs, (steps, ...) each at its own step; the final states, (batch, ...) each.
    """
    grid = side_by_side(own, backwards)

    count, real_at = len(states), len(states) + len(values)

    def taken(*tensors: Tensor) -> list[Tensor]:
        held, rows, real = list(tensors[:count]), list(tensors[count:real_at]), tensors[real_at]
        outputs, after = step(rows, held, list(tensors[real_at + 1 :]))
        kept = [_where(real, new, old) for new, old in zip(after, held, strict=True)]
        # torch's scan lets no output be one of the inputs: hence the clone.
        return [*kept, *(output.clone() for output in outputs)]

    times = [part.transpose(0, 1) for part in (*map(grid.lay, values), grid.real)]
    # The operator itself: torch's function around it traces the step a second time, where it
    # asks whether there are times at all.
    found = torch.ops.higher_order.scan(taken, [s.clone() for s in states], times, tuple(shared))
    return [grid.take(o.transpose(0, 1)) for o in found[count:]], list(found[:count])


def recurrent(
    cell: str,
    values: Tensor,
    own: Own,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    biases: Sequence[Tensor],
    recurrent_biases: Sequence[Tensor],
    h0: Tensor | None,
    c0: Tensor | None,
    mask: Tensor | None,
    activation: str | Function,
    recurrent_activation: str | Function,
    reverse: Sequence[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    """As `reference.recurrent`, of the own of a layout."""
    record, hidden = CELLS[cell], recurrent_kernels[0].shape[0]
    act, rec = as_function(activation), as_function(recurrent_activation)
    count = record.gates
    outputs, final_h, final_c = [], [], []
    for d, backwards in enumerate(reverse):
        inputs = values @ kernels[d] + (biases[d] if biases else 0)
        shared = [recurrent_kernels[d]]
        shared += [recurrent_biases[d]] if recurrent_biases else []
        shared += [mask[d].expand(-1, count, -1)] if mask is not None else []

        def step(
            rows: list[Tensor], held: list[Tensor], shared: list[Tensor]
        ) -> tuple[list[Tensor], list[Tensor]]:
            weights = shared[0].chunk(count, 1)
            shifts = shared[1].chunk(count) if recurrent_biases else [0] * count
            masks = [1.0] * count if mask is None else shared[-1].unbind(1)

            def product(k: int, h: Tensor) -> Tensor:
                return (h * masks[k]) @ weights[k] + shifts[k]

            parts = rows[0].chunk(count, -1)
            h, c = record.step(parts, *held, product, act, rec)
            return [h], [h, c]

        zeros = values.new_zeros(own.batch, hidden)
        states = [zeros if start is None else start[d] for start in (h0, c0)]
        (rows,), (h, c) = walk(step, [inputs], own, states, shared, backwards)
        outputs.append(rows)
        final_h.append(h)
        final_c.append(c)
    c = torch.stack(final_c) if record.states == 2 else values.new_zeros(0)
    return torch.cat(outputs, 1), torch.stack(final_h), c


def _where(real: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(real.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
