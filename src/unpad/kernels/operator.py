"""The recurrent operator `unpad::recurrent`: registered with torch, differentiable, compilable.

    recurrent(values, offsets, weights..., cell, ...) -> outputs, final h, final c, what is kept

Its paths are "compiled" (compiled.py over csrc/) and "torch" (torch_path.py). Beside it stand
"cudnn" (cudnn.py, on a GPU) and "reference" (reference.py, the specification).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from . import compiled, cudnn, paths, reference, torch_path
from .activations import KNOWN
from .cells import GATES

_library = torch.library.Library("unpad", "DEF")
_library.define(
    "recurrent(Tensor values, Tensor offsets, Tensor[] kernels, Tensor[] recurrent_kernels, "
    "Tensor[] biases, Tensor[] recurrent_biases, Tensor? h0, Tensor? c0, Tensor? mask, str cell, "
    "str activation, str recurrent_activation, bool[] reverse, str path, bool keep) "
    "-> (Tensor outputs, Tensor h, Tensor c, Tensor gates, Tensor saved)"
)
_library.define(
    "recurrent_backward(Tensor d_outputs, Tensor d_h, Tensor d_c, Tensor values, Tensor offsets, "
    "Tensor[] kernels, Tensor[] recurrent_kernels, Tensor[] recurrent_biases, Tensor? h0, "
    "Tensor? c0, Tensor? mask, Tensor outputs, Tensor gates, Tensor saved, str cell, "
    "str activation, str recurrent_activation, bool[] reverse, str path) "
    "-> (Tensor, Tensor[], Tensor[], Tensor[], Tensor[], Tensor, Tensor)"
)


def recurrent(
    cell: str,
    values: Tensor,
    offsets: Tensor,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    biases: Sequence[Tensor] = (),
    recurrent_biases: Sequence[Tensor] = (),
    h0: Tensor | None = None,
    c0: Tensor | None = None,
    mask: Tensor | None = None,
    activation: str | Callable[[Tensor], Tensor] = "tanh",
    recurrent_activation: str | Callable[[Tensor], Tensor] = "sigmoid",
    reverse: Sequence[bool] = (False,),
) -> tuple[Tensor, Tensor, Tensor]:
    """A recurrent cell over the real steps of a batch, one direction or both.

    See `reference.recurrent` for the arguments, the equations and what comes out. An activation
    that is not in `kernels.KNOWN` is legal; it runs on the reference path, one step at a time.

    Raises:
        ValueError: the offsets lie, or shapes, types or devices do not go together.
    """
    check(cell, values, offsets, kernels, recurrent_kernels, biases, recurrent_biases, h0, c0,
          mask, reverse)  # fmt: skip
    forced = paths.forced()
    unknown = activation not in KNOWN or recurrent_activation not in KNOWN
    if unknown or forced == "reference":
        paths.note("reference")
        return reference.recurrent(
            cell, values, offsets, kernels, recurrent_kernels, biases, recurrent_biases, h0, c0,
            mask, _as_function(activation), _as_function(recurrent_activation), reverse,
        )  # fmt: skip
    fits = cudnn.serves(cell, values, activation, recurrent_activation, mask)
    if forced == "cudnn" or (forced is None and fits):
        paths.note("cudnn")
        return cudnn.recurrent(
            cell, values, offsets, kernels, recurrent_kernels, biases, recurrent_biases, h0, c0,
            reverse,
        )  # fmt: skip
    grad = torch.is_grad_enabled() and any(
        t is not None and t.requires_grad
        for t in (values, h0, c0, *kernels, *recurrent_kernels, *biases, *recurrent_biases)
    )
    return torch.ops.unpad.recurrent.default(
        values, offsets, list(kernels), list(recurrent_kernels), list(biases),
        list(recurrent_biases), h0, c0, mask, cell, activation, recurrent_activation,
        list(reverse), forced or "", grad,
    )[:3]  # fmt: skip


def check(
    cell: str,
    values: Tensor,
    offsets: Tensor,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    biases: Sequence[Tensor],
    recurrent_biases: Sequence[Tensor],
    h0: Tensor | None,
    c0: Tensor | None,
    mask: Tensor | None,
    reverse: Sequence[bool],
) -> None:
    """Raises a ValueError for arguments that no path may be started with.

    Checks shapes, types and devices, and that the offsets start at 0, never fall and end at the
    number of steps: on a GPU that reads them back once.
    """
    if cell not in GATES:
        raise ValueError(f"recurrent: expected cell as one of {', '.join(GATES)}, got {cell!r}.")
    if values.ndim != 2:
        raise ValueError(f"recurrent: expected values (steps, feature), got {tuple(values.shape)}.")
    directions, gates = len(reverse), GATES[cell]
    if len(recurrent_kernels) != directions or directions not in (1, 2):
        raise ValueError(
            f"recurrent: expected one recurrent kernel for each of {directions} directions, got "
            f"{len(recurrent_kernels)}."
        )
    batch, hidden = len(offsets) - 1, len(recurrent_kernels[0])
    state = (directions, batch, hidden)
    inner = {"recurrent_biases": recurrent_biases} if recurrent_biases else {}
    columns = gates * hidden
    expected = {
        "kernels": [(t, (values.shape[1], columns)) for t in kernels],
        "recurrent_kernels": [(t, (hidden, columns)) for t in recurrent_kernels],
        "biases": [(t, (columns,)) for t in biases],
        "recurrent_biases": [(t, (columns,)) for t in inner.get("recurrent_biases", ())],
        "h0": [] if h0 is None else [(h0, state)],
        "c0": [] if c0 is None else [(c0, state)],
    }
    counts = {"kernels": directions, "biases": len(biases) and directions,
              "recurrent_biases": len(recurrent_biases) and directions}  # fmt: skip
    for name, tensors in expected.items():
        if len(tensors) != counts.get(name, len(tensors)):
            raise ValueError(f"recurrent: expected {directions} {name}, got {len(tensors)}.")
        for tensor, shape in tensors:
            _check_like(name, tensor, shape, values)
    if mask is not None:
        parts = mask.shape[2] if mask.ndim == 4 and mask.shape[2] in (1, gates) else gates
        _check_like("mask", mask, (directions, batch, parts, hidden), values)
    if recurrent_biases and cell != "gru":
        raise ValueError(f"recurrent: {cell} has no recurrent biases; gru has.")
    _check_offsets(offsets, values)


def _check_like(name: str, tensor: Tensor, shape: tuple[int, ...], values: Tensor) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"recurrent: expected {name} {shape}, got {tuple(tensor.shape)}.")
    if tensor.dtype != values.dtype or tensor.device != values.device:
        raise ValueError(
            f"recurrent: {name} are {tensor.dtype} on {tensor.device}, values {values.dtype} on "
            f"{values.device}."
        )


def _check_offsets(offsets: Tensor, values: Tensor) -> None:
    if torch.compiler.is_compiling():
        return  # a traced graph cannot branch on what offsets hold; the kernel's own check stays
    if offsets.dtype != torch.int64 or offsets.ndim != 1 or offsets.device != values.device:
        raise ValueError(
            f"recurrent: expected offsets (batch + 1,) int64 on {values.device}, got "
            f"{tuple(offsets.shape)} {offsets.dtype} on {offsets.device}."
        )
    falls = len(offsets) == 0 or bool((offsets.diff() < 0).any())
    if falls or int(offsets[0]) != 0 or int(offsets[-1]) != len(values):
        raise ValueError(
            f"recurrent: offsets run from 0 to the number of steps, {len(values)}, and never fall; "
            f"got {offsets[:6].tolist()}{'...' if len(offsets) > 6 else ''}."
        )


def _as_function(activation: str | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    if callable(activation):
        return activation
    if activation not in KNOWN:
        raise ValueError(
            f"recurrent: unknown activation {activation!r}; known: {', '.join(KNOWN)}."
        )
    apply_ = KNOWN[activation].apply_
    return lambda x: apply_(x.clone())


def _forward(values: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    *inputs, path, keep = rest
    module = _path(values, path)
    paths.note("compiled" if module is compiled else "torch")
    return module.forward(values, *inputs, keep)


def _backward(d_outputs: Tensor, *rest: Any) -> tuple:
    *inputs, path = rest
    return _path(d_outputs, path).backward(d_outputs, *inputs)


def _path(tensor: Tensor, path: str) -> Any:
    """The same for forward and backward: what is kept for the backward pass is the path's own."""
    return compiled if path != "torch" and compiled.serves(tensor) else torch_path


