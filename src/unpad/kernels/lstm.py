"""The LSTM operator `unpad::lstm`: registered with torch, differentiable, compilable.

    lstm(values, offsets, weights...) -> outputs, final h, final c

Paths: "torch" (steps.py), "reference" (reference.py). Which one ran can be asked:
`kernels.info()`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from . import paths, reference, steps
from .activations import KNOWN

_library = torch.library.Library("unpad", "DEF")
_library.define(
    "lstm(Tensor values, Tensor offsets, Tensor[] kernels, Tensor[] recurrent_kernels, "
    "Tensor[] biases, Tensor? h0, Tensor? c0, Tensor? recurrent_mask, str activation, "
    "str recurrent_activation, bool[] reverse, bool keep) "
    "-> (Tensor outputs, Tensor h, Tensor c, Tensor gates, Tensor cells, Tensor packed)"
)
_library.define(
    "lstm_backward(Tensor d_outputs, Tensor d_h, Tensor d_c, Tensor values, Tensor offsets, "
    "Tensor[] kernels, Tensor[] recurrent_kernels, Tensor? h0, Tensor? c0, "
    "Tensor? recurrent_mask, Tensor gates, Tensor cells, Tensor packed, str activation, "
    "str recurrent_activation, bool[] reverse) "
    "-> (Tensor, Tensor[], Tensor[], Tensor[], Tensor, Tensor)"
)
_library.impl("lstm", steps.lstm_forward, "CompositeExplicitAutograd")
_library.impl("lstm_backward", steps.lstm_backward, "CompositeExplicitAutograd")


def lstm(
    values: Tensor,
    offsets: Tensor,
    kernels: Sequence[Tensor],
    recurrent_kernels: Sequence[Tensor],
    biases: Sequence[Tensor] = (),
    h0: Tensor | None = None,
    c0: Tensor | None = None,
    recurrent_mask: Tensor | None = None,
    activation: str | Callable[[Tensor], Tensor] = "tanh",
    recurrent_activation: str | Callable[[Tensor], Tensor] = "sigmoid",
    reverse: Sequence[bool] = (False,),
) -> tuple[Tensor, Tensor, Tensor]:
    """An LSTM over the real steps of a batch, one direction or both; see `reference.lstm`.

    The offsets are trusted: they are those of a checked Layout. An activation that is not in
    `kernels.activations.KNOWN` is legal; it runs on the reference path, one step at a time.

    Returns:
        outputs (steps, directions * hidden), final h and c (directions, batch, hidden).
    """
    known = activation in KNOWN and recurrent_activation in KNOWN
    path = paths.choose("lstm", "torch" if known else "reference")
    if path == "reference":
        return reference.lstm(
            values, offsets, kernels, recurrent_kernels, biases, h0, c0, recurrent_mask,
            _as_function(activation), _as_function(recurrent_activation), reverse,
        )  # fmt: skip
    grad = torch.is_grad_enabled() and any(
        t is not None and t.requires_grad
        for t in (values, h0, c0, *kernels, *recurrent_kernels, *biases)
    )
    return torch.ops.unpad.lstm.default(
        values, offsets, list(kernels), list(recurrent_kernels), list(biases), h0, c0,
        recurrent_mask, activation, recurrent_activation, list(reverse), grad,
    )[:3]  # fmt: skip


def _as_function(activation: str | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    if callable(activation):
        return activation
    apply_ = KNOWN[activation].apply_
    return lambda x: apply_(x.clone())


@torch.library.register_fake("unpad::lstm", lib=_library)
def _(
    values, offsets, kernels, recurrent_kernels, biases, h0, c0, recurrent_mask, activation,
    recurrent_activation, reverse, keep,
):  # fmt: skip
    directions, total = len(reverse), values.shape[0]
    hidden, batch = recurrent_kernels[0].shape[0], offsets.shape[0] - 1
    state = (directions, batch, hidden)
    kept = [
        (directions, total, 4 * hidden),
        (directions, total, hidden),
        (directions, total, hidden),
    ]
    if not keep:
        kept = [(0,)] * 3
    shapes = [(total, directions * hidden), state, state, *kept]
    return tuple(values.new_empty(shape) for shape in shapes)


@torch.library.register_fake("unpad::lstm_backward", lib=_library)
def _(
    d_outputs, d_h, d_c, values, offsets, kernels, recurrent_kernels, h0, c0, recurrent_mask,
    gates, cells, packed, activation, recurrent_activation, reverse,
):  # fmt: skip
    biases = [k.new_empty(k.shape[1]) for k in kernels]
    return (
        torch.empty_like(values),
        [torch.empty_like(k) for k in kernels],
        [torch.empty_like(k) for k in recurrent_kernels],
        biases,
        torch.empty_like(d_h),
        torch.empty_like(d_c),
    )


def _setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
    values, offsets, kernels, recurrent, biases, h0, c0, mask, act, gate_act, reverse, keep = inputs
    if not keep:
        # Saving what was not kept would give wrong gradients; asking for them says so instead.
        ctx.kept = False
        return
    ctx.kept = True
    ctx.counts = len(kernels), len(biases)
    ctx.options = act, gate_act, list(reverse)
    ctx.save_for_backward(values, offsets, h0, c0, mask, *output[3:], *kernels, *recurrent)
    ctx.mark_non_differentiable(*output[3:])
    ctx.set_materialize_grads(True)


def _backward(ctx: Any, d_outputs: Tensor, d_h: Tensor, d_c: Tensor, *_: Any) -> tuple:
    if not ctx.kept:
        raise RuntimeError("unpad::lstm: a gradient was asked for, but it ran with keep=False.")
    directions, biased = ctx.counts
    values, offsets, h0, c0, mask, gates, cells, packed, *weights = ctx.saved_tensors
    d_values, d_kernels, d_recurrent, d_biases, d_h0, d_c0 = torch.ops.unpad.lstm_backward.default(
        d_outputs, d_h, d_c, values, offsets, weights[:directions], weights[directions:], h0, c0,
        mask, gates, cells, packed, *ctx.options,
    )  # fmt: skip
    return (
        d_values, None, d_kernels, d_recurrent, d_biases if biased else [],
        None if h0 is None else d_h0, None if c0 is None else d_c0,
        None, None, None, None, None,
    )  # fmt: skip


torch.library.register_autograd(
    "unpad::lstm", _backward, setup_context=_setup_context, lib=_library
)
