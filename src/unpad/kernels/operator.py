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

from ..ragged.own import Own
from . import around, compiled, cudnn, library, paths, reference, torch_path
from .activations import KNOWN
from .cells import CELLS
from .checks import check, followed, sizes
from .weights import by_kind, in_turn

# Weights of up to two directions, each an argument of its own: torch's derivative of an operator
# with lists of tensors takes them apart in Python, 0.4 ms a training step of a small model.
_WEIGHTS = ", ".join(
    f"Tensor{'' if d == 0 and kind in ('kernel', 'recurrent_kernel') else '?'} {kind}_{d}"
    for d in (0, 1)
    for kind in ("kernel", "recurrent_kernel", "bias", "recurrent_bias")
)
_OPTIONS = "str cell, str activation, str recurrent_activation, bool[] reverse, str path"
_GIVEN = (
    f"Tensor values, Tensor offsets, Tensor? ids, {_WEIGHTS}, Tensor? h0, Tensor? c0, Tensor? mask"
)
_library = torch.library.Library("unpad", "DEF")
_library.define(
    f"recurrent({_GIVEN}, {_OPTIONS}, bool keep) "
    "-> (Tensor outputs, Tensor h, Tensor c, Tensor gates, Tensor saved)"
)
_library.define(
    f"recurrent_backward(Tensor? d_outputs, Tensor? d_h, Tensor? d_c, {_GIVEN}, Tensor outputs, "
    f"Tensor gates, Tensor saved, {_OPTIONS}, bool inputs) -> ({', '.join(['Tensor'] * 11)})"
)
# Where the arguments stand, counted from values.
_WEIGHTS_AT, _H0, _MASK, _CELL, _REVERSE = slice(3, 11), 11, 13, 14, 17


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
    ids: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """A recurrent cell over the real steps of a batch, one direction or both.

    See `reference.recurrent` for the arguments, the equations and what comes out. An activation
    that is not in `kernels.KNOWN` is legal; it runs on the reference path, one step at a time.
    With `ids`, (steps,) int64, the caller promises that steps of one id have the same values: what
    the compiled path makes of the values alone it makes once for each id. Nothing else changes.

    Raises:
        ValueError: the offsets lie, or shapes, types or devices do not go together.
    """
    check(cell, values, offsets, ids, kernels, recurrent_kernels, biases, recurrent_biases, h0,
          c0, mask, reverse)  # fmt: skip
    weights = in_turn(kernels, recurrent_kernels, biases, recurrent_biases)
    return trusted(
        cell, values, offsets, ids, weights, h0, c0, mask, activation, recurrent_activation,
        list(reverse),
    )  # fmt: skip


def trusted(
    cell: str,
    values: Tensor,
    offsets: Tensor,
    ids: Tensor | None,
    weights: Sequence[Tensor | None],
    h0: Tensor | None,
    c0: Tensor | None,
    mask: Tensor | None,
    activation: str | Callable[[Tensor], Tensor],
    recurrent_activation: str | Callable[[Tensor], Tensor],
    reverse: list[bool],
    own: Own | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """`recurrent` for layers, whose Layout has looked at the offsets: here nobody does again.

    With `own`, the layout's, whose offsets they are, what a path works out from them is kept there
    for the backward pass and for other layers. The weights are kernel, recurrent kernel, bias and
    recurrent bias of each direction in turn: eight, None where there is none.

    Within `torch.func` and with tangents the reference computes; under autocast, its type.

    Raises:
        ValueError: shapes, types or devices do not go together.
        RuntimeError: within torch.jit.trace.
    """
    compiling = torch.compiler.is_compiling()
    transform = None
    if not (compiling or around.nothing()):
        transform = around.transform()
        if transform == "torch.jit.trace":
            raise RuntimeError(
                "recurrent: torch.jit.trace would write down this batch's lengths as the only "
                "ones. torch.compile and torch.export take any batch."
            )
        wanted = around.cast_to(values)
        if wanted is not None:
            values, *weights, h0, c0, mask = (
                around.cast(t, wanted) for t in (values, *weights, h0, c0, mask)
            )
    sizes(cell, values, offsets, ids, weights, h0, c0, mask, len(reverse))
    forced = paths.forced()
    unknown = activation not in KNOWN or recurrent_activation not in KNOWN
    if unknown or transform or forced == "reference":
        paths.note("reference")
        return reference.recurrent(
            cell, values, offsets, *by_kind(weights), h0, c0, mask,
            _as_function(activation), _as_function(recurrent_activation), reverse,
        )  # fmt: skip
    asked = forced == "cudnn" or (forced is None and cudnn.serves(values))
    computed = asked and cudnn.computes(cell, activation, recurrent_activation, mask)
    if forced == "cudnn" and not computed:
        raise ValueError("recurrent: cudnn knows lstm and gru, tanh and sigmoid, and no mask.")
    if computed:
        paths.note("cudnn")
        return cudnn.recurrent(cell, values, own or offsets, *by_kind(weights), h0, c0, reverse)
    tensors = (values, offsets, ids, *weights, h0, c0, mask)
    options = (cell, activation, recurrent_activation, reverse, forced or "")
    keep = torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)
    if compiling or type(values) not in _PLAIN:
        outputs, h, c, *_ = torch.ops.unpad.recurrent.default(*tensors, *options, keep)
        return outputs, h, c
    # Plain tensors, run as they come: the same functions without the dispatcher. It costs 40 us a
    # call, 130 us with the derivative that it wraps, of the 1 ms that a small model's step takes.
    run: Any = _Eager.apply if keep else _unkept
    return run(options, own, *tensors)


