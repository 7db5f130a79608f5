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
from .library import DTYPES, Problem, call, words
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
    hidden, count = recurrent_kernels[0].shape[0], GATES[cell]
    keeps, lstm = keep and cell != "simple_rnn", cell == "lstm"
    outputs = values.new_empty(total, directions * hidden)
    final_h = values.new_empty(directions, batch, hidden)
    final_c = torch.empty_like(final_h) if lstm else values.new_empty(0)
    gates = values.new_empty(directions, total, count * hidden)
    saved = values.new_empty((directions, total, hidden) if keeps else 0)
    values, offsets, h0, c0, mask = _contiguous([values, offsets, h0, c0, mask])
    kernels, recurrent_kernels = _contiguous(kernels), _contiguous(recurrent_kernels)
    recurrent_biases = _contiguous(recurrent_biases)
    projections = [
        Times(gates[d], values, kernels[d], biases[d] if biases else None)
        for d in range(directions)
    ]
    ways: list[int] = []
    size = values.element_size()
    for d in range(directions):
        ways += (  # unpad_forward_direction
            recurrent_kernels[d].data_ptr(),
            recurrent_biases[d].data_ptr() if recurrent_biases else 0,
            _part(h0, d),
            _part(c0, d) if lstm else 0,
            _part(mask, d),
            _part(gates, d),
            outputs.data_ptr() + d * hidden * size,
            _part(saved, d) if keeps else 0,
            _part(final_h, d),
            _part(final_c, d) if lstm else 0,
            count * hidden,
            directions * hidden,
            hidden,
            reverse[d],
        )
    problem = _problem(
        values, offsets, cell, activation, recurrent_activation, keep, mask, directions, hidden
    )
    call(
        "unpad_forward", ctypes.byref(problem), words(ways), len(projections),
        products.as_words(projections),
    )  # fmt: skip
    return outputs, final_h, final_c, gates if keeps else values.new_empty(0), saved


def backward(
    d_outputs: Tensor | None,
    d_final_h: Tensor | None,
    d_final_c: Tensor | None,
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
) -> tuple[Any, ...]:
    """The gradients of `forward`; see `torch_path.backward`.

    A gradient that is None is one of zeros; those of states that were not given are None.
    """
    directions, total = len(reverse), len(values)
    hidden, count = recurrent_kernels[0].shape[0], GATES[cell]
    lstm, simple, after = cell == "lstm", cell == "simple_rnn", cell == "gru"
    h0, c0, mask, offsets, values = _contiguous([h0, c0, mask, offsets, values])
    d_outputs, d_final_h, d_final_c = _contiguous([d_outputs, d_final_h, d_final_c])
    kernels, recurrent_kernels = _contiguous(kernels), _contiguous(recurrent_kernels)
    d_gates = values.new_empty(directions, total, count * hidden)
    d_saved = torch.empty_like(saved) if after else None
    d_h0, d_c0 = (None if state is None else torch.empty_like(state) for state in (h0, c0))
    masks = 1 if mask is None else mask.shape[2]
    previous = values.new_empty(directions, total, masks * hidden)
    ways: list[int] = []
    step = hidden * values.element_size()
    for d in range(directions):
        ways += (  # unpad_backward_direction
            recurrent_kernels[d].data_ptr(),
            _part(h0, d),
            _part(c0, d) if lstm else 0,
            _part(mask, d),
            0 if simple else _part(gates, d),
            outputs.data_ptr() + d * step,
            0 if simple else _part(saved, d),
            0 if d_outputs is None else d_outputs.data_ptr() + d * step,
            _part(d_final_h, d),
            _part(d_final_c, d) if lstm else 0,
            _part(d_gates, d),
            _part(d_saved, d),
            _part(d_h0, d),
            _part(d_c0, d) if lstm else 0,
            _part(previous, d),
            count * hidden,
            directions * hidden,
            hidden,
            directions * hidden,
            count * hidden,
            hidden,
            reverse[d],
        )
    d_values = torch.empty_like(values) if inputs else values.new_empty(0)
    d_kernels = [torch.empty_like(k) for k in kernels]
    d_recurrent = [torch.empty_like(k) for k in recurrent_kernels]
    d_biases = [values.new_empty(count * hidden) for _ in range(directions)]
    d_shifts = [torch.empty_like(b) for b in recurrent_biases]
    wanted = [
        Times(d_values, d_gates[d], kernels[d], b_transposed=True, accumulate=d > 0)
        for d in range(directions if inputs else 0)
    ]
    for d in range(directions):
        wanted.append(Times(d_kernels[d], values, d_gates[d], a_transposed=True, sums=d_biases[d]))
        wanted += _recurrent_gradient(
            d_recurrent[d],
            d_shifts[d] if d_shifts else None,
            previous[d],
            _inner_gradient(d_gates[d], None if d_saved is None else d_saved[d]),
            saved[d] if cell == "gru_reset_before" else None,
        )
    problem = _problem(
        values, offsets, cell, activation, recurrent_activation, True, mask, directions, hidden
    )
    call(
        "unpad_backward", ctypes.byref(problem), words(ways), len(wanted), products.as_words(wanted)
    )
    return d_values, d_kernels, d_recurrent, d_biases, d_shifts, d_h0, d_c0


def _inner_gradient(d_gates: Tensor, d_saved: Tensor | None) -> list[tuple[slice, Tensor]]:
    """The gradient of h U + b', by columns: that of the gates, but for the candidate of a "gru"."""
    if d_saved is None:
        return [(slice(0, d_gates.shape[1]), d_gates)]
    split, end = 2 * d_saved.shape[1], d_gates.shape[1]
    return [(slice(0, split), d_gates[:, :split]), (slice(split, end), d_saved)]


def _recurrent_gradient(
    out: Tensor,
    shift: Tensor | None,
    previous: Tensor,
    inner: list[tuple[slice, Tensor]],
    kept: Tensor | None,
) -> list[Times]:
    """The products that make the gradient of U, and with them that of b'.

    Args:
        out: (hidden, gates * hidden).
        shift: (gates * hidden,) where there is a b'.
        previous: (steps, masks * hidden), what h U was given: one left operand, or one a gate.
        inner: the gradient of h U, by columns.
        kept: (steps, hidden), the left operand of the last gate, where it has one of its own.
    """
    hidden = len(out)
    lefts = list(previous.split(hidden, 1)) if previous.shape[1] > hidden else [previous]
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
        Times(
            out[:, columns],
            left,
            part,
            a_transposed=True,
            sums=None if shift is None else shift[columns],
        )
        for left, (columns, part) in zip(lefts, inner, strict=True)
    ]


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


def _part(tensor: Tensor | None, d: int) -> int:
    """Where the part of direction d lies, in a contiguous tensor; 0 for nothing."""
    if tensor is None:
        return 0
    at = tensor.data_ptr()
    return at + d * tensor.stride(0) * tensor.element_size() if d else at


def _contiguous(tensors: Sequence[Any]) -> list[Any]:
    return [None if t is None else t.contiguous() for t in tensors]
