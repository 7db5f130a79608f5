"""Walks along sequences: ONNX's LSTM, GRU and RNN, and its Scan for all other cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from onnx import helper
from torch import Tensor

from .....kernels.cells import CELLS
from ..builder import TYPES, Builder, Value
from .indexing import sequence_ids, together

_END = 2**31 - 1
#: Of each activation that recurrent kernels know ONNX's name, alpha and beta.
_ACTIVATIONS: dict[str, tuple[str, float | None, float | None]] = {
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "relu": ("Relu", None, None),
    "linear": ("Affine", 1.0, 0.0),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
}


class _Operator(NamedTuple):
    """ONNX's operator of a cell.

    Args:
        kind: its name.
        order: of its blocks of weights, by Keras's.
        activations: whether each of its activations is the recurrent one.
        options: further attributes.
    """

    kind: str
    order: tuple[int, ...]
    activations: tuple[bool, ...]
    options: dict[str, int]


_OPERATORS = {
    "lstm": _Operator("LSTM", (0, 3, 1, 2), (True, False, False), {}),
    "gru": _Operator("GRU", (0, 1, 2), (True, False), {"linear_before_reset": 1}),
    "gru_reset_before": _Operator("GRU", (0, 1, 2), (True, False), {"linear_before_reset": 0}),
    "simple_rnn": _Operator("RNN", (0,), (False,), {}),
}


class Call(NamedTuple):
    """What `unpad::recurrent` is called with, the weights by direction."""

    cell: str
    values: Value
    offsets: Value
    kernels: list[Value]
    recurrent_kernels: list[Value]
    biases: list[Value | None]
    recurrent_biases: list[Value | None]
    h0: Value | None
    c0: Value | None
    activation: str
    recurrent_activation: str
    reverse: list[bool]


class _Grid(NamedTuple):
    """Sequences side by side, times first.

    Args:
        lengths: (batch,).
        index: (time, batch) the step in each slot, the number of all steps where there is none.
        real: (time, batch) whether there is one.
        at: (steps, 2) the time and the sequence of each step.
    """

    lengths: str
    index: str
    real: str
    at: str


def recurrent(
    g: Builder,
    out: Sequence[Tensor],
    values: Value,
    offsets: Value,
    ids: Value | None,
    *rest: Any,
) -> list[str | None]:
    """See `kernels.reference.recurrent`."""
    weights, (h0, c0, mask, cell, activation, recurrent_activation, reverse, *_) = (
        rest[:8], rest[8:],
    )  # fmt: skip
    if mask is not None:
        raise NotImplementedError("recurrent dropout")
    count = len(reverse)
    by_kind: list[list[Any]] = [[weights[4 * d + kind] for d in range(count)] for kind in range(4)]
    kernels, recurrent_kernels, biases, recurrent_biases = by_kind
    call = Call(
        cell, values, offsets, kernels, recurrent_kernels, biases, recurrent_biases, h0, c0,
        activation, recurrent_activation, list(reverse),
    )  # fmt: skip
    plain = values.dtype == torch.float32 and call.reverse in ([False], [True], [False, True])
    found = _by_operator(g, call) if cell in _OPERATORS and plain else _by_scan(g, call)
    return [*found, None, None]


# --- ONNX's own ----------------------------------------------------------------------------------


def _by_operator(g: Builder, call: Call) -> list[str | None]:
    operator, directions = _OPERATORS[call.cell], len(call.reverse)
    hidden = call.recurrent_kernels[0].shape[0]
    # One sequence more, an empty one: onnxruntime's LSTM ends the process where there is none.
    offsets = g.op("Concat", call.offsets, g.slice(call.offsets, -1, _END), axis=0)
    grid = _grid(g, offsets, backwards=False)
    names = [
        _ACTIVATIONS[call.recurrent_activation if inner else call.activation]
        for inner in operator.activations
    ] * directions
    options: dict[str, Any] = {"activations": [name for name, _, _ in names]}
    for kind, place in (("activation_alpha", 1), ("activation_beta", 2)):
        if any(n[place] is not None for n in names):
            options[kind] = [n[place] for n in names if n[place] is not None]
    direction = "bidirectional" if directions == 2 else "reverse" if call.reverse[0] else "forward"
    # An empty sequence is walked for one step of zeros, whose states nobody sees.
    walked = g.op("Cast", g.op("Max", grid.lengths, 1), to=TYPES[torch.int32])
    states: list[Any] = [s for s in (call.h0, call.c0) if s is not None]
    has_cell = CELLS[call.cell].states == 2
    if call.c0 is not None and call.h0 is None:
        states = [_zeros(g, call.c0), call.c0]
    states = [g.op("Pad", s, [0, 0, 0, 0, 1, 0]) for s in states]
    outputs, *ends = g.ops(
        operator.kind,
        3 if has_cell else 2,
        _laid(g, call.values, grid),
        _side_by_side(g, call.kernels, operator.order),
        _side_by_side(g, call.recurrent_kernels, operator.order),
        _biases(g, call, operator.order),
        walked,
        *states,
        hidden_size=int(hidden),
        direction=direction,
        **options,
        **operator.options,
    )
    rows = g.op("GatherND", g.op("Transpose", outputs, perm=[0, 2, 1, 3]), grid.at)
    rows = g.op("Reshape", rows, [-1, directions * hidden])
    lengths = g.slice(grid.lengths, 0, -1)
    finals = [
        _kept(g, lengths, g.op("Slice", end, [0], [-1], [1]), given)
        for end, given in zip(ends, (call.h0, call.c0), strict=False)
    ]
    return [rows, *finals, *[None] * (2 - len(finals))]


def _zeros(g: Builder, like: Value) -> str:
    return g.op("Mul", like, g.number(0.0, like.dtype))


def _side_by_side(g: Builder, weights: list[Value], order: tuple[int, ...]) -> str:
    """(directions, gates * hidden, inputs) of a kernel each, its blocks in ONNX's order."""
    turned = []
    for kernel in weights:
        name = kernel.name
        if len(order) > 1:
            parts = g.ops("Split", len(order), name, axis=1, num_outputs=len(order))
            name = g.op("Concat", *(parts[k] for k in order), axis=1)
        turned.append(g.op("Unsqueeze", g.op("Transpose", name, perm=[1, 0]), [0]))
    return turned[0] if len(turned) == 1 else g.op("Concat", *turned, axis=0)


