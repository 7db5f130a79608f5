"""The recurrent operator `unpad::recurrent`: registered with torch, differentiable, compilable.

    recurrent(values, offsets, weights..., cell, ...) -> outputs, final h, final c, what is kept

Its paths are "cudnn" (cudnn.py, on a GPU), "compiled" (compiled.py over csrc/), "torch"
(torch_path.py) and "reference" (reference.py, the specification).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..ragged.own import Own
from . import around, compiled, cudnn, reference, scanned, torch_path
from .activations import KNOWN
from .calls import Call
from .cells import CELLS
from .checks import check, followed, sizes
from .compiled import Rounding
from .once import once
from .paths import Operator, Path, told
from .registered import names_of
from .weights import by_kind, in_turn
from .whole import Whole

# Weights of up to two directions, each an argument of its own: torch's derivative of an operator
# with lists of tensors takes them apart in Python, 0.4 ms a training step of a small model.
_WEIGHTS = [
    f"Tensor{'' if d == 0 and kind in ('kernel', 'recurrent_kernel') else '?'} {kind}_{d}"
    for d in (0, 1)
    for kind in ("kernel", "recurrent_kernel", "bias", "recurrent_bias")
]
# Where the arguments stand, counted from values.
_WEIGHTS_AT, _H0, _MASK, _CELL, _REVERSE = slice(3, 11), 11, 13, 14, 17


class Walks(NamedTuple):
    """What computes a path, as torch calls it.

    Args:
        run: what has a `forward` and a `backward`; see `compiled`.
    """

    run: Any

    def __call__(self, values: Tensor, offsets: Tensor, ids: Tensor | None, *rest: Any) -> Any:
        given: tuple[Any, ...] = values, offsets, ids, *rest
        found = self.run.forward(values, offsets, ids, given[_WEIGHTS_AT], *given[_H0:])
        # An operator may give neither None nor one tensor twice.
        return tuple(values.new_empty(0) if r is None else r for r in found)

    def back(self, gradients: Any, arguments: Any, results: Any, wanted: Any) -> Any:
        """See `paths.Operator.backward`."""
        values, offsets, ids = arguments[:3]
        h0, c0, mask, *options = arguments[_H0:]
        weights, (outputs, _, _, gates, saved) = arguments[_WEIGHTS_AT], results
        kept = outputs, gates, saved
        d_outputs, d_h, d_c = gradients
        followed(options[0], values, offsets, weights, len(options[-1]), d_outputs, d_h, d_c, *kept)
        given = (*gradients, values, offsets, ids, weights, h0, c0, mask, *kept, *options)
        return self.run.backward(*given, wanted[0])


def _path(name: str, refuses: Callable[[Call], str | None], run: Any) -> Path:
    return Path(name, refuses, Walks(run), Walks(run).back, direct=run)


def _call(*arguments: Any) -> Call:
    """What a path is chosen by."""
    mask, cell, activation, recurrent_activation = arguments[_MASK : _MASK + 4]
    return Call(cell, arguments[0], activation, recurrent_activation, mask, None)


def _check(values: Tensor, offsets: Tensor, ids: Tensor | None, *rest: Any) -> None:
    given: tuple[Any, ...] = values, offsets, ids, *rest
    check(given[_CELL], values, offsets, ids, *by_kind(given[_WEIGHTS_AT]),
          given[_H0], given[_H0 + 1], given[_MASK], given[_REVERSE])  # fmt: skip


def _shapes(values: Tensor, offsets: Tensor, ids: Tensor | None, *rest: Any) -> tuple[Tensor, ...]:
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


RECURRENT = Operator(
    "recurrent",
    [
        _path("cudnn", cudnn.refuses, Whole(cudnn.recurrent)),
        _path("bfloat16", Rounding.refuses, Rounding),
        _path("compiled", compiled.refuses, compiled),
        _path("torch", torch_path.refuses, torch_path),
        _path("reference", lambda call: None, Whole(reference.recurrent)),
    ],
    takes=f"Tensor values, Tensor offsets, Tensor? ids, {', '.join(_WEIGHTS)}, Tensor? h0, "
    "Tensor? c0, Tensor? mask, str cell, str activation, str recurrent_activation, bool[] reverse",
    gives="(Tensor outputs, Tensor h, Tensor c, Tensor gates, Tensor saved)",
    shapes=_shapes,
    call=_call,
    check=_check,
    followed=("values", *names_of(", ".join(_WEIGHTS)), "h0", "c0"),
    kept=2,
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

    The equations stand in `cells`. An activation that is not in `kernels.KNOWN` is legal; it runs
    on the reference path, one step at a time.

    Args:
        cell: a name in `kernels.GATES`.
        values: (steps, feature).
        offsets: (batch + 1,) int64, where each sequence starts and ends.
        kernels: W of each direction, (feature, gates * hidden).
        recurrent_kernels: U of each direction, (hidden, gates * hidden).
        biases: b of each direction, (gates * hidden,), or none at all.
        recurrent_biases: b' of each direction, (gates * hidden,), or none.
        h0: (directions, batch, hidden), or None for zeros.
        c0: the same, of a cell of two states.
        mask: (directions, batch, 1 or gates, hidden), what the state is multiplied by; or None.
        activation: a name in `KNOWN`, or any function.
        recurrent_activation: the same, of the gates.
        reverse: for each direction, whether it walks from each sequence's own end to its start.
        ids: (steps,) int64, a promise that steps of one id have the same values: what the compiled
            path makes of the values alone it makes once for each id. Nothing else changes.

    Returns:
        outputs (steps, directions * hidden), each at its own step; final h and c (directions,
        batch, hidden), c empty where there is none. An empty sequence ends in its initial states.

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
    half: torch.dtype | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """`recurrent` for layers, whose Layout has looked at the offsets: here nobody does again.

    Within `torch.func` and with tangents the reference computes. What comes out has the type of the
    values, or autocast's; it may be computed in another (`around.types`).

    Args:
        cell: as `recurrent` takes it, like the next three.
        values: (steps, feature).
        offsets: (batch + 1,) int64.
        ids: (steps,) int64, or None.
        weights: kernel, recurrent kernel, bias and recurrent bias of each direction in turn: eight,
            None where there is none.
        h0: as `recurrent` takes it, like the next five.
        c0: of a cell of two states.
        mask: (directions, batch, 1 or gates, hidden), or None.
        activation: of the cell.
        recurrent_activation: of the gates.
        reverse: for each direction, whether it walks from the end.
        own: the layout's, whose offsets they are: what a path works out from them is kept there for
            the backward pass and for other layers.
        half: what a policy asks for beside the weights' type: factors of products may be of it.

    Raises:
        ValueError: shapes, types or devices do not go together.
        RuntimeError: within torch.jit.trace.
    """
    recorded = around.recorded()
    plain = recorded or around.nothing()
    made_in = recorded, None if plain else around.transform()
    rest = activation, recurrent_activation, reverse, own
    if plain and values.dtype not in around.HALF:
        rounded = around.rounded(values, half)
        return _computed(made_in, cell, values, offsets, ids, weights, h0, c0, mask, *rest, rounded)
    if made_in[1] == "torch.jit.trace":
        raise RuntimeError(
            "recurrent: torch.jit.trace would write down this batch's lengths as the only ones. "
            "torch.compile and torch.export take any batch."
        )
    inside, out = around.types(values)
    if plain:
        sizes(cell, values, offsets, ids, weights, h0, c0, mask, len(reverse))
    values, *weights, h0, c0, mask = around.brought((values, *weights, h0, c0, mask), inside)
    rounded = around.rounded(values, out)
    found = _computed(made_in, cell, values, offsets, ids, weights, h0, c0, mask, *rest, rounded)
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
    rounded: bool,
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
    if known and transform is None and (recorded or type(values) not in around.PLAIN):
        keep = _followed(tensors)
        options = (cell, *activations, reverse, told(rounded), keep)
        return RECURRENT.op(*tensors, *options)[:3]
    if torch.compiler.is_compiling() and transform is None:
        where = own or Own(offsets, None, None)
        return scanned.recurrent(
            cell, values, where, *by_kind(weights), h0, c0, mask, *activations, reverse
        )
    # Plain tensors, run as they come: the same functions without the dispatcher. It costs 40 us a
    # call, 130 us with the derivative that it wraps, of the 1 ms that a small model's step takes.
    path = RECURRENT.choose(Call(cell, values, *activations, mask, transform, rounded))
    walks = path.direct
    if isinstance(walks, Whole):
        where = offsets if own is None else own
        return walks.compute(
            cell, values, where, *by_kind(weights), h0, c0, mask, *activations, reverse
        )
    options = (walks, cell, *activations, reverse)
    if _followed(tensors):
        return _Eager.apply(options, own, *tensors)
    return _run(walks, own, tensors, options[1:], False)[:3]


def _followed(tensors: Sequence[Tensor | None]) -> bool:
    """Whether somebody will ask for a gradient."""
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def _run(
    run: Any, own: Own | None, tensors: Sequence[Any], options: Sequence[Any], keep: bool
) -> Any:
    """A path's `forward`, on a layout's own where there is one."""
    values, offsets, ids, *rest = tensors
    return run.forward(values, own or offsets, ids, rest[:8], *rest[8:], *options, keep)


#: Said to who differentiates again.
_FIRST_ONLY = (
    "recurrent: the kernels have first derivatives only. For a second one run the layer with "
    "unpad.kernels.force('reference'), which walks in torch's own operators."
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
        # Zeros for what nobody followed, gates among it, would be .2 ms of a training step of 6.
        ctx.set_materialize_grads(False)
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
            found = once(_FIRST_ONLY, found, [*gradients, *ctx.saved_tensors])
        return None, None, found[0], None, None, *found[1:], None
