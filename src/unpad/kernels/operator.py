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

from . import compiled, cudnn, library, paths, reference, torch_path
from .activations import KNOWN
from .cells import GATES
from .checks import check

# Weights of up to two directions, each an argument of its own: torch's derivative of an operator
# with lists of tensors takes them apart in Python, 0.4 ms a training step of a small model.
_WEIGHTS = ", ".join(
    f"Tensor{'' if d == 0 and kind in ('kernel', 'recurrent_kernel') else '?'} {kind}_{d}"
    for d in (0, 1)
    for kind in ("kernel", "recurrent_kernel", "bias", "recurrent_bias")
)
_OPTIONS = "str cell, str activation, str recurrent_activation, bool[] reverse, str path"
_library = torch.library.Library("unpad", "DEF")
_library.define(
    f"recurrent(Tensor values, Tensor offsets, {_WEIGHTS}, Tensor? h0, Tensor? c0, Tensor? mask, "
    f"{_OPTIONS}, bool keep) -> (Tensor outputs, Tensor h, Tensor c, Tensor gates, Tensor saved)"
)
_library.define(
    "recurrent_backward(Tensor? d_outputs, Tensor? d_h, Tensor? d_c, Tensor values, "
    f"Tensor offsets, {_WEIGHTS}, Tensor? h0, Tensor? c0, Tensor? mask, Tensor outputs, "
    f"Tensor gates, Tensor saved, {_OPTIONS}, bool inputs) -> ({', '.join(['Tensor'] * 11)})"
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
    return trusted(
        cell, values, offsets, kernels, recurrent_kernels, biases, recurrent_biases, h0, c0, mask,
        activation, recurrent_activation, reverse,
    )  # fmt: skip


def trusted(
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
    activation: str | Callable[[Tensor], Tensor],
    recurrent_activation: str | Callable[[Tensor], Tensor],
    reverse: Sequence[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    """`recurrent` without its checks: for layers, whose Layout and weights are right by making."""
    forced = paths.forced()
    unknown = activation not in KNOWN or recurrent_activation not in KNOWN
    if unknown or forced == "reference":
        paths.note("reference")
        return reference.recurrent(
            cell, values, offsets, kernels, recurrent_kernels, biases, recurrent_biases, h0, c0,
            mask, _as_function(activation), _as_function(recurrent_activation), reverse,
        )  # fmt: skip
    computed = cudnn.computes(cell, activation, recurrent_activation, mask)
    if forced == "cudnn" and not computed:
        raise ValueError("recurrent: cudnn knows lstm and gru, tanh and sigmoid, and no mask.")
    if computed and (forced == "cudnn" or (forced is None and cudnn.serves(values))):
        paths.note("cudnn")
        return cudnn.recurrent(
            cell, values, offsets, kernels, recurrent_kernels, biases, recurrent_biases, h0, c0,
            reverse,
        )  # fmt: skip
    weights = _flat(kernels, recurrent_kernels, biases, recurrent_biases)
    keep = torch.is_grad_enabled() and any(
        t is not None and t.requires_grad for t in (values, h0, c0, *weights)
    )
    arguments = (
        values, offsets, *weights, h0, c0, mask, cell, activation, recurrent_activation,
        list(reverse), forced or "", keep,
    )  # fmt: skip
    if torch.compiler.is_compiling() or type(values) not in (Tensor, torch.nn.Parameter):
        outputs, h, c, *_ = torch.ops.unpad.recurrent.default(*arguments)
        return outputs, h, c
    # Plain tensors, run as they come: the same functions without the dispatcher. It costs 40 us a
    # call, 130 us with the derivative that it wraps, of the 1 ms that a small model's step takes.
    outputs, h, c, *_ = _Eager.apply(*arguments) if keep else _forward(*arguments)
    return outputs, h, c


def _flat(*kinds: Sequence[Tensor]) -> list[Tensor | None]:
    """The weights of each direction in turn, as the operator takes them; None for none."""
    return [kind[d] if d < len(kind) else None for d in (0, 1) for kind in kinds]


def _lists(weights: Sequence[Any]) -> list[list[Any]]:
    """Kernels, recurrent kernels, biases, recurrent biases: each a list over the directions."""
    return [[w for w in weights[kind::4] if w is not None] for kind in range(4)]


def _as_function(activation: str | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    if callable(activation):
        return activation
    if activation not in KNOWN:
        raise ValueError(
            f"recurrent: unknown activation {activation!r}; known: {', '.join(KNOWN)}."
        )
    apply_ = KNOWN[activation].apply_
    return lambda x: apply_(x.clone())


def _forward(values: Tensor, offsets: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    weights, (h0, c0, mask, *options, path, keep) = rest[:8], rest[8:]
    module = _path(values, path)
    paths.note("compiled" if module is compiled else "torch")
    return module.forward(values, offsets, *_lists(weights), h0, c0, mask, *options, keep)


def _checked_forward(values: Tensor, offsets: Tensor, *rest: Any) -> tuple[Tensor, ...]:
    """For calls that come through the dispatcher, whoever makes them."""
    kernels, recurrent_kernels, biases, recurrent_biases = _lists(rest[:8])
    h0, c0, mask, cell, _, _, reverse = rest[8:15]
    check(cell, values, offsets, kernels, recurrent_kernels, biases, recurrent_biases, h0, c0,
          mask, reverse)  # fmt: skip
    return _forward(values, offsets, *rest)


def _backward(*arguments: Any) -> tuple[Tensor, ...]:
    values = arguments[3]
    # An operator may not give one tensor twice.
    return tuple(values.new_empty(0) if d is None else d for d in _gradients(*arguments))


def _gradients(*arguments: Any) -> list[Tensor | None]:
    """Of values, the weights of each direction in turn, h0 and c0; None for what is not there."""
    gradients, (values, offsets) = arguments[:3], arguments[3:5]
    kernels, recurrent_kernels, biases, recurrent_biases = _lists(arguments[5:13])
    h0, c0, *rest, path, inputs = arguments[13:]
    module = _path(values, path)
    if module is not compiled:
        batch, hidden = len(offsets) - 1, recurrent_kernels[0].shape[0]
        state, lstm = (len(kernels), batch, hidden), recurrent_kernels[0].shape[1] == 4 * hidden
        shapes = (len(values), len(kernels) * hidden), state, state if lstm else (0,)
        pairs = zip(gradients, shapes, strict=True)
        gradients = [values.new_zeros(shape) if d is None else d for d, shape in pairs]
    d_values, d_kernels, d_recurrent, d_biases, d_shifts, d_h0, d_c0 = module.backward(
        *gradients, values, offsets, kernels, recurrent_kernels, recurrent_biases, h0, c0, *rest,
        inputs,
    )  # fmt: skip
    weights = _flat(
        d_kernels, d_recurrent, d_biases if biases else (), d_shifts if recurrent_biases else ()
    )
    return [
        d_values if inputs else None,
        *weights,
        None if h0 is None else d_h0,
        None if c0 is None else d_c0,
    ]


def _path(tensor: Tensor, path: str) -> Any:
    """The same for forward and backward: what is kept for the backward pass is the path's own."""
    return compiled if path != "torch" and library.serves(tensor) else torch_path


_library.impl("recurrent", _checked_forward, "CompositeExplicitAutograd")
_library.impl("recurrent_backward", _backward, "CompositeExplicitAutograd")


@torch.library.register_fake("unpad::recurrent", lib=_library)
def _(values, offsets, *rest):
    recurrent_kernel, (cell, *_, reverse, _, keep) = rest[1], rest[11:]
    directions, total = len(reverse), values.shape[0]
    hidden, batch = recurrent_kernel.shape[0], offsets.shape[0] - 1
    state = (directions, batch, hidden)
    kept = [(directions, total, GATES[cell] * hidden), (directions, total, hidden)]
    if not keep or cell == "simple_rnn":
        kept = [(0,)] * 2
    shapes = [(total, directions * hidden), state, state if cell == "lstm" else (0,), *kept]
    return tuple(values.new_empty(shape) for shape in shapes)


@torch.library.register_fake("unpad::recurrent_backward", lib=_library)
def _(d_outputs, d_h, d_c, values, offsets, *rest):
    like = [values.new_empty(0) if w is None else torch.empty_like(w) for w in rest[:10]]
    d_values = torch.empty_like(values) if rest[-1] else values.new_empty(0)
    return d_values, *like


def _setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
    *tensors, cell, activation, recurrent_activation, reverse, path, keep = inputs
    ctx.kept = keep
    if not keep:
        return
    ctx.options = cell, activation, recurrent_activation, list(reverse), path
    outputs, _, _, gates, saved = output
    ctx.given = [t is not None for t in tensors]
    ctx.save_for_backward(*tensors, outputs, gates, saved)
    ctx.mark_non_differentiable(gates, saved)
    # Zeros for what nobody followed, gates among it, would be .2 ms of a training step of 6.
    ctx.set_materialize_grads(False)


def _differentiate(
    ctx: Any, d_outputs: Tensor | None, d_h: Tensor | None, d_c: Tensor | None, *_: Any
) -> tuple:
    if not ctx.kept:
        raise RuntimeError(
            "unpad::recurrent: a gradient was asked for, but it ran with keep=False."
        )
    saved = ctx.saved_tensors
    values = saved[0]
    plain = not torch.compiler.is_compiling() and type(values) in (Tensor, torch.nn.Parameter)
    run = _gradients if plain else torch.ops.unpad.recurrent_backward.default
    wanted = ctx.needs_input_grad[0]
    d_values, *others = run(d_outputs, d_h, d_c, *saved, *ctx.options, wanted)
    if not plain:
        d_values = d_values if wanted else None
        pairs = zip(others, ctx.given[2:12], strict=True)
        others = [d if given else None for d, given in pairs]
    return d_values, None, *others, *[None] * 7


torch.library.register_autograd(
    "unpad::recurrent", _differentiate, setup_context=_setup_context, lib=_library
)


class _Eager(torch.autograd.Function):
    """The operator and its derivative on plain tensors."""

    # With a setup_context of its own torch would work out `forward`'s signature at every call:
    # 30 us, three times in a small model's step.
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple:
        output = _forward(*arguments)
        _setup_context(ctx, arguments, output)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple:
        return _differentiate(ctx, *gradients)
