"""The recurrent operator in torch's own operators: the path where there is no compiled kernel.

All running sequences and both directions take a step together; the input projection of all steps
is one GEMM, the weights' gradients are one GEMM again; only rows that still run are touched.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..ragged.own import Own
from . import torch_walk
from .activations import KNOWN
from .calls import Call
from .cells import CELLS
from .packing import Packing, pack
from .torch_walk import Kept, Walk
from .weights import by_kind, in_turn


def refuses(call: Call) -> str | None:
    """Why torch's operators do not walk this call; None where they do."""
    reason = call.refused()
    if reason is None and CELLS[call.cell].walk is None:
        return f"no walk is written for the cell {call.cell!r}"
    return reason


def forward(
    values: Tensor, layout: Own | Tensor, ids: Tensor | None, weights: Sequence[Tensor | None],
    h0: Tensor | None, c0: Tensor | None, mask: Tensor | None,
    cell: str, activation: str, recurrent_activation: str, reverse: list[bool], keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor | None]:  # fmt: skip
    """As `compiled.forward`; the ids are no help here.

    The layout is bare offsets, or a layout's own, which keeps the order for the backward pass.

    Returns:
        outputs, final h, final c; then what the backward pass needs, in packed order and None
        without `keep`: activated gates (directions, steps, gates * hidden) and what the cell saves
        (directions, steps, hidden).
    """
    kernels, recurrent_kernels, biases, recurrent_biases = by_kind(weights)
    walk = _walk(
        layout, recurrent_kernels, recurrent_biases, mask, activation, recurrent_activation,
        reverse,
    )  # fmt: skip
    packing, hidden, record = walk.packing, recurrent_kernels[0].shape[0], CELLS[cell]
    shape = (len(reverse), len(packing.order), hidden)
    gates = _project(values, packing, kernels, biases)
    h = packing.sorted(h0, values, shape)
    c = packing.sorted(c0, values, shape) if record.states == 2 else None
    keeps = keep and record.keeps
    saved = values.new_empty(len(reverse), len(values), hidden) if keeps else None
    outputs = torch_walk.forward(record.walk, walk, gates, h, c, saved)
    by_step = packing.scatter(outputs)
    final_h = packing.unsorted(h)
    final_c = values.new_empty(0) if c is None else packing.unsorted(c)
    if saved is None:
        return by_step, final_h, final_c, None, None
    return by_step, final_h, final_c, gates, saved


def backward(
    d_outputs: Tensor | None, d_final_h: Tensor | None, d_final_c: Tensor | None,
    values: Tensor, layout: Own | Tensor, ids: Tensor | None, weights: Sequence[Tensor | None],
    h0: Tensor | None, c0: Tensor | None, mask: Tensor | None,
    outputs: Tensor, gates: Tensor, saved: Tensor,
    cell: str, activation: str, recurrent_activation: str, reverse: list[bool], inputs: bool,
) -> list[Tensor | None]:  # fmt: skip
    """The gradients of `forward`, as `compiled.backward` has them."""
    kernels, recurrent_kernels, biases, recurrent_biases = by_kind(weights)
    walk = _walk(
        layout, recurrent_kernels, recurrent_biases, mask, activation, recurrent_activation,
        reverse,
    )  # fmt: skip
    packing, hidden, record = walk.packing, recurrent_kernels[0].shape[0], CELLS[cell]
    shape = (len(reverse), len(packing.order), hidden)
    h_before = packing.before(
        packing.sorted(h0, values, shape), packing.gather(outputs, len(reverse))
    )
    c_before = None
    if record.states == 2:
        c_before = packing.before(packing.sorted(c0, values, shape), saved)
    d_outputs = torch.zeros_like(outputs) if d_outputs is None else d_outputs
    d_out = packing.gather(d_outputs, len(reverse))
    d_h = packing.sorted(d_final_h, values, shape)
    d_c = packing.sorted(d_final_c, values, shape) if record.states == 2 else None
    if not record.keeps:
        gates = packing.gather(outputs, len(reverse))
    kept = Kept(gates, saved, h_before, c_before)
    _, d_inner, d_gates, lefts = torch_walk.backward(record.walk, walk, kept, d_out, d_h, d_c)
    pieces = zip(lefts, d_inner.split(hidden, -1), strict=True)
    d_recurrent = torch.cat([torch.bmm(a.transpose(1, 2), d) for a, d in pieces], -1)
    rows = torch.stack([values.index_select(0, steps) for steps in packing.steps])
    d_kernels = torch.bmm(rows.transpose(1, 2), d_gates)
    d_values = None
    if inputs:
        stacked = torch.stack(tuple(kernels)).transpose(1, 2)
        d_values = packing.scatter(torch.bmm(d_gates, stacked))
        d_values = d_values.unflatten(1, (len(reverse), -1)).sum(1)
    d_weights = in_turn(
        list(d_kernels),
        list(d_recurrent),
        list(d_gates.sum(1)) if biases else [],
        list(d_inner.sum(1)) if recurrent_biases else [],
    )
    return [
        d_values,
        *d_weights,
        None if h0 is None else packing.unsorted(d_h),
        None if c0 is None or d_c is None else packing.unsorted(d_c),
    ]


def _walk(
    layout: Own | Tensor,
    recurrent_kernels: Sequence[Tensor],
    recurrent_biases: Sequence[Tensor],
    mask: Tensor | None,
    activation: str,
    recurrent_activation: str,
    reverse: list[bool],
) -> Walk:
    packing = pack(layout, reverse)
    return Walk(
        packing,
        torch.stack(tuple(recurrent_kernels)),
        torch.stack(tuple(recurrent_biases)).unsqueeze(1) if recurrent_biases else None,
        None if mask is None else mask.index_select(1, packing.order),
        KNOWN[activation],
        KNOWN[recurrent_activation],
    )


def _project(
    values: Tensor, packing: Packing, kernels: Sequence[Tensor], biases: Sequence[Tensor]
) -> Tensor:
    """X W + b of every step, in packed order: (directions, steps, gates * hidden)."""
    gates = values.new_empty(len(kernels), len(values), kernels[0].shape[1])
    for d, kernel in enumerate(kernels):
        rows = values.index_select(0, packing.steps[d])
        if biases:
            torch.addmm(biases[d], rows, kernel, out=gates[d])
        else:
            torch.mm(rows, kernel, out=gates[d])
    return gates
