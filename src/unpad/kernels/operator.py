"""The recurrent operator `unpad::recurrent`: registered with torch, differentiable, compilable.

    recurrent(values, offsets, weights..., cell, ...) -> outputs, final h, final c, what is kept

Its paths are "cudnn" (cudnn.py, on a GPU), "compiled" (compiled.py over csrc/), "torch"
(torch_path.py) and "reference" (reference.py, the specification).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..ragged.own import Own
from . import around, compiled, cudnn, reference, scanned, torch_path
from .activations import KNOWN
from .calls import Call
from .cells import CELLS
from .checks import check, followed, sizes
from .paths import Operator, Path, forced
from .registered import LIBRARY
from .weights import by_kind, in_turn
from .whole import Whole

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
LIBRARY.define(
    f"recurrent({_GIVEN}, {_OPTIONS}, bool keep) "
    "-> (Tensor outputs, Tensor h, Tensor c, Tensor gates, Tensor saved)"
)
LIBRARY.define(
    f"recurrent_backward(Tensor? d_outputs, Tensor? d_h, Tensor? d_c, {_GIVEN}, Tensor outputs, "
    f"Tensor gates, Tensor saved, {_OPTIONS}, bool inputs) -> ({', '.join(['Tensor'] * 11)})"
)
# Where the arguments stand, counted from values.
_WEIGHTS_AT, _H0, _MASK, _CELL, _REVERSE = slice(3, 11), 11, 13, 14, 17

RECURRENT = Operator(
    "recurrent",
    [
        Path("cudnn", cudnn.refuses, Whole(cudnn.recurrent)),
        Path("compiled", compiled.refuses, compiled),
        Path("torch", torch_path.refuses, torch_path),
        Path("reference", lambda call: None, Whole(reference.recurrent)),
    ],
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

    Within `torch.func` and with tangents the reference computes. What comes out has the type of the
    values, or autocast's; it may be computed in another (`around.types`).

    Raises:
        ValueError: shapes, types or devices do not go together.
        RuntimeError: within torch.jit.trace.
    """
    recorded = around.recorded()
    plain = recorded or around.nothing()
    made_in = recorded, None if plain else around.transform()
    rest = activation, recurrent_activation, reverse, own
    if plain and values.dtype not in around.HALF:
        return _computed(made_in, cell, values, offsets, ids, weights, h0, c0, mask, *rest)
    if made_in[1] == "torch.jit.trace":
        raise RuntimeError(
            "recurrent: torch.jit.trace would write down this batch's lengths as the only ones. "
            "torch.compile and torch.export take any batch."
        )
    inside, out = around.types(values)
    if plain:
        sizes(cell, values, offsets, ids, weights, h0, c0, mask, len(reverse))
    values, *weights, h0, c0, mask = around.brought((values, *weights, h0, c0, mask), inside)
    found = _computed(made_in, cell, values, offsets, ids, weights, h0, c0, mask, *rest)
    outputs, h, c = (tensor.to(out) for tensor in found)
    return outputs, h, c


