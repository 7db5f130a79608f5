"""The recurrent operator on the compiled library: products, then the walk, and the way back."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from . import products
from .activations import KNOWN
from .cells import GATES
from .library import DTYPES, Backward, Forward, Problem, address, call
from .products import Times
from .threads import threads

_CELLS = {"lstm": 0, "gru": 1, "gru_reset_before": 2, "simple_rnn": 3}
_NAMES = ("tanh", "sigmoid", "relu", "linear", "hard_sigmoid")
_ACTIVATIONS = {name: i for i, name in enumerate(_NAMES)}
assert set(_ACTIVATIONS) == set(KNOWN)


def forward(
    values: Tensor,
    offsets: Tensor,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    biases: Sequence[Tensor],
    recurrent_biases: Sequence[Tensor],
    h0: Tensor | None,
    c0: Tensor | None,
    mask: Tensor | None,
    cell: str,
    activation: str,
    recurrent_activation: str,
    reverse: list[bool],
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """See `reference.recurrent`.

    Returns:
        outputs, final h, final c; activated gates (directions, steps, gates * hidden) and what the
        cell saves (directions, steps, hidden), empty where the backward pass needs none.
    """
    directions, total, batch = len(reverse), len(values), len(offsets) - 1
    hidden = recurrent_kernels[0].shape[0]
    keeps = keep and cell != "simple_rnn"
    outputs = values.new_empty(total, directions * hidden)
    final_h = values.new_empty(directions, batch, hidden)
    final_c = torch.empty_like(final_h) if cell == "lstm" else values.new_empty(0)
    gates = values.new_empty(directions, total, GATES[cell] * hidden)
    saved = values.new_empty((directions, total, hidden) if keeps else 0)
    tensors = _contiguous(recurrent_kernels), _contiguous(recurrent_biases)
    h0, c0, mask, offsets = _contiguous([h0, c0, mask, offsets])
    values, *kernels = _contiguous([values, *kernels])
    products.run(
        [
            Times(gates[d], values, kernel, biases[d] if biases else None)
            for d, kernel in enumerate(kernels)
        ]
    )
    calls = (Forward * directions)()
    for d in range(directions):
        calls[d] = Forward(
            recurrent_kernel=address(tensors[0][d]),
            recurrent_bias=address(tensors[1][d]) if tensors[1] else None,
            initial_h=address(h0, d),
            initial_c=address(c0, d) if cell == "lstm" else None,
            mask=address(mask, d),
            gates=address(gates, d),
            h=outputs.data_ptr() + d * hidden * outputs.element_size(),
            saved=address(saved, d) if keeps else None,
            final_h=address(final_h, d),
            final_c=address(final_c, d) if cell == "lstm" else None,
            gates_stride=GATES[cell] * hidden,
            h_stride=directions * hidden,
            saved_stride=hidden,
            reverse=reverse[d],
        )
    problem = _problem(
        values, offsets, cell, activation, recurrent_activation, keep, mask, directions, hidden
    )
    call("unpad_forward", ctypes.byref(problem), calls)
    return outputs, final_h, final_c, gates if keeps else values.new_empty(0), saved


def backward(
    d_outputs: Tensor,
    d_final_h: Tensor,
    d_final_c: Tensor,
    values: Tensor,
    offsets: Tensor,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    recurrent_biases: Sequence[Tensor],
    h0: Tensor | None,
    c0: Tensor | None,
    mask: Tensor | None,
    outputs: Tensor,
    gates: Tensor,
    saved: Tensor,
    cell: str,
    activation: str,
    recurrent_activation: str,
    reverse: list[bool],
    inputs: bool,
) -> tuple[Tensor, list[Tensor], list[Tensor], list[Tensor], list[Tensor], Tensor, Tensor]:
    """The gradients of `forward`; see `torch_path.backward`."""
    directions, total = len(reverse), len(values)
    hidden, count = recurrent_kernels[0].shape[0], GATES[cell]
    recurrent_kernels = _contiguous(recurrent_kernels)
    h0, c0, mask, offsets, d_outputs, d_final_h, d_final_c = _contiguous(
        [h0, c0, mask, offsets, d_outputs, d_final_h, d_final_c]
    )
    d_gates = values.new_empty(directions, total, count * hidden)
    after = cell == "gru"
    d_saved = torch.empty_like(saved) if after else None
    d_h0 = torch.empty_like(d_final_h)
    d_c0 = torch.empty_like(d_final_c)
    calls = (Backward * directions)()
    step = hidden * values.element_size()
    for d in range(directions):
        calls[d] = Backward(
            recurrent_kernel=address(recurrent_kernels[d]),
            initial_h=address(h0, d),
            initial_c=address(c0, d) if cell == "lstm" else None,
            mask=address(mask, d),
            gates=None if cell == "simple_rnn" else address(gates, d),
            h=outputs.data_ptr() + d * step,
            saved=None if cell == "simple_rnn" else address(saved, d),
            d_h=d_outputs.data_ptr() + d * step,
            d_final_h=address(d_final_h, d),
            d_final_c=address(d_final_c, d) if cell == "lstm" else None,
            d_gates=address(d_gates, d),
            d_saved=address(d_saved, d),
            d_initial_h=address(d_h0, d),
            d_initial_c=address(d_c0, d) if cell == "lstm" else None,
            gates_stride=count * hidden,
            h_stride=directions * hidden,
            saved_stride=hidden,
            d_h_stride=directions * hidden,
            d_gates_stride=count * hidden,
            d_saved_stride=hidden,
            reverse=reverse[d],
        )
    problem = _problem(
        values, offsets, cell, activation, recurrent_activation, True, mask, directions, hidden
    )
    call("unpad_backward", ctypes.byref(problem), calls)
    values, *kernels = _contiguous([values, *kernels])
    d_values = torch.empty_like(values) if inputs else values.new_empty(0)
    d_kernels = [torch.empty_like(k) for k in kernels]
    d_recurrent = [torch.empty_like(k) for k in recurrent_kernels]
    d_biases = values.new_empty(directions, 1, count * hidden)
    d_shifts = values.new_empty(len(recurrent_biases), 1, count * hidden)
    wanted = [
        Times(d_values, d_gates[d], kernels[d], b_transposed=True, accumulate=d > 0)
        for d in range(directions if inputs else 0)
    ]
    for d in range(directions):
        wanted.append(Times(d_kernels[d], values, d_gates[d], a_transposed=True))
        wanted.append(products.column_sums(d_biases[d], d_gates[d]))
        inner = _inner_gradient(d_gates[d], None if d_saved is None else d_saved[d])
        previous = _previous_h(problem, outputs, h0, mask, d, reverse[d])
        kept = saved[d] if cell == "gru_reset_before" else None
        wanted += _recurrent_gradient(d_recurrent[d], previous, inner, kept)
        if recurrent_biases:
            for columns, part in inner:
                wanted.append(products.column_sums(d_shifts[d][:, columns], part))
    products.run(wanted)
    return (
        d_values, d_kernels, d_recurrent, list(d_biases[:, 0]), list(d_shifts[:, 0]), d_h0, d_c0,
    )  # fmt: skip


def _inner_gradient(d_gates: Tensor, d_saved: Tensor | None) -> list[tuple[slice, Tensor]]:
    """The gradient of h U + b', by columns: that of the gates, but for the candidate of a "gru"."""
    if d_saved is None:
        return [(slice(0, d_gates.shape[1]), d_gates)]
    split, end = 2 * d_saved.shape[1], d_gates.shape[1]
    return [(slice(0, split), d_gates[:, :split]), (slice(split, end), d_saved)]