def _biases(g: Builder, call: Call, order: tuple[int, ...]) -> str | None:
    """(directions, 2 * gates * hidden): both biases of each direction; None where there is none."""
    if all(b is None for b in (*call.biases, *call.recurrent_biases)):
        return None
    size = int(call.recurrent_kernels[0].shape[1])
    rows = []
    for pair in zip(call.biases, call.recurrent_biases, strict=True):
        parts = []
        for bias in pair:
            if bias is None:
                parts.append(g.filled([size], 0.0, call.values.dtype))
                continue
            name = bias.name
            if len(order) > 1:
                blocks = g.ops("Split", len(order), name, axis=0, num_outputs=len(order))
                name = g.op("Concat", *(blocks[k] for k in order), axis=0)
            parts.append(name)
        rows.append(g.op("Unsqueeze", g.op("Concat", *parts, axis=0), [0]))
    return rows[0] if len(rows) == 1 else g.op("Concat", *rows, axis=0)


def _kept(g: Builder, lengths: str, end: str, given: Value | None) -> str:
    """The final states, of an empty sequence those that it began with."""
    there = g.op("Unsqueeze", g.op("Greater", lengths, 0), [-1])
    if given is None:
        return g.op("Where", there, end, g.number(0.0, torch.float32))
    return g.op("Where", there, end, given)


# --- all other cells -----------------------------------------------------------------------------


class _Written:
    """A tensor that writes down what is done with it: an equation's arithmetic becomes nodes."""

    def __init__(self, g: Builder, name: str, dtype: torch.dtype) -> None:
        self.g, self.name, self.dtype = g, name, dtype

    def _with(self, kind: str, *names: str) -> _Written:
        return _Written(self.g, self.g.op(kind, *names), self.dtype)

    def _name(self, other: Any) -> str:
        return other.name if isinstance(other, _Written) else self.g.number(other, self.dtype)

    def __add__(self, other: Any) -> _Written:
        return self._with("Add", self.name, self._name(other))

    def __mul__(self, other: Any) -> _Written:
        return self._with("Mul", self.name, self._name(other))

    def __rsub__(self, other: Any) -> _Written:
        return self._with("Sub", self._name(other), self.name)

    def product(self, weight: str, shift: str | None) -> _Written:
        """This, times a matrix, and a bias."""
        found = self._with("MatMul", self.name, weight)
        return found if shift is None else self._with("Add", found.name, shift)

    def activated(self, activation: str) -> _Written:
        """An activation of it."""
        if activation == "linear":
            return self
        kind, alpha, beta = _ACTIVATIONS[activation]
        options = {} if alpha is None else {"alpha": alpha, "beta": beta}
        return _Written(self.g, self.g.op(kind, self.name, **options), self.dtype)


