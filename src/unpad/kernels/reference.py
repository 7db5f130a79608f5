"""What the recurrent operators compute: the specification. One sequence, one step at a time.

Slow and plain; every other path is tested against it, forward and backward (through autograd).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor


def lstm(
    values: Tensor,
    offsets: Tensor,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    biases: Sequence[Tensor],
    h0: Tensor | None,
    c0: Tensor | None,
    recurrent_mask: Tensor | None,
    activation: Callable[[Tensor], Tensor],
    recurrent_activation: Callable[[Tensor], Tensor],
    reverse: Sequence[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    """Hochreiter and Schmidhuber's LSTM (1997); gates in Keras's order i, f, g (cell), o.

    i, f, o = recurrent_activation(x W + (h * m) U + b); g = activation(the same)
    c = f * c + i * g;  h = o * activation(c)

    Args:
        values: (steps, feature).
        offsets: (batch + 1,).
        kernels: for each direction (feature, 4 * hidden).
        recurrent_kernels: for each direction (hidden, 4 * hidden).
        biases: for each direction (4 * hidden,), or none at all.
        h0: (directions, batch, hidden), or None for zeros.
        c0: (directions, batch, hidden), or None for zeros.
        recurrent_mask: (directions, batch, hidden) `m` above, one draw a sequence, or None.
        activation: of the cell and of the output.
        recurrent_activation: of the three gates.
        reverse: for each direction, whether it walks from each sequence's own end to its start.

    Returns:
        outputs (steps, directions * hidden), each at its own step; final h and c (directions,
        batch, hidden). An empty sequence's final state is its initial one.
    """
    bounds = offsets.tolist()
    hidden = recurrent_kernels[0].shape[0]
    outputs, final_h, final_c = [], [], []
    for d, backwards in enumerate(reverse):
        rows: list[Tensor | None] = [None] * len(values)
        hs, cs = [], []
        for b, (start, end) in enumerate(pairwise(bounds)):
            h = values.new_zeros(hidden) if h0 is None else h0[d, b]
            c = values.new_zeros(hidden) if c0 is None else c0[d, b]
            for step in reversed(range(start, end)) if backwards else range(start, end):
                before = h if recurrent_mask is None else h * recurrent_mask[d, b]
                z = values[step] @ kernels[d] + before @ recurrent_kernels[d]
                if biases:
                    z = z + biases[d]
                i, f, g, o = z.chunk(4)
                i, f, o = (recurrent_activation(gate) for gate in (i, f, o))
                c = f * c + i * activation(g)
                h = o * activation(c)
                rows[step] = h
            hs.append(h)
            cs.append(c)
        outputs.append(torch.stack(rows) if rows else values.new_zeros(0, hidden))  # pyright: ignore[reportArgumentType]
        final_h.append(torch.stack(hs) if hs else values.new_zeros(0, hidden))
        final_c.append(torch.stack(cs) if cs else values.new_zeros(0, hidden))
    return torch.cat(outputs, 1), torch.stack(final_h), torch.stack(final_c)
