"""The walk of any cell as one operator of a graph, which torch.export and torch.compile make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...core.structure import arranged, flat, in_order, mapped
from ...kernels import scanned
from ...ragged import Ragged

#: One step of a cell: inputs and states, as it gets them, to the output and the next states.
Step = Callable[[Any, Any], tuple[Any, Any]]


class _OneStep(torch.nn.Module):
    """A step as a module, whose weights a graph's loop hands in."""

    def __init__(self, cell: Any, step: Step) -> None:
        super().__init__()
        self.cell, self.step = cell, step

    def forward(self, x: Any, states: Any) -> tuple[Any, Any]:
        return self.step(x, states)


def walk_in_graph(
    cell: Any,
    step: Step,
    inputs: Any,
    first: Any,
    given: list[Tensor] | None,
    backwards: bool,
) -> tuple[Any, Any, list[Tensor]]:
    """Any cell along each sequence, for all lengths.

    Args:
        cell: built.
        step: one of its steps.
        inputs: (batch, steps*, *feature), or a tree of such on one layout.
        first: the states that it starts from, as it gets them.
        given: others to start from, flat.
        backwards: whether each sequence is walked from its own end.

    Returns:
        the outputs, each at its own step; the last output of each sequence; the final states, flat.
    """
    parts: list[Ragged] = flat(inputs)
    stepping = _OneStep(cell, step)
    weights = {**dict(stepping.named_parameters()), **dict(stepping.named_buffers())}
    states = flat(first) if given is None else given

    # A step that is taken for nothing tells the form and the shapes of what comes out.
    few = mapped(lambda part: part.values[:1], inputs)
    form, _ = step(few, arranged(iter([s[:1] for s in states]), first))
    gives = len(flat(form))

    def taken(
        rows: list[Tensor], held: list[Tensor], shared: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        named = dict(zip(weights, shared, strict=True))
        of_step = arranged(iter(rows), inputs), arranged(iter(held[gives:]), first)
        output, after = torch.func.functional_call(stepping, named, of_step)
        outputs, ends = flat(output), in_order(after, first)
        return outputs, [*(o.clone() for o in outputs), *(flat(after) if ends is None else ends)]

    last = [o.new_zeros(parts[0].batch, *o.shape[1:]) for o in flat(form)]
    outputs, ends = scanned.walk(
        taken, [part.values for part in parts], parts[0].layout.own, [*last, *states],
        [*weights.values()], backwards,
    )  # fmt: skip
    by_step = arranged(map(parts[0].with_values, outputs), form)
    return by_step, arranged(iter(ends[:gives]), form), ends[gives:]
