"""The recurrent operator through torch's packed recurrences: on a GPU, cuDNN's own kernels.

cuDNN walks sequences of different lengths packed by time, longest first, without empty ones. What
comes in is packed here and goes back to its steps. The same code runs on a CPU, where torch has
packed recurrences of its own, so that it is tested on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..ragged.own import Own
from .calls import Call, name_of
from .packing import Packing, pack
from .paths import forced

_CELLS = ("lstm", "gru")


def refuses(call: Call) -> str | None:
    """Why cuDNN does not compute this call; None where it does."""
    if call.values.is_cpu and forced() != "cudnn":
        return "the values lie on cpu, and cuDNN works on a GPU"  # said at every call: no f-string
    if not call.values.is_cuda and forced() != "cudnn":
        return f"the values lie on {call.values.device}, and cuDNN works on a GPU"
    if call.values.is_cuda and not torch.backends.cudnn.is_available():
        return "torch has no cuDNN here"
    if call.cell not in _CELLS:
        return f"it knows {' and '.join(_CELLS)}, not {call.cell}"
    if (call.activation, call.recurrent_activation) != ("tanh", "sigmoid"):
        return (
            "it knows the activations tanh and sigmoid, not "
            f"{name_of(call.activation)} and {name_of(call.recurrent_activation)}"
        )
    if call.mask is not None:
        return "it knows no recurrent dropout"
    return call.refused()


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
    activation: str,
    recurrent_activation: str,
    reverse: Sequence[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    """See `reference.recurrent`; of what `refuses` lets through."""
    directions, hidden = len(reverse), recurrent_kernels[0].shape[0]
    packing = pack(layout, [False])
    offsets = layout.offsets if isinstance(layout, Own) else layout
    lengths = offsets.diff()
    state = (directions, len(lengths), hidden)
    h_rows = packing.sorted(h0, values, state)
    c_rows = packing.sorted(c0, values, state)
    # Empty sequences stand last in the order; cuDNN must not see them.
    running = packing.active[0] if packing.active else 0
    if not running:
        outputs = values.new_zeros(0, directions * hidden)
        return outputs, packing.unsorted(h_rows), _c(cell, packing, c_rows)
    weights = _weights(cell, values, kernels, recurrent_kernels, biases, recurrent_biases)
    # torch walks forward, then backward; a call in the other order swaps them, and a single
    # backward direction is a forward one over mirrored sequences.
    swapped = bool(reverse[0])
    steps = packing.steps[0]
    if directions == 1 and swapped:
        steps = _mirror(offsets, packing)
    data = values.index_select(0, steps)
    flip = swapped and directions == 2
    order = [1, 0] if flip else list(range(directions))
    flat = [w for d in order for w in weights[d]]
    start = [s[order][:, :running].contiguous() for s in (h_rows, c_rows)]
    sizes = torch.tensor(packing.active)
    training = torch.is_grad_enabled()
    options = (flat, True, 1, 0.0, training, directions == 2)
    if cell == "lstm":
        packed, h, c = torch._VF.lstm(data, sizes, start, *options)  # pyright: ignore
    else:
        packed, h = torch._VF.gru(data, sizes, start[0], *options)  # pyright: ignore
        c = None
    outputs = packed.index_select(0, steps.argsort())
    if flip:
        outputs = outputs.unflatten(1, (2, hidden)).flip(1).flatten(1)
    h = torch.cat([h[order], h_rows[:, running:]], 1)
    if c is not None:
        c_rows = torch.cat([c[order], c_rows[:, running:]], 1)
    return outputs, packing.unsorted(h), _c(cell, packing, c_rows)


def _mirror(offsets: Tensor, packing: Packing) -> Tensor:
    """The step at each packed row when every sequence is walked from its own end."""
    step = packing.steps[0]
    sequence = packing.order[packing.rows]
    return offsets[sequence] + offsets[sequence + 1] - 1 - step


def _c(cell: str, packing: Packing, rows: Tensor) -> Tensor:
    return packing.unsorted(rows) if cell == "lstm" else rows.new_zeros(0)


def _weights(
    cell: str,
    values: Tensor,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    biases: Sequence[Tensor],
    recurrent_biases: Sequence[Tensor],
) -> list[list[Tensor]]:
    """Each direction's four weights as torch has them: transposed, a GRU's r before its z."""
    zeros = values.new_zeros(kernels[0].shape[1])
    out = []
    for d in range(len(kernels)):
        four = [
            kernels[d].T,
            recurrent_kernels[d].T,
            biases[d] if biases else zeros,
            recurrent_biases[d] if recurrent_biases else zeros,
        ]
        if cell == "gru":
            four = [_swap_first_two(w) for w in four]
        out.append([w.contiguous() for w in four])
    return out


def _swap_first_two(weight: Tensor) -> Tensor:
    z, r, n = weight.chunk(3)
    return torch.cat([r, z, n])
