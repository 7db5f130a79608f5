"""What is checked before a kernel starts: nothing a caller passes may reach foreign memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .cells import GATES


def check(
    cell: str,
    values: Tensor,
    offsets: Tensor,
    ids: Tensor | None,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    biases: Sequence[Tensor],
    recurrent_biases: Sequence[Tensor],
    h0: Tensor | None,
    c0: Tensor | None,
    mask: Tensor | None,
    reverse: Sequence[bool],
) -> None:
    """Checks shapes, types and devices, and that the offsets describe the values.

    Offsets start at 0, never fall and end at the number of steps: on a GPU that reads them back.

    Raises:
        ValueError: something does not fit; the text says what was expected.
    """
    if cell not in GATES:
        raise ValueError(f"recurrent: expected cell as one of {', '.join(GATES)}, got {cell!r}.")
    if values.ndim != 2:
        raise ValueError(f"recurrent: expected values (steps, feature), got {tuple(values.shape)}.")
    directions, gates = len(reverse), GATES[cell]
    if directions not in (1, 2):
        raise ValueError(f"recurrent: expected 1 or 2 directions, got {directions}.")
    _count("kernels", kernels, directions)
    _count("recurrent_kernels", recurrent_kernels, directions)
    batch, hidden = len(offsets) - 1, len(recurrent_kernels[0])
    columns, state = gates * hidden, (directions, batch, hidden)
    for kernel in kernels:
        _like("kernels", kernel, (values.shape[1], columns), values)
    for kernel in recurrent_kernels:
        _like("recurrent_kernels", kernel, (hidden, columns), values)
    if recurrent_biases and cell != "gru":
        raise ValueError(f"recurrent: {cell} has no recurrent biases; gru has.")
    for name, given in (("biases", biases), ("recurrent_biases", recurrent_biases)):
        if given:
            _count(name, given, directions)
        for bias in given:
            _like(name, bias, (columns,), values)
    for name, given_state in (("h0", h0), ("c0", c0)):
        if given_state is not None:
            _like(name, given_state, state, values)
    if mask is not None:
        parts = mask.shape[2] if mask.ndim == 4 and mask.shape[2] in (1, gates) else gates
        _like("mask", mask, (directions, batch, parts, hidden), values)
    _offsets(offsets, values)
    if ids is not None and (
        ids.dtype != torch.int64 or ids.shape != values.shape[:1] or ids.device != values.device
    ):
        raise ValueError(
            f"recurrent: expected ids ({len(values)},) int64 on {values.device}, got "
            f"{tuple(ids.shape)} {ids.dtype} on {ids.device}."
        )


def _count(name: str, tensors: Sequence[Tensor], directions: int) -> None:
    if len(tensors) != directions:
        raise ValueError(
            f"recurrent: expected {directions} {name}, one a direction, got {len(tensors)}."
        )


def _like(name: str, tensor: Tensor, shape: tuple[int, ...], values: Tensor) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"recurrent: expected {name} {shape}, got {tuple(tensor.shape)}.")
    if tensor.dtype != values.dtype or tensor.device != values.device:
        raise ValueError(
            f"recurrent: {name} are {tensor.dtype} on {tensor.device}, values {values.dtype} on "
            f"{values.device}."
        )


def _offsets(offsets: Tensor, values: Tensor) -> None:
    if offsets.dtype != torch.int64 or offsets.ndim != 1 or offsets.device != values.device:
        raise ValueError(
            f"recurrent: expected offsets (batch + 1,) int64 on {values.device}, got "
            f"{tuple(offsets.shape)} {offsets.dtype} on {offsets.device}."
        )
    if torch.compiler.is_compiling():
        return  # a traced graph cannot branch on what offsets hold
    falls = len(offsets) == 0 or bool((offsets.diff() < 0).any())
    if falls or int(offsets[0]) != 0 or int(offsets[-1]) != len(values):
        raise ValueError(
            f"recurrent: offsets run from 0 to the number of steps, {len(values)}, and never fall; "
            f"got {offsets[:6].tolist()}{'...' if len(offsets) > 6 else ''}."
        )
