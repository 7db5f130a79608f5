"""The compiled CPU kernels (csrc/) through ctypes: the recurrence; torch does the large GEMMs.

The library is built with the package. Where it is missing, "torch" serves, and one line says so.
"""

from __future__ import annotations

import ctypes
import os
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .activations import KNOWN
from .cells import GATES

_FILE = Path(__file__).parent / "libunpad_kernels.so"
_VERSION = 1
_CELLS = {"lstm": 0, "gru": 1, "gru_reset_before": 2, "simple_rnn": 3}
_ACTIVATIONS = {
    name: i for i, name in enumerate(("tanh", "sigmoid", "relu", "linear", "hard_sigmoid"))
}
_DTYPES = {torch.float32: 0, torch.float64: 1}
_ERRORS = {
    1: "an array that it needs is null",
    2: "a size or stride is impossible",
    3: "an option is unknown",
    4: "out of memory",
}
_P, _I32, _I64 = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64


class _Problem(ctypes.Structure):
    _fields_ = [
        *((name, _I32) for name in ("cell", "dtype", "activation", "recurrent_activation", "keep",
                                    "threads", "directions", "masks", "plan", "reserved")),
        *((name, _I64) for name in ("steps", "batch", "hidden")),
        ("offsets", _P),
    ]  # fmt: skip


class _Forward(ctypes.Structure):
    _fields_ = [
        *((name, _P) for name in ("recurrent_kernel", "recurrent_bias", "initial_h", "initial_c",
                                  "mask", "gates", "h", "saved", "final_h", "final_c")),
        *((name, _I64) for name in ("gates_stride", "h_stride", "saved_stride", "reverse")),
    ]  # fmt: skip


class _Backward(ctypes.Structure):
    _fields_ = [
        *((name, _P) for name in ("recurrent_kernel", "initial_h", "initial_c", "mask", "gates",
                                  "h", "saved", "d_h", "d_final_h", "d_final_c", "d_gates",
                                  "d_saved", "d_initial_h", "d_initial_c")),
        *((name, _I64) for name in ("gates_stride", "h_stride", "saved_stride", "d_h_stride",
                                    "d_gates_stride", "d_saved_stride", "reverse")),
    ]  # fmt: skip