_library.impl("recurrent", _forward, "CompositeExplicitAutograd")
_library.impl("recurrent_backward", _backward, "CompositeExplicitAutograd")


@torch.library.register_fake("unpad::recurrent", lib=_library)
def _(
    values, offsets, kernels, recurrent_kernels, biases, recurrent_biases, h0, c0, mask, cell,
    activation, recurrent_activation, reverse, path, keep,
):  # fmt: skip
    directions, total = len(reverse), values.shape[0]
    hidden, batch = recurrent_kernels[0].shape[0], offsets.shape[0] - 1
    state = (directions, batch, hidden)
    kept = [(directions, total, GATES[cell] * hidden), (directions, total, hidden)]
    if not keep or cell == "simple_rnn":
        kept = [(0,)] * 2
    shapes = [(total, directions * hidden), state, state if cell == "lstm" else (0,), *kept]
    return tuple(values.new_empty(shape) for shape in shapes)


@torch.library.register_fake("unpad::recurrent_backward", lib=_library)
def _(
    d_outputs, d_h, d_c, values, offsets, kernels, recurrent_kernels, recurrent_biases, h0, c0,
    mask, outputs, gates, saved, cell, activation, recurrent_activation, reverse, path,
):  # fmt: skip
    return (
        torch.empty_like(values),
        [torch.empty_like(k) for k in kernels],
        [torch.empty_like(k) for k in recurrent_kernels],
        [k.new_empty(k.shape[1]) for k in kernels],
        [torch.empty_like(b) for b in recurrent_biases],
        torch.empty_like(d_h),
        torch.empty_like(d_c),
    )


