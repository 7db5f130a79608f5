"""What the recurrent operators compute: the specification. One sequence, one step at a time.

Slow and plain; every other path is tested against it, forward and backward (through autograd). A
step's equation stands in the record of its cell (cells.py).

Where there is a mask, h U is (h m) U: recurrent dropout, drawn once a sequence (Gal, Ghahramani
2016), one draw for all gates or one for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from ..ragged.own import Own
from .activations import KNOWN
from .cells import CELLS

Function = Callable[[Tensor], Tensor]


def recurrent(
    cell: str,
    values: Tensor,
    layout: Own | Tensor,
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
    """Walks every sequence in every direction.

    Args:
        cell: a name in `cells.CELLS`.
        values: (steps, feature).
        layout: offsets (batch + 1,), or the own of a layout.
        kernels: W of each direction, (feature, gates * hidden).
        recurrent_kernels: U of each direction, (hidden, gates * hidden).
        biases: b of each direction, (gates * hidden,), or none at all.
        recurrent_biases: b' of each direction, (gates * hidden,), or none.
        h0: (directions, batch, hidden), or None for zeros.
        c0: the same, of a cell of two states.
        mask: (directions, batch, 1 or gates, hidden), or None.
        activation: act of the cell's equation: a name in `KNOWN`, or any function.
        recurrent_activation: rec of it.
        reverse: for each direction, whether it walks from each sequence's own end to its start.

    Returns:
        outputs (steps, directions * hidden), each at its own step; final h and c (directions,
        batch, hidden), c empty where there is none. An empty sequence's final states are its
        initial ones.
    """
    offsets = layout.offsets if isinstance(layout, Own) else layout
    bounds, record = offsets.tolist(), CELLS[cell]
    act, rec = as_function(activation), as_function(recurrent_activation)
    hidden, count = recurrent_kernels[0].shape[0], record.gates
    nothing = values.new_zeros(0, hidden)
    outputs, final_h, final_c = [], [], []
    for d, backwards in enumerate(reverse):
        inputs = values @ kernels[d] + (biases[d] if biases else 0)
        weights = recurrent_kernels[d].chunk(count, 1)
        shifts = recurrent_biases[d].chunk(count) if recurrent_biases else [0] * count
        rows: list[Tensor] = [nothing] * len(values)
        hs, cs = [], []
        for b, (start, end) in enumerate(pairwise(bounds)):
            h = values.new_zeros(hidden) if h0 is None else h0[d, b]
            c = values.new_zeros(hidden) if c0 is None else c0[d, b]
            masks = [1.0] * count if mask is None else list(mask[d, b].expand(count, hidden))

            def product(k: int, h: Tensor, masks=masks, weights=weights, shifts=shifts) -> Tensor:
                return (h * masks[k]) @ weights[k] + shifts[k]

            for step in reversed(range(start, end)) if backwards else range(start, end):
                x = inputs[step].chunk(count)
                h, c = record.step(x, h, c, product, act, rec)
                rows[step] = h
            hs.append(h)
            cs.append(c)
        outputs.append(torch.stack(rows) if rows else nothing)
        final_h.append(torch.stack(hs) if hs else nothing)
        final_c.append(torch.stack(cs) if cs else nothing)
    c = torch.stack(final_c) if record.states == 2 else values.new_zeros(0)
    return torch.cat(outputs, 1), torch.stack(final_h), c


def as_function(activation: str | Function) -> Function:
    """An activation's own function, where it is given by its name."""
    if not isinstance(activation, str):
        return activation
    if activation not in KNOWN:
        raise ValueError(
            f"recurrent: unknown activation {activation!r}; known: {', '.join(KNOWN)}."
        )
    apply_ = KNOWN[activation].apply_
    return lambda x: apply_(x.clone())