@cache
def _library() -> Any:
    """The loaded library, or None where there is none that can be used."""
    if os.environ.get("UNPAD_NO_COMPILED"):
        return None
    why = "it was not built (no C++ compiler when unpad was installed)"
    if _FILE.exists():
        try:
            library = ctypes.CDLL(str(_FILE))
            if library.unpad_kernels_version() == _VERSION:
                library.unpad_kernels_isa.restype = ctypes.c_char_p
                return library
            why = "it is of another version"
        except OSError as error:
            why = str(error)
    warnings.warn(
        f"unpad runs without its compiled kernels: {why}. Recurrent layers work, slower. With a "
        "C++ compiler (g++ or clang++) at hand: pip install --force-reinstall --no-deps unpad.",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def available() -> bool:
    """Whether the library is there. Where it is not, the first question warns, once."""
    return _library() is not None


def serves(values: Tensor) -> bool:
    """Whether these values can go through the compiled kernels."""
    return values.device.type == "cpu" and values.dtype in _DTYPES and available()


def describe() -> dict[str, object]:
    """Whether there is a library, and the instruction set it uses."""
    library = _library()
    isa = None if library is None else library.unpad_kernels_isa().decode()
    return {"available": library is not None, "instruction_set": isa}


def force_instruction_set(name: str | None) -> None:
    """For tests: "avx512", "avx2" or "portable"; None goes back to the machine's best.

    Raises:
        ValueError: this machine has not got it.
    """
    library = _library()
    if library is None or library.unpad_kernels_force_isa(name.encode() if name else None):
        raise ValueError(f"kernels: no instruction set {name!r} on this machine.")


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
    for d, kernel in enumerate(kernels):
        if biases:
            torch.addmm(biases[d], values, kernel, out=gates[d])
        else:
            torch.mm(values, kernel, out=gates[d])
    calls = (_Forward * directions)()
    for d in range(directions):
        calls[d] = _Forward(
            recurrent_kernel=_at(tensors[0][d]),
            recurrent_bias=_at(tensors[1][d]) if tensors[1] else None,
            initial_h=_at(h0, d),
            initial_c=_at(c0, d) if cell == "lstm" else None,
            mask=_at(mask, d),
            gates=_at(gates, d),
            h=outputs.data_ptr() + d * hidden * outputs.element_size(),
            saved=_at(saved, d) if keeps else None,
            final_h=_at(final_h, d),
            final_c=_at(final_c, d) if cell == "lstm" else None,
            gates_stride=GATES[cell] * hidden,
            h_stride=directions * hidden,
            saved_stride=hidden,
            reverse=reverse[d],
        )
    problem = _problem(
        values, offsets, cell, activation, recurrent_activation, keep, mask, directions, hidden
    )
    _run("unpad_forward", problem, calls)
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
) -> tuple[Tensor, list[Tensor], list[Tensor], list[Tensor], list[Tensor], Tensor, Tensor]:
    """The gradients of `forward`; see `torch_path.backward` for what is given."""
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
    calls = (_Backward * directions)()
    step = hidden * values.element_size()
    for d in range(directions):
        calls[d] = _Backward(
            recurrent_kernel=_at(recurrent_kernels[d]),
            initial_h=_at(h0, d),
            initial_c=_at(c0, d) if cell == "lstm" else None,
            mask=_at(mask, d),
            gates=None if cell == "simple_rnn" else _at(gates, d),
            h=outputs.data_ptr() + d * step,
            saved=None if cell == "simple_rnn" else _at(saved, d),
            d_h=d_outputs.data_ptr() + d * step,
            d_final_h=_at(d_final_h, d),
            d_final_c=_at(d_final_c, d) if cell == "lstm" else None,
            d_gates=_at(d_gates, d),
            d_saved=_at(d_saved, d),
            d_initial_h=_at(d_h0, d),
            d_initial_c=_at(d_c0, d) if cell == "lstm" else None,
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
    _run("unpad_backward", problem, calls)
    d_kernels, d_recurrent, d_biases, d_shifts = [], [], [], []
    d_values = torch.empty_like(values)
    for d in range(directions):
        _add_product(d_gates[d], kernels[d].T, d_values, first=d == 0)
        d_kernels.append(values.T @ d_gates[d])
        d_biases.append(d_gates[d].sum(0))
        previous = _previous_h(problem, outputs, h0, mask, d, reverse[d])
        d_inner = _inner_gradient(cell, d_gates[d], None if d_saved is None else d_saved[d])
        d_recurrent.append(_recurrent_gradient(cell, previous, d_inner, saved, d, hidden))
        if recurrent_biases:
            d_shifts.append(torch.cat([part.sum(0) for part in d_inner]))
    return d_values, d_kernels, d_recurrent, d_biases, d_shifts, d_h0, d_c0


def _add_product(a: Tensor, b: Tensor, out: Tensor, first: bool) -> None:
    if first:
        torch.mm(a, b, out=out)
    else:
        out.addmm_(a, b)


def _inner_gradient(cell: str, d_gates: Tensor, d_saved: Tensor | None) -> list[Tensor]:
    """The gradient of h U + b': that of the gates, but for the candidate of a "gru"."""
    if d_saved is None:
        return [d_gates]
    hidden = d_saved.shape[-1]
    return [d_gates[:, : 2 * hidden], d_saved]


def _recurrent_gradient(
    cell: str, previous: Tensor, d_inner: list[Tensor], saved: Tensor, d: int, hidden: int
) -> Tensor:
    """The gradient of U: left operands (one, or one a gate), transposed, times d_inner."""
    lefts = list(previous.split(hidden, 1))
    if len(lefts) == 1 and cell != "gru_reset_before":
        pieces, lefts = d_inner, lefts * len(d_inner)
    else:
        pieces = [p for part in d_inner for p in part.split(hidden, 1)]
        lefts = [lefts[min(k, len(lefts) - 1)] for k in range(len(pieces))]
        if cell == "gru_reset_before":
            lefts[2] = saved[d]
    return torch.cat([a.T @ p for a, p in zip(lefts, pieces, strict=True)], 1)


def _previous_h(
    problem: _Problem,
    outputs: Tensor,
    h0: Tensor | None,
    mask: Tensor | None,
    d: int,
    reverse: bool,
) -> Tensor:
    """(steps, masks * hidden): what each step's recurrent product was given."""
    hidden, size = problem.hidden, outputs.element_size()
    width = hidden * max(1, problem.masks)
    previous = outputs.new_empty(len(outputs), width)
    error = _library().unpad_previous_h(
        ctypes.byref(problem),
        _P(outputs.data_ptr() + d * hidden * size),
        _I64(outputs.shape[1]),
        _P(_at(h0, d)),
        _P(_at(mask, d)),
        _I32(reverse),
        _P(previous.data_ptr()),
        _I64(width),
    )
    _refuse(error)
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
) -> Any:
    return _Problem(
        _CELLS[cell],
        _DTYPES[values.dtype],
        _ACTIVATIONS[activation],
        _ACTIVATIONS[recurrent_activation],
        keep,
        torch.get_num_threads(),
        directions,
        0 if mask is None else mask.shape[2],
        0,
        0,
        len(values),
        len(offsets) - 1,
        hidden,
        offsets.data_ptr(),
    )


def _run(name: str, problem: Any, calls: Any) -> None:
    _refuse(getattr(_library(), name)(ctypes.byref(problem), calls))


def _refuse(error: int) -> None:
    if error:
        raise RuntimeError(f"unpad's compiled kernels: {_ERRORS.get(error, error)}.")


def _contiguous(tensors: Sequence[Any]) -> list[Any]:
    return [None if t is None else t.contiguous() for t in tensors]


def _at(tensor: Tensor | None, index: int | None = None) -> int | None:
    """The address of a tensor, or of its entry along the first axis."""
    if tensor is None or tensor.numel() == 0:
        return None
    at = tensor.data_ptr()
    return at if index is None else at + index * tensor.stride(0) * tensor.element_size()


assert set(_ACTIVATIONS) == set(KNOWN)
