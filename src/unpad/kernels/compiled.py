"""The recurrent operator on the compiled library: a layer is one call of it either way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..ragged.own import Own
from . import library
from .activations import KNOWN
from .around import as_tensors
from .calls import Call
from .cells import CELLS
from .library import DTYPES, ROUNDED, call
from .paths import rounding_refused
from .structures import words
from .threads import threads

_NAMES = ("tanh", "sigmoid", "relu", "linear", "hard_sigmoid")
_ACTIVATIONS = {name: i for i, name in enumerate(_NAMES)}
assert set(_ACTIVATIONS) == set(KNOWN)


def refuses(call: Call) -> str | None:
    """Why the library does not compute this call; None where it does."""
    reason = library.refuses(call.values) or call.refused()
    if reason is None and call.cell not in library.cells():
        return f"the library has no cell {call.cell!r}"
    return reason


class Rounding:
    """The same with factors of products rounded to bfloat16, sums in float32."""

    @staticmethod
    def refuses(call: Call) -> str | None:
        """Why the library does not compute this call so; None where it does."""
        return rounding_refused(call.rounded) or refuses(call)

    @staticmethod
    def forward(*given: Any) -> tuple[Tensor | None, ...]:
        """See `compiled.forward`."""
        return forward(*given, rounded=True)

    @staticmethod
    def backward(*given: Any) -> list[Tensor | None]:
        """See `compiled.backward`."""
        return backward(*given, rounded=True)


def forward(
    values: Tensor, layout: Own | Tensor, ids: Tensor | None, weights: Sequence[Tensor | None],
    h0: Tensor | None, c0: Tensor | None, mask: Tensor | None,
    cell: str, activation: str, recurrent_activation: str, reverse: list[bool], keep: bool,
    rounded: bool = False,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """See `operator.trusted`; with `keep` the backward pass will be asked for.

    Returns:
        outputs, final h, final c; activated gates (directions, steps, gates * hidden) and what the
        cell saves (directions, steps, hidden), None where the backward pass needs none.
    """
    offsets = _offsets(layout)
    directions, batch, hidden = len(reverse), offsets.numel() - 1, _hidden(weights)
    total = values.shape[0]
    outputs = values.new_empty((total, directions * hidden))
    h = values.new_empty((directions, batch, hidden))
    record = CELLS[cell]
    c = torch.empty_like(h) if record.states == 2 else values.new_empty(0)
    keeps = keep and record.keeps
    gates = values.new_empty((directions, total, record.gates * hidden)) if keeps else None
    saved = values.new_empty((directions, total, hidden)) if keeps else None
    options = cell, activation, recurrent_activation, reverse
    with as_tensors():
        # A copy of what is not contiguous lives as long as the call.
        given = _contiguous([values, ids, *weights, h0, c0, mask])
        layer = _layer(
            given, offsets, (outputs, h, c, gates, saved), *options, hidden, keep, rounded
        )
        call("unpad_layer_forward", words(layer))
    return outputs, h, c, gates, saved


def backward(
    d_outputs: Tensor | None, d_h: Tensor | None, d_c: Tensor | None,
    values: Tensor, layout: Own | Tensor, ids: Tensor | None, weights: Sequence[Tensor | None],
    h0: Tensor | None, c0: Tensor | None, mask: Tensor | None,
    outputs: Tensor, gates: Tensor | None, saved: Tensor | None,
    cell: str, activation: str, recurrent_activation: str, reverse: list[bool], inputs: bool,
    rounded: bool = False,
) -> list[Tensor | None]:  # fmt: skip
    """The gradients of `forward`: of values, of each weight and of the states.

    A gradient that is None is one of zeros. Of values it is None unless `inputs`, as is that of
    what was not given.
    """
    options = cell, activation, recurrent_activation, reverse
    with as_tensors():
        given = _contiguous([values, ids, *weights, h0, c0, mask])
        offsets = _offsets(layout)
        outputs, gates, saved = _contiguous([outputs, gates, saved])
        followed = _contiguous([d_outputs, d_h, d_c])
        found = [
            torch.empty_like(given[0]) if inputs else None,
            *[None if w is None else torch.empty_like(w) for w in given[2:10]],
            None if h0 is None else torch.empty_like(given[10]),
            None if c0 is None else torch.empty_like(given[11]),
        ]
        kept = outputs, None, None, gates, saved
        layer = _layer(given, offsets, kept, *options, _hidden(weights), True, rounded)
        call("unpad_layer_backward", words(layer), words(_addresses([*followed, *found])))
    return found


def _offsets(layout: Own | Tensor) -> Tensor:
    return layout.offsets if isinstance(layout, Own) else layout.contiguous()


def _hidden(weights: Sequence[Tensor | None]) -> int:
    recurrent_kernel = weights[1]
    assert recurrent_kernel is not None
    return recurrent_kernel.shape[0]


def _layer(
    given: list,
    offsets: Tensor,
    results: tuple[Tensor | None, ...],
    cell: str,
    activation: str,
    recurrent_activation: str,
    reverse: list[bool],
    hidden: int,
    keep: bool,
    rounded: bool,
) -> list[int]:
    """The fields of unpad_layer, in their order (structures.py)."""
    values, mask = given[0], given[-1]
    steps, feature = values.shape
    return [
        library.cells()[cell],
        ROUNDED if rounded else DTYPES[values.dtype],
        _ACTIVATIONS[activation],
        _ACTIVATIONS[recurrent_activation],
        keep,
        threads(),
        len(reverse),
        0 if mask is None else mask.shape[2],
        0,
        steps,
        offsets.numel() - 1,
        hidden,
        offsets.data_ptr(),
        *_addresses(given),
        *_addresses(results),
        feature,
        reverse[0],
        reverse[-1],
    ]


def _addresses(tensors: Sequence[Tensor | None]) -> list[int]:
    return [0 if t is None else t.data_ptr() for t in tensors]


def _contiguous(tensors: Sequence[Tensor | None]) -> list:
    return [None if t is None else t.contiguous() for t in tensors]
