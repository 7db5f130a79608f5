"""The walk of unpad's own cells along each sequence, by the recurrent operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ... import kernels
from ...ragged import Ragged
from ...weights import activations
from ..basic.shared_rows import ids_of

if TYPE_CHECKING:
    from .cell import Cell

# Multiply-adds of a direction's product with its kernel from which on it pays to look for steps
# that have the same values: what is saved must be worth some 20 us.
_WORTH = 4_000_000


def walk(
    cells: Sequence[Cell],
    reverse: Sequence[bool],
    inputs: Ragged,
    initial_state: Sequence[Tensor] | None,
    ends: bool = True,
) -> tuple[Tensor, list[Tensor]]:
    """One cell, or both directions of a Bidirectional, in one call of the operator.

    Args:
        cells: of the same kind, units and options.
        reverse: for each, whether it walks from each sequence's own end to its start.
        inputs: (batch, steps*, feature).
        initial_state: the states of each cell in turn.
        ends: whether the final states are wanted; else none are given.

    Returns:
        outputs (steps, cells * units), each at its own step; the final states of each cell in
        turn, (batch, units).

    Raises:
        ValueError: the cells are built for another number of features.
    """
    first = cells[0]
    values = inputs.values
    weights: list[Any] = [weight for cell in cells for weight in cell.walk_weights()]
    feature, width = weights[0].shape
    if values.ndim != 2 or values.shape[1] != feature:
        # The kernels trust what they get.
        got = ", ".join(["batch", "steps*", *map(str, values.shape[1:])])
        raise ValueError(f"{first.who}: built for {feature} features, got ({got}).")
    drop, mask = first.draws(inputs.batch, len(cells), values)
    ids = None
    if drop is not None:
        values = (inputs * drop).values
    elif not torch.compiler.is_compiling() and values.numel() * width >= _WORTH:
        ids = ids_of(inputs)
    h0 = c0 = None
    count = first.cell_states
    if initial_state is not None:
        h0 = torch.stack(tuple(initial_state[::count]))
        c0 = torch.stack(tuple(initial_state[1::2])) if count == 2 else None
    outputs, h, c = kernels.trusted(
        first.operator,
        values,
        inputs.layout.own.offsets,
        ids,
        weights if len(cells) == 2 else [*weights, None, None, None, None],
        h0,
        c0,
        mask,
        _for_kernel(first.activation),
        _for_kernel(first.recurrent_activation),
        list(reverse),
        own=inputs.layout.own,
        half=first.half_type,
    )
    if not ends:
        return outputs, []
    if count == 1:
        return outputs, list(h.unbind())
    pairs = zip(h.unbind(), c.unbind(), strict=True)
    return outputs, [state for pair in pairs for state in pair]


def _for_kernel(activation: Callable[[Tensor], Tensor]) -> str | Callable[[Tensor], Tensor]:
    """The activation by the name that the kernels know, or as the function it is."""
    name = activations.name_of(activation)
    return name if name in kernels.KNOWN else activation
