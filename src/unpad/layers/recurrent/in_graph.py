"""The walk of any cell as one operator of a graph, which torch.export and torch.compile make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...core.structure import arranged, flat
from ...kernels import scanned
from ...ragged import Ragged

#: One step of a cell: inputs and states, as it gets them, to the output and the next states.
Step = Callable[[Tensor, list[Any]], tuple[Tensor, Any]]


class _OneStep(torch.nn.Module):
    """A step as a module, whose weights a graph's loop hands in."""

    def __init__(self, cell: Any, step: Step) -> None:
        super().__init__()
        self.cell, self.step = cell, step

    def forward(self, x: Tensor, states: list[Any]) -> tuple[Tensor, Any]:
        return self.step(x, states)


def walk_in_graph(
    cell: Any,
    step: Step,
    inputs: Ragged,
    first: list[Any],
    given: list[Tensor] | None,
    backwards: bool,
) -> tuple[Ragged, Tensor, list[Tensor]]:
    """Any cell along each sequence, for all lengths.

    Args:
        cell: built.
        step: one of its steps.
        inputs: (batch, steps*, *feature).
        first: the states that it starts from, as it gets them.
        given: others to start from.
        backwards: whether each sequence is walked from its own end.

    Returns:
        the outputs, each at its own step; the last output of each sequence; the final states.
    """
    stepping = _OneStep(cell, step)
    weights = {**dict(stepping.named_parameters()), **dict(stepping.named_buffers())}
    states = flat(first) if given is None else given

    def taken(
        x: Tensor, held: list[Tensor], shared: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        named = dict(zip(weights, shared, strict=True))
        of_step = x, arranged(iter(held[1:]), first)
        output, after = torch.func.functional_call(stepping, named, of_step)
        return [output], [output.clone(), *flat(after)]

    # A step that is taken for nothing tells the shape of what comes out.
    output, _ = step(inputs.values[:1], arranged(iter([s[:1] for s in states]), first))
    last = output.new_zeros(inputs.batch, *output.shape[1:])
    (outputs,), (last, *ends) = scanned.walk(
        taken, inputs.values, inputs.layout.own, [last, *states], [*weights.values()], backwards
    )
    return inputs.with_values(outputs), last, ends
