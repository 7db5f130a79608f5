"""The LSTM in torch's own operators, step by step over all running sequences and directions.

The path that serves where there is no compiled kernel. The input projection is one GEMM, each time
step one batched GEMM over both directions, the weight gradients one GEMM again; only rows that are
still running are touched.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .activations import KNOWN
from .packing import Packing, pack


def lstm_forward(
    values: Tensor,
    offsets: Tensor,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    biases: Sequence[Tensor],
    h0: Tensor | None,
    c0: Tensor | None,
    recurrent_mask: Tensor | None,
    activation: str,
    recurrent_activation: str,
    reverse: list[bool],
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """See `reference.lstm`. Also gives what the backward pass needs, where `keep` is True.

    Returns:
        outputs, final h, final c; then, in packed order: activated gates (directions, steps,
        4 * hidden), cells and outputs (directions, steps, hidden), each empty without `keep`.
    """
    packing = pack(offsets, reverse)
    directions, batch = len(reverse), len(offsets) - 1
    hidden = recurrent_kernels[0].shape[0]
    gates = _project(values, packing, kernels, biases)
    recurrent = _stacked(recurrent_kernels)
    state_shape = (directions, batch, hidden)
    h = _sorted_rows(h0, packing, values, state_shape)
    c = _sorted_rows(c0, packing, values, state_shape)
    mask = None if recurrent_mask is None else recurrent_mask.index_select(1, packing.order)
    act_, gate_act_ = KNOWN[activation].apply_, KNOWN[recurrent_activation].apply_
    outputs = values.new_empty(directions, len(values), hidden)
    cells = torch.empty_like(outputs) if keep else outputs[:, :0]

    for start, n in zip(packing.starts, packing.active, strict=True):
        rows = gates[:, start : start + n]
        running = h[:, :n]
        before = running if mask is None else running * mask[:, :n]
        rows.baddbmm_(before, recurrent)
        gate_act_(rows[..., : 2 * hidden])
        act_(rows[..., 2 * hidden : 3 * hidden])
        gate_act_(rows[..., 3 * hidden :])
        i, f, g, o = rows.split(hidden, -1)
        cell = c[:, :n].mul_(f).addcmul_(i, g)
        if keep:
            cells[:, start : start + n] = cell
        torch.mul(o, act_(cell.clone()), out=running)
        outputs[:, start : start + n] = running

    by_step = _to_steps(outputs, packing)
    back = packing.order.argsort()
    final_h, final_c = h.index_select(1, back), c.index_select(1, back)
    if not keep:
        nothing = values.new_empty(0)
        return by_step, final_h, final_c, nothing, nothing.clone(), nothing.clone()
    return by_step, final_h, final_c, gates, cells, outputs


def lstm_backward(
    d_outputs: Tensor,
    d_final_h: Tensor,
    d_final_c: Tensor,
    values: Tensor,
    offsets: Tensor,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    h0: Tensor | None,
    c0: Tensor | None,
    recurrent_mask: Tensor | None,
    gates: Tensor,
    cells: Tensor,
    outputs: Tensor,
    activation: str,
    recurrent_activation: str,
    reverse: list[bool],
) -> tuple[Tensor, list[Tensor], list[Tensor], list[Tensor], Tensor, Tensor]:
    """The gradients of `lstm_forward`.

    Returns:
        of values, kernels, recurrent kernels, biases (always given), h0 and c0.
    """
    packing = pack(offsets, reverse)
    hidden = recurrent_kernels[0].shape[0]
    state_shape = d_final_h.shape
    mask = None if recurrent_mask is None else recurrent_mask.index_select(1, packing.order)
    act, gate_act = KNOWN[activation], KNOWN[recurrent_activation]

    # Everything that does not depend on the gradient, for all steps at once.
    i, f, g, o = gates.split(hidden, -1)
    c_start = _sorted_rows(c0, packing, values, state_shape)
    c_before = torch.cat([c_start, cells], 1).index_select(1, packing.previous)
    squashed = act.apply_(cells.clone())
    through_output = o * act.slope(squashed)  # d h / d c
    slopes = torch.cat(
        [g * gate_act.slope(i), c_before * gate_act.slope(f), i * act.slope(g)], -1
    )  # d c / d z for the three gates that make the cell
    output_slope = squashed * gate_act.slope(o)  # d h / d z_o

    d_out = torch.stack(
        [
            part.index_select(0, steps)
            for part, steps in zip(d_outputs.split(hidden, 1), packing.steps, strict=True)
        ]
    )
    d_h = d_final_h.index_select(1, packing.order)
    d_c = d_final_c.index_select(1, packing.order)
    d_gates = torch.empty_like(gates)
    back = _stacked(recurrent_kernels).transpose(1, 2)
    for start, n in zip(reversed(packing.starts), reversed(packing.active), strict=True):
        now = slice(start, start + n)
        dh = d_h[:, :n].add_(d_out[:, now])
        dc = d_c[:, :n].addcmul_(dh, through_output[:, now])
        rows = d_gates[:, now]
        torch.mul(dh, output_slope[:, now], out=rows[..., 3 * hidden :])
        cell_gates = rows[..., : 3 * hidden].unflatten(-1, (3, hidden))
        cell_gates.copy_(slopes[:, now].unflatten(-1, (3, hidden)) * dc.unsqueeze(-2))
        dc.mul_(f[:, now])
        torch.bmm(rows, back, out=dh) if mask is None else dh.copy_(
            torch.bmm(rows, back).mul_(mask[:, :n])
        )

    h_start = _sorted_rows(h0, packing, values, state_shape)
    h_before = torch.cat([h_start, outputs], 1).index_select(1, packing.previous)
    if mask is not None:
        h_before = h_before * mask.index_select(1, packing.rows)
    inputs = torch.stack([values.index_select(0, steps) for steps in packing.steps])
    d_kernels = torch.bmm(inputs.transpose(1, 2), d_gates)
    d_recurrent = torch.bmm(h_before.transpose(1, 2), d_gates)
    d_biases = d_gates.sum(1)
    d_inputs = torch.bmm(d_gates, _stacked(kernels).transpose(1, 2))
    d_values = torch.empty_like(values)
    for d, steps in enumerate(packing.steps):
        if d == 0:
            d_values[steps] = d_inputs[0]
        else:
            d_values += torch.empty_like(values).index_copy_(0, steps, d_inputs[d])
    rows = packing.order.argsort()
    return (
        d_values,
        list(d_kernels),
        list(d_recurrent),
        list(d_biases),
        d_h.index_select(1, rows),
        d_c.index_select(1, rows),
    )


def _stacked(weights: Sequence[Tensor]) -> Tensor:
    return weights[0].unsqueeze(0) if len(weights) == 1 else torch.stack(tuple(weights))


def _project(
    values: Tensor, packing: Packing, kernels: Sequence[Tensor], biases: Sequence[Tensor]
) -> Tensor:
    """X W + b of every step, in packed order: (directions, steps, 4 * hidden)."""
    gates = values.new_empty(len(kernels), len(values), kernels[0].shape[1])
    for d, kernel in enumerate(kernels):
        rows = values.index_select(0, packing.steps[d])
        if biases:
            torch.addmm(biases[d], rows, kernel, out=gates[d])
        else:
            torch.mm(rows, kernel, out=gates[d])
    return gates


def _sorted_rows(
    state: Tensor | None, packing: Packing, like: Tensor, shape: Sequence[int]
) -> Tensor:
    return like.new_zeros(shape) if state is None else state.index_select(1, packing.order)


def _to_steps(packed: Tensor, packing: Packing) -> Tensor:
    """(directions, steps, hidden) in packed order to (steps, directions * hidden)."""
    directions, total, hidden = packed.shape
    by_step = packed.new_empty(total, directions, hidden)
    for d, steps in enumerate(packing.steps):
        by_step[:, d].index_copy_(0, steps, packed[d])
    return by_step.flatten(1)