def _recurrent_gradient(
    out: Tensor, previous: Tensor, inner: list[tuple[slice, Tensor]], kept: Tensor | None
) -> list[Times]:
    """The products that make the gradient of U.

    Args:
        out: (hidden, gates * hidden).
        previous: (steps, masks * hidden), what h U was given: one left operand, or one a gate.
        inner: the gradient of h U, by columns.
        kept: (steps, hidden), the left operand of the last gate, where it has one of its own.
    """
    hidden = len(out)
    lefts = list(previous.split(hidden, 1))
    if len(lefts) > 1 or kept is not None:
        inner = [
            (slice(columns.start + at, columns.start + at + hidden), part[:, at : at + hidden])
            for columns, part in inner
            for at in range(0, part.shape[1], hidden)
        ]
    lefts = [lefts[min(k, len(lefts) - 1)] for k in range(len(inner))]
    if kept is not None:
        lefts[-1] = kept
    return [
        Times(out[:, columns], left, part, a_transposed=True)
        for left, (columns, part) in zip(lefts, inner, strict=True)
    ]


def _previous_h(
    problem: Problem, outputs: Tensor, h0: Tensor | None, mask: Tensor | None, d: int, reverse: bool
) -> Tensor:
    """(steps, masks * hidden): what each step's recurrent product was given."""
    width = problem.hidden * max(1, problem.masks)
    previous = outputs.new_empty(len(outputs), width)
    pointer, int64 = ctypes.c_void_p, ctypes.c_int64
    call(
        "unpad_previous_h",
        ctypes.byref(problem),
        pointer(outputs.data_ptr() + d * problem.hidden * outputs.element_size()),
        int64(outputs.shape[1]),
        pointer(address(h0, d)),
        pointer(address(mask, d)),
        ctypes.c_int32(reverse),
        pointer(address(previous)),
        int64(width),
    )
    return previous


def _problem(
    values: Tensor,
    offsets: Tensor,
    cell: str,
    activation: str,
    recurrent_activation: str,
    keep: bool,
    mask: Tensor | None,
    directions: int,
    hidden: int,
) -> Problem:
    return Problem(
        _CELLS[cell],
        DTYPES[values.dtype],
        _ACTIVATIONS[activation],
        _ACTIVATIONS[recurrent_activation],
        keep,
        threads(),
        directions,
        0 if mask is None else mask.shape[2],
        0,
        0,
        len(values),
        len(offsets) - 1,
        hidden,
        offsets.data_ptr(),
    )


def _contiguous(tensors: Sequence[Any]) -> list[Any]:
    return [None if t is None else t.contiguous() for t in tensors]