def _setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
    (values, offsets, kernels, recurrent_kernels, biases, recurrent_biases, h0, c0, mask, cell,
     activation, recurrent_activation, reverse, path, keep) = inputs  # fmt: skip
    ctx.kept = keep
    if not keep:
        return
    ctx.counts = len(kernels), len(biases), len(recurrent_biases)
    ctx.options = cell, activation, recurrent_activation, list(reverse), path
    outputs, _, _, gates, saved = output
    ctx.save_for_backward(
        values, offsets, h0, c0, mask, outputs, gates, saved, *kernels, *recurrent_kernels,
        *recurrent_biases,
    )  # fmt: skip
    ctx.mark_non_differentiable(gates, saved)


def _differentiate(ctx: Any, d_outputs: Tensor, d_h: Tensor, d_c: Tensor, *_: Any) -> tuple:
    if not ctx.kept:
        raise RuntimeError(
            "unpad::recurrent: a gradient was asked for, but it ran with keep=False."
        )
    n, biased, inner = ctx.counts
    values, offsets, h0, c0, mask, outputs, gates, saved, *weights = ctx.saved_tensors
    kernels, recurrent_kernels, shifts = weights[:n], weights[n : 2 * n], weights[2 * n :]
    d_values, d_kernels, d_recurrent, d_biases, d_shifts, d_h0, d_c0 = (
        torch.ops.unpad.recurrent_backward.default(
            d_outputs, d_h, d_c, values, offsets, kernels, recurrent_kernels, shifts, h0, c0, mask,
            outputs, gates, saved, *ctx.options,
        )
    )  # fmt: skip
    return (
        d_values, None, d_kernels, d_recurrent, d_biases if biased else [],
        d_shifts if inner else [], None if h0 is None else d_h0, None if c0 is None else d_c0,
        None, None, None, None, None, None, None,
    )  # fmt: skip


torch.library.register_autograd(
    "unpad::recurrent", _differentiate, setup_context=_setup_context, lib=_library
)