_PLAIN = (Tensor, torch.nn.Parameter)


def _as_function(activation: str | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    if callable(activation):
        return activation
    if activation not in KNOWN:
        raise ValueError(
            f"recurrent: unknown activation {activation!r}; known: {', '.join(KNOWN)}."
        )
    apply_ = KNOWN[activation].apply_
    return lambda x: apply_(x.clone())


def _forward(values: Tensor, *rest: Any, own: Own | None = None) -> tuple[Any, ...]:
    offsets, ids, *weights = rest[:10]
    *others, path, keep = rest[10:]
    module = _path(values, others[3], path)
    paths.note("compiled" if module is compiled else "torch")
    where = offsets if module is compiled else own or offsets
    return module.forward(values, where, ids, weights, *others, keep)


def _unkept(options: tuple, own: Own | None, *tensors: Any) -> tuple[Any, ...]:
    return _forward(*tensors, *options, False, own=own)[:3]


def _checked_forward(values: Tensor, offsets: Tensor, ids: Tensor | None, *rest: Any) -> Any:
    """For calls that come through the dispatcher, whoever makes them."""
    given: tuple[Any, ...] = values, offsets, ids, *rest
    check(given[_CELL], values, offsets, ids, *by_kind(given[_WEIGHTS_AT]),
          given[_H0], given[_H0 + 1], given[_MASK], given[_REVERSE])  # fmt: skip
    return _whole(values, _forward(*given))


def _backward(*arguments: Any) -> tuple[Tensor, ...]:
    values = arguments[3]
    _check_backward(*arguments[:-2])
    return _whole(values, _gradients(*arguments))


def _whole(values: Tensor, results: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """As an operator gives it, which may give neither None nor one tensor twice."""
    return tuple(values.new_empty(0) if r is None else r for r in results)


def _gradients(*arguments: Any, own: Own | None = None) -> list[Tensor | None]:
    """Of values, the weights of each direction in turn, h0 and c0; None for what is not there."""
    gradients, given = arguments[:3], arguments[3:]
    (values, offsets, ids), weights = given[:3], given[_WEIGHTS_AT]
    *rest, path, inputs = given[_H0:]
    module = _path(values, rest[6], path)
    where = offsets if module is compiled else own or offsets
    return module.backward(*gradients, values, where, ids, weights, *rest, inputs)


def _check_backward(d_outputs: Any, d_h: Any, d_c: Any, *given: Any) -> None:
    (values, offsets, ids), weights, rest = given[:3], given[_WEIGHTS_AT], given[_H0:]
    h0, c0, mask, outputs, gates, saved, cell, _, _, reverse = rest
    directions = len(reverse)
    sizes(cell, values, offsets, ids, weights, h0, c0, mask, directions)
    followed(cell, values, offsets, weights, directions, d_outputs, d_h, d_c, outputs, gates, saved)


def _path(values: Tensor, cell: str, path: str) -> Any:
    """The same for forward and backward: what is kept for the backward pass is the path's own."""
    served = path != "torch" and library.serves(values) and cell in library.cells()
    return compiled if served else torch_path


_library.impl("recurrent", _checked_forward, "CompositeExplicitAutograd")
_library.impl("recurrent_backward", _backward, "CompositeExplicitAutograd")


@torch.library.register_fake("unpad::recurrent", lib=_library)
def _(values, offsets, ids, *rest):
    recurrent_kernel, (cell, *_, reverse, _, keep) = rest[1], rest[11:]
    # Where one tensor lies on "meta", torch comes here with all of them.
    h0, c0, mask = rest[8:11]
    sizes(cell, values, offsets, ids, rest[:8], h0, c0, mask, len(reverse))
    directions, total = len(reverse), values.shape[0]
    hidden, batch = recurrent_kernel.shape[0], offsets.shape[0] - 1
    state = (directions, batch, hidden)
    record = CELLS[cell]
    kept = [(directions, total, record.gates * hidden), (directions, total, hidden)]
    if not (keep and record.keeps):
        kept = [(0,)] * 2
    shapes = [(total, directions * hidden), state, state if record.states == 2 else (0,), *kept]
    return tuple(values.new_empty(shape) for shape in shapes)


@torch.library.register_fake("unpad::recurrent_backward", lib=_library)
def _(d_outputs, d_h, d_c, values, offsets, ids, *rest):
    _check_backward(d_outputs, d_h, d_c, values, offsets, ids, *rest[:-2])
    like = [values.new_empty(0) if w is None else torch.empty_like(w) for w in rest[:10]]
    d_values = torch.empty_like(values) if rest[-1] else values.new_empty(0)
    return d_values, *like


def _setup_context(ctx: Any, inputs: tuple, output: tuple) -> None:
    tensors, (*options, keep) = inputs[:_CELL], inputs[_CELL:]
    ctx.kept = keep
    if not keep:
        return
    ctx.options = options
    outputs, _, _, gates, saved = output
    ctx.given = [t is not None for t in tensors]
    ctx.save_for_backward(*tensors, outputs, gates, saved)
    ctx.mark_non_differentiable(gates, saved)
    # Zeros for what nobody followed, gates among it, would be .2 ms of a training step of 6.
    ctx.set_materialize_grads(False)


def _differentiate(
    ctx: Any, d_outputs: Tensor | None, d_h: Tensor | None, d_c: Tensor | None, *_: Any
) -> tuple:
    """The gradient of each argument of the operator."""
    if not ctx.kept:
        raise RuntimeError(
            "unpad::recurrent: a gradient was asked for, but it ran with keep=False."
        )
    saved = ctx.saved_tensors
    wanted = ctx.needs_input_grad[0]
    d_values, *others = torch.ops.unpad.recurrent_backward.default(
        d_outputs, d_h, d_c, *saved, *ctx.options, wanted
    )
    pairs = zip(others, ctx.given[3:13], strict=True)
    others = [d if given else None for d, given in pairs]
    return d_values if wanted else None, None, None, *others, *[None] * 7


torch.library.register_autograd(
    "unpad::recurrent", _differentiate, setup_context=_setup_context, lib=_library
)


def _once(found: list[Tensor | None], of: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Gradients that say so when somebody differentiates them again."""
    there = [d for d in found if d is not None]
    marked = iter(_Once.apply(len(there), *there, *of))
    return [None if d is None else next(marked) for d in found]


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, count: int, *tensors: Any) -> tuple:
        return tuple(t.view_as(t) for t in tensors[:count])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise RuntimeError(
            "recurrent: the kernels have first derivatives only. For a second one run the layer "
            "with unpad.kernels.force('reference'), which walks in torch's own operators."
        )


class _Eager(torch.autograd.Function):
    """The operator and its derivative on plain tensors: options, the layout's own, the tensors."""

    # With a setup_context of its own torch would work out `forward`'s signature at every call:
    # 30 us, three times in a small model's step.
    @staticmethod
    def forward(ctx: Any, options: tuple, own: Own | None, *tensors: Any) -> tuple:
        *results, gates, saved = _forward(*tensors, *options, True, own=own)
        ctx.options, ctx.own = options, own
        ctx.save_for_backward(*tensors, results[0], gates, saved)
        ctx.set_materialize_grads(False)  # as in _setup_context
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple:
        wanted = ctx.needs_input_grad[2]
        given = (*gradients, *ctx.saved_tensors)
        # What came in may have been set to another size since; what went out is as it was.
        values, offsets, ids, *weights, h0, c0, mask = given[3:17]
        cell, *_, reverse, _ = ctx.options
        sizes(cell, values, offsets, ids, weights, h0, c0, mask, len(reverse))
        if not torch.is_grad_enabled():
            found = _gradients(*given, *ctx.options, wanted, own=ctx.own)
        else:
            with torch.no_grad():
                found = _gradients(*given, *ctx.options, wanted, own=ctx.own)
            found = _once(found, given)
        return None, None, found[0], None, None, *found[1:], None