def _by_scan(g: Builder, call: Call) -> list[str | None]:
    """The equation in the record of the cell, step by step."""
    record = CELLS[call.cell]
    hidden, dtype = call.recurrent_kernels[0].shape[0], call.values.dtype
    rows: list[str] = []
    ends: list[list[str]] = []
    for d, backwards in enumerate(call.reverse):
        grid = _grid(g, call.offsets, backwards)
        inputs = g.op("MatMul", call.values, call.kernels[d])
        bias, shift = call.biases[d], call.recurrent_biases[d]
        if bias is not None:
            inputs = g.op("Add", inputs, bias)
        weights = _blocks(g, call.recurrent_kernels[d].name, record.gates, 1)
        shifts = [None] * record.gates if shift is None else _blocks(g, shift.name, record.gates, 0)
        start = [_start(g, s, d, hidden, grid, dtype) for s in (call.h0, call.c0)][: record.states]

        def step(
            inner: Builder, held: list[str], taken: list[str], weights=weights, shifts=shifts
        ) -> tuple[list[str], list[str]]:
            x, real = taken
            parts = [_Written(inner, n, dtype) for n in _blocks(inner, x, record.gates, -1)]
            states = [_Written(inner, n, dtype) for n in held]
            equation: Any = record.step
            h, c = equation(
                parts,
                states[0],
                states[-1],
                lambda k, h: h.product(weights[k], shifts[k]),
                lambda x: x.activated(call.activation),
                lambda x: x.activated(call.recurrent_activation),
            )
            there = inner.op("Unsqueeze", real, [1])
            after = [h, c][: record.states]
            kept = [
                inner.op("Where", there, new.name, old)
                for new, old in zip(after, held, strict=True)
            ]
            return kept, [kept[0]]

        laid = _laid(g, inputs, grid, [record.gates * hidden], dtype)
        types = [dtype] * record.states, [dtype, torch.bool], [dtype]
        final, (outputs,) = scan(g, step, start, [laid, grid.real], types)
        rows.append(g.op("GatherND", outputs, grid.at))
        ends.append([g.op("Unsqueeze", name, [0]) for name in final])
    joined = [
        parts[0] if len(parts) == 1 else g.op("Concat", *parts, axis=0)
        for parts in zip(*ends, strict=True)
    ]
    out = rows[0] if len(rows) == 1 else g.op("Concat", *rows, axis=1)
    return [out, *joined, *[None] * (2 - len(joined))]


def _blocks(g: Builder, name: str, count: int, axis: int) -> list[str]:
    return [name] if count == 1 else g.ops("Split", count, name, axis=axis, num_outputs=count)


def _start(
    g: Builder, given: Value | None, d: int, hidden: int, grid: _Grid, dtype: torch.dtype
) -> str:
    if given is not None:
        return g.op("Gather", given, d, axis=0)
    shape = g.op("Concat", g.op("Shape", grid.lengths), [int(hidden)], axis=0)
    return g.op("Expand", g.number(0.0, dtype), shape)


def scan(
    g: Builder,
    step: Any,
    states: Sequence[str],
    times: Sequence[str],
    types: tuple[Sequence[torch.dtype], Sequence[torch.dtype], Sequence[torch.dtype]],
) -> tuple[list[str], list[str]]:
    """ONNX's Scan along the first axis.

    Args:
        g: the graph around it.
        step: of a Builder, states and what is taken of each time, by name: the next states and what
            comes out.
        states: to start from.
        times: what is walked along.
        types: of states, times and outputs.

    Returns:
        the final states; the outputs of all times.
    """
    inner = Builder(g)
    held = [inner.fresh("state") for _ in states]
    taken = [inner.fresh("time") for _ in times]
    after, out = step(inner, held, taken)
    # What comes out of a graph is made in it, and once.
    names = [inner.body("Identity", 1, name)[0] for name in (*after, *out)]

    def described(names: Sequence[str], dtypes: Sequence[torch.dtype]) -> list[Any]:
        pairs = zip(names, dtypes, strict=True)
        return [helper.make_tensor_value_info(n, TYPES[t], None) for n, t in pairs]

    body = helper.make_graph(
        inner.nodes,
        g.fresh("walk"),
        described([*held, *taken], [*types[0], *types[1]]),
        described(names, [*types[0], *types[2]]),
    )
    found = g.body("Scan", len(names), *states, *times, body=body, num_scan_inputs=len(times))
    return found[: len(states)], found[len(states) :]


# --- grids ---------------------------------------------------------------------------------------


def _grid(g: Builder, offsets: Value | str, backwards: bool) -> _Grid:
    starts, ends = g.slice(offsets, 0, -1), g.slice(offsets, 1, _END)
    lengths = g.op("Sub", ends, starts)
    longest = g.op("ReduceMax", g.op("Concat", lengths, [1], axis=0), keepdims=0)
    time = g.op("Unsqueeze", g.count(longest), [1])
    real = g.op("Less", time, lengths)
    step = g.op("Sub", g.op("Sub", ends, 1), time) if backwards else g.op("Add", starts, time)
    total = g.op("Gather", offsets, -1, axis=0)
    ids, places = sequence_ids(g, lengths)
    if backwards:
        places = g.op("Sub", g.op("Sub", g.op("Gather", lengths, ids, axis=0), 1), places)
    return _Grid(lengths, g.op("Where", real, step, total), real, together(g, [places, ids]))


def _laid(
    g: Builder, values: Any, grid: _Grid, feature: Sequence[int] = (), dtype: Any = None
) -> str:
    """(time, batch, *feature), zeros where there is no step."""
    if isinstance(values, Value):
        feature, dtype = [int(n) for n in values.shape[1:]], values.dtype
    nothing = g.filled([1, *feature], 0.0, dtype)
    return g.op("Gather", g.op("Concat", values, nothing, axis=0), grid.index, axis=0)


TRANSLATIONS = {"unpad.recurrent.default": recurrent}
