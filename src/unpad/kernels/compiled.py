"""The recurrent operator on the compiled library: products, then the walk, and the way back."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .activations import KNOWN
from .cells import GATES
from .library import DTYPES, Problem, call, words
from .products import PRODUCT_WORDS, Matrix, as_words, matrix
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
    gates = values.new_empty((directions, total, count * hidden) if keeps else 0)
    saved = values.new_empty((directions, total, hidden) if keeps else 0)
    room = gates if keeps else _room(directions * total * count * hidden, values)
    values, offsets, h0, c0, mask = _contiguous([values, offsets, h0, c0, mask])
    kernels, recurrent_kernels = _contiguous(kernels), _contiguous(recurrent_kernels)
    recurrent_biases = _contiguous(recurrent_biases)
    inputs, size = matrix(values), values.element_size()
    width, step = count * hidden, hidden * size
    at_gates, at_outputs = room.data_ptr(), outputs.data_ptr()
    ways: list[int] = []
    projections: list[int] = []
    for d in range(directions):
        gates_of = Matrix(at_gates + d * total * width * size, total, width, width)
        bias = biases[d].data_ptr() if biases else 0
        projections += as_words(gates_of, inputs, matrix(kernels[d]), bias)
        ways += (  # unpad_forward_direction
            recurrent_kernels[d].data_ptr(),
            recurrent_biases[d].data_ptr() if recurrent_biases else 0,
            _part(h0, d),
            _part(c0, d),
            _part(mask, d),
            gates_of.at,
            at_outputs + d * step,
            _part(saved, d) if keeps else 0,
            _part(final_h, d),
            _part(final_c, d) if lstm else 0,
            width,
            directions * hidden,
            hidden,
            reverse[d],
        )
    problem = _problem(
        values, offsets, cell, activation, recurrent_activation, keep, mask, directions, hidden
    )
    call("unpad_forward", ctypes.byref(problem), words(ways), directions, words(projections))
    return outputs, final_h, final_c, gates, saved


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
    width, masks = count * hidden, 1 if mask is None else mask.shape[2]
    # What only the products after the walk read: gradients of the gates and of what a "gru" saves,
    # and the state before each step.
    parts = directions * total
    room = _room(parts * (width + masks * hidden + (hidden if after else 0)), values)
    d_h0, d_c0 = (None if state is None else torch.empty_like(state) for state in (h0, c0))
    d_values = torch.empty_like(values) if inputs else values.new_empty(0)
    d_kernels = [torch.empty_like(k) for k in kernels]
    d_recurrent = [torch.empty_like(k) for k in recurrent_kernels]
    d_biases = [values.new_empty(width) for _ in range(directions)]
    d_shifts = [torch.empty_like(b) for b in recurrent_biases]
    size, given = values.element_size(), matrix(values)
    step = hidden * size
    at_gates = room.data_ptr()
    at_previous = at_gates + parts * width * size
    at_saved = at_previous + parts * masks * step
    ways: list[int] = []
    back: list[int] = []
    rest: list[int] = []
    for d in range(directions):
        of_gates = Matrix(at_gates + d * total * width * size, total, width, width)
        left = Matrix(at_previous + d * total * masks * step, total, masks * hidden, masks * hidden)
        of_saved = Matrix(at_saved + d * total * step, total, hidden, hidden) if after else None
        ways += (  # unpad_backward_direction
            recurrent_kernels[d].data_ptr(),
            _part(h0, d),
            _part(c0, d),
            _part(mask, d),
            0 if simple else _part(gates, d),
            outputs.data_ptr() + d * step,
            0 if simple else _part(saved, d),
            0 if d_outputs is None else d_outputs.data_ptr() + d * step,
            _part(d_final_h, d),
            _part(d_final_c, d) if lstm else 0,
            of_gates.at,
            0 if of_saved is None else of_saved.at,
            _part(d_h0, d),
            _part(d_c0, d),
            left.at,
            width,
            directions * hidden,
            hidden,
            directions * hidden,
            width,
            hidden,
            reverse[d],
        )
        kernel = matrix(kernels[d])
        if inputs:
            back += as_words(
                matrix(d_values), of_gates, kernel, b_transposed=True, accumulate=d > 0
            )
        of_kernel = Matrix(d_kernels[d].data_ptr(), *kernel[1:])
        rest += as_words(of_kernel, given, of_gates, sums=d_biases[d].data_ptr(), a_transposed=True)
        kept = None
        if cell == "gru_reset_before":
            kept = Matrix(_part(saved, d), total, hidden, hidden)
        at_shift = d_shifts[d].data_ptr() if d_shifts else 0
        rest += _recurrent_gradient(
            matrix(d_recurrent[d]), at_shift, left, _inner_gradient(of_gates, of_saved, size),
            kept, size,
        )  # fmt: skip
    problem = _problem(
        values, offsets, cell, activation, recurrent_activation, True, mask, directions, hidden
    )
    after_walk = words(back + rest)
    count = len(after_walk) // PRODUCT_WORDS
    call("unpad_backward", ctypes.byref(problem), words(ways), count, after_walk)
    return d_values, d_kernels, d_recurrent, d_biases, d_shifts, d_h0, d_c0


def _inner_gradient(d_gates: Matrix, d_saved: Matrix | None, size: int) -> list[Matrix]:
    """The gradient of h U + b', column by column: the gates', but for the candidate of a "gru"."""
    if d_saved is None:
        return [d_gates]
    return [d_gates.part(0, 2 * d_saved.columns, size), d_saved]


def _recurrent_gradient(
    out: Matrix, shift: int, previous: Matrix, inner: list[Matrix], kept: Matrix | None, size: int
) -> list[int]:
    """The products that make the gradient of U, and with them that of b'.

    Args:
        out: (hidden, gates * hidden).
        shift: where (gates * hidden,) of b' lies; 0 where there is none.
        previous: (steps, masks * hidden), what h U was given: one left operand, or one a gate.
        inner: the gradient of h U, by columns.
        kept: (steps, hidden), the left operand of the last gate, where it has one of its own.
        size: bytes of an element.
    """
    hidden, several = out.rows, previous.columns > out.rows
    if several or kept is not None:
        inner = [
            part.part(at, at + hidden, size)
            for part in inner
            for at in range(0, part.columns, hidden)
        ]
    filled: list[int] = []
    at = 0
    for k, part in enumerate(inner):
        left = previous.part(k * hidden, (k + 1) * hidden, size) if several else previous
        if kept is not None and k == len(inner) - 1:
            left = kept
        filled += as_words(
            out.part(at, at + part.columns, size),
            left,
            part,
            sums=shift and shift + at * size,
            a_transposed=True,
        )
        at += part.columns
    return filled


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


_rooms = threading.local()
_MOST_KEPT = 64 << 20  # bytes; more goes back to the system


def _room(count: int, like: Tensor) -> Tensor:
    """Memory for so many numbers, this thread's own, until it asks again.

    Fresh memory is fresh pages, .1 ms a megabyte, and not in any cache.
    """
    room: Tensor | None = getattr(_rooms, "held", None)
    if room is None or room.dtype != like.dtype or len(room) < count:
        room = like.new_empty(count)
        _rooms.held = room if room.nbytes <= _MOST_KEPT else None
    return room


def _part(tensor: Tensor | None, d: int) -> int:
    """Where the part of direction d lies, in a contiguous tensor; 0 for nothing."""
    if tensor is None:
        return 0
    at = tensor.data_ptr()
    return at + d * tensor.stride(0) * tensor.element_size() if d else at


def _contiguous(tensors: Sequence[Any]) -> list[Any]:
    return [None if t is None else t.contiguous() for t in tensors]