def _computed(
    made_in: tuple[bool, str | None],
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
    own: Own | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """See `trusted`; in the type that the values have.

    The call is made in a graph that is recorded, or not, and in a transform of torch's, or none.
    """
    recorded, transform = made_in
    with around.as_tensors():
        sizes(cell, values, offsets, ids, weights, h0, c0, mask, len(reverse))
    tensors = (values, offsets, ids, *weights, h0, c0, mask)
    activations = (activation, recurrent_activation)
    known = activation in KNOWN and recurrent_activation in KNOWN
    if known and transform is None and (recorded or type(values) not in _PLAIN):
        keep = _followed(tensors)
        options = (cell, *activations, reverse, forced() or "", keep)
        return torch.ops.unpad.recurrent.default(*tensors, *options)[:3]
    if torch.compiler.is_compiling() and transform is None:
        where = own or Own(offsets, None, None)
        return scanned.recurrent(
            cell, values, where, *by_kind(weights), h0, c0, mask, *activations, reverse
        )
    # Plain tensors, run as they come: the same functions without the dispatcher. It costs 40 us a
    # call, 130 us with the derivative that it wraps, of the 1 ms that a small model's step takes.
    path = RECURRENT.choose(Call(cell, values, *activations, mask, transform))
    if isinstance(path.run, Whole):
        where = offsets if own is None else own
        return path.run.compute(
            cell, values, where, *by_kind(weights), h0, c0, mask, *activations, reverse
        )
    options = (path.run, cell, *activations, reverse)
    if _followed(tensors):
        return _Eager.apply(options, own, *tensors)
    return _run(path.run, own, tensors, options[1:], False)[:3]


def _followed(tensors: Sequence[Tensor | None]) -> bool:
    """Whether somebody will ask for a gradient."""
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


_PLAIN = (Tensor, torch.nn.Parameter)


def _run(
    run: Any, own: Own | None, tensors: Sequence[Any], options: Sequence[Any], keep: bool
) -> Any:
    """A path's `forward`, on a layout's own where there is one."""
    values, offsets, ids, *rest = tensors
    return run.forward(values, own or offsets, ids, rest[:8], *rest[8:], *options, keep)


def _checked_forward(values: Tensor, offsets: Tensor, ids: Tensor | None, *rest: Any) -> Any:
    """For calls that come through the dispatcher, whoever makes them."""
    given: tuple[Any, ...] = values, offsets, ids, *rest
    check(given[_CELL], values, offsets, ids, *by_kind(given[_WEIGHTS_AT]),
          given[_H0], given[_H0 + 1], given[_MASK], given[_REVERSE])  # fmt: skip
    *others, path, keep = given[_H0:]
    run = RECURRENT.take(path, _call(values, others)).run
    found = run.forward(values, offsets, ids, given[_WEIGHTS_AT], *others, keep)
    return _whole(values, found)


def _backward(*arguments: Any) -> tuple[Tensor, ...]:
    _check_backward(*arguments[:-2])
    gradients, given = arguments[:3], arguments[3:]
    values = given[0]
    *others, path, inputs = given[_H0:]
    run = RECURRENT.take(path, _call(values, [*others[:3], *others[6:]])).run
    found = run.backward(*gradients, *given[:3], given[_WEIGHTS_AT], *others, inputs)
    return _whole(values, found)


def _call(values: Tensor, others: Sequence[Any]) -> Call:
    """Of h0, c0, mask, the cell and its activations: what a path is chosen by."""
    mask, cell, activation, recurrent_activation = others[2:6]
    return Call(cell, values, activation, recurrent_activation, mask, None)


def _whole(values: Tensor, results: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """As an operator gives it, which may give neither None nor one tensor twice."""
    return tuple(values.new_empty(0) if r is None else r for r in results)


def _check_backward(d_outputs: Any, d_h: Any, d_c: Any, *given: Any) -> None:
    (values, offsets, ids), weights, rest = given[:3], given[_WEIGHTS_AT], given[_H0:]
    h0, c0, mask, outputs, gates, saved, cell, _, _, reverse = rest
    directions = len(reverse)
    sizes(cell, values, offsets, ids, weights, h0, c0, mask, directions)
    followed(cell, values, offsets, weights, directions, d_outputs, d_h, d_c, outputs, gates, saved)


LIBRARY.impl("recurrent", _checked_forward, "CompositeExplicitAutograd")
LIBRARY.impl("recurrent_backward", _backward, "CompositeExplicitAutograd")


@torch.library.register_fake("unpad::recurrent", lib=LIBRARY)
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


@torch.library.register_fake("unpad::recurrent_backward", lib=LIBRARY)
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
    "unpad::recurrent", _differentiate, setup_context=_setup_context, lib=LIBRARY
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


class _Eager(around.Direct):
    """The operator and its derivative on plain tensors: options, the layout's own, the tensors."""

    # With a setup_context of its own torch would work out `forward`'s signature at every call:
    # 30 us, three times in a small model's step.
    @staticmethod
    def forward(ctx: Any, options: tuple, own: Own | None, *tensors: Any) -> tuple:
        run, *rest = options
        *results, gates, saved = _run(run, own, tensors, rest, True)
        ctx.options, ctx.own = options, own
        ctx.save_for_backward(*tensors, results[0], gates, saved)
        ctx.set_materialize_grads(False)  # as in _setup_context
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple:
        wanted = ctx.needs_input_grad[2]
        values, offsets, ids, *rest = ctx.saved_tensors
        weights, (h0, c0, mask, *_) = rest[:8], rest[8:]
        run, cell, *_, reverse = ctx.options
        # What came in may have been set to another size since; what went out is as it was.
        with around.as_tensors():
            sizes(cell, values, offsets, ids, weights, h0, c0, mask, len(reverse))
        given = (*gradients, values, ctx.own or offsets, ids, weights, *rest[8:], *ctx.options[1:])
        if not torch.is_grad_enabled():
            found = run.backward(*given, wanted)
        else:
            with torch.no_grad():
                found = run.backward(*given, wanted)
            found = _once(found, [*gradients, *ctx.saved_tensors])
        return None, None, found[0], None, None, *found[1:], None
