"""A graph of layers as a list of calls: read off symbols once, run, asked for specs, redrawn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from ..core.structure import flat, listed
from ..core.symbol import Node, Symbol, symbols_in
from ..layers import Layer
from ..spellings import depth_of_caller


class Wire(NamedTuple):
    """The place of a value that flows through a graph."""

    index: int


class Constant(NamedTuple):
    """A tensor that a layer is called with, by the name under which the model holds it."""

    name: str


class Call(NamedTuple):
    """A layer's call: its arguments with wires where values flow, and the wires it feeds."""

    layer: str
    inputs: tuple[Any, ...]
    options: dict[str, Any]
    outputs: tuple[int, ...]

    @property
    def reads(self) -> list[int]:
        """The wires that the call reads, in order."""
        return wires_in([*self.inputs, *self.options.values()])


class Graph(NamedTuple):
    """The calls in an order in which each has what it needs.

    Wires 0, 1, ... are the inputs; `unread` are those that no call reads. `inside` are, by the
    first wire that a call feeds, the layers that read what it gives, where that is no output.
    """

    calls: list[Call]
    inputs: int
    outputs: tuple[int, ...]
    wires: int
    unread: frozenset[int]
    inside: dict[int, tuple[str, ...]]

    def run(
        self,
        layers: Callable[[str], Any],
        values: Sequence[Any],
        called: Callable[[Call], Any] | None = None,
    ) -> list[Any]:
        """What is on every wire, for these inputs.

        Args:
            layers: gives a layer or constant by its name.
            values: of the inputs.
            called: gives what computes a call; by default its layer.
        """
        held: list[Any] = [*values, *[None] * (self.wires - len(values))]
        for call in self.calls:
            inputs, options = self.arguments(call, held, layers)
            computed = layers(call.layer) if called is None else called(call)
            self.store(held, call, computed(*inputs, **options))
        return held

    @staticmethod
    def store(held: list[Any], call: Call, given: Any) -> None:
        """Puts what a call gives on its wires."""
        for wire, value in zip(call.outputs, flat(given), strict=True):
            held[wire] = value

    def arguments(
        self, call: Call, held: list[Any], layers: Callable[[str], Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """What a call gets, from the values on the wires."""
        inputs = [_filled(x, held, layers) for x in call.inputs]
        return inputs, {k: _filled(v, held, layers) for k, v in call.options.items()}

    def last_call(self, wire: int) -> Call | None:
        """The call that feeds a wire; None for an input."""
        return next((c for c in self.calls if wire in c.outputs), None)

    def in_keras_order(self, order: Sequence[int] | None = None) -> list[str | int]:
        """The layers from the deepest to the outputs, as Keras lists them and their weights.

        Inputs are among them, by their places.

        The depth of a call is its longest way to an output; layers of one depth stand in the order
        in which they are met from the outputs back, of a dict in the order of its keys' letters.

        Args:
            order: of the outputs, by their places.
        """
        ends = self.outputs
        if order is not None:
            ends = tuple(ends[place] for place in order)
        # What feeds each wire: the inputs, then the calls.
        filled = {wire: wire for wire in range(self.inputs)}
        filled |= {w: self.inputs + i for i, call in enumerate(self.calls) for w in call.outputs}
        names: list[str | int] = [*range(self.inputs), *(call.layer for call in self.calls)]
        reads = [[] for _ in range(self.inputs)]
        reads += [wires_in([*c.inputs, *_by_name(c.options)]) for c in self.calls]
        depth = [0] * len(names)
        for i in reversed(range(len(names))):
            for wire in reads[i]:
                depth[filled[wire]] = max(depth[filled[wire]], depth[i] + 1)
        met: dict[str | int, int] = {}
        done: set[int] = set()
        waiting = [filled[wire] for wire in reversed(ends)]
        while waiting:
            i = waiting.pop()
            if i in done:
                continue
            done.add(i)
            met.setdefault(names[i], len(met))
            waiting += [filled[wire] for wire in reversed(reads[i])]
        deepest: dict[str | int, int] = {}
        for name, d in zip(names, depth, strict=True):
            deepest[name] = max(deepest.get(name, 0), d)
        return sorted(deepest, key=lambda name: (-deepest[name], met.get(name, -1)))

    def readers(self, wire: int) -> list[Call]:
        """The calls that read a wire."""
        return [c for c in self.calls if wire in c.reads]


def read(
    inputs: Sequence[Symbol],
    outputs: Sequence[Symbol],
    name_of: Callable[[Layer], str],
    constant: Callable[[Tensor], str],
    who: str,
) -> Graph:
    """The graph between these symbols.

    Args:
        inputs: where values come in.
        outputs: what is asked for.
        name_of: registers a layer and gives its name.
        constant: registers a tensor and gives its name.
        who: shown in errors.

    Raises:
        ValueError: an output needs an input that is not listed.
    """
    wires = {id(s): i for i, s in enumerate(inputs)}
    calls: list[Call] = []
    for node in _in_order(outputs, wires, who):

        def placed(value: Any) -> Any:
            if isinstance(value, Symbol):
                return Wire(wires[id(value)])
            if isinstance(value, dict) and symbols_in(value):
                return {key: placed(v) for key, v in value.items()}
            if isinstance(value, (list, tuple)) and symbols_in(value):
                return listed([placed(v) for v in value], value)
            return Constant(constant(value)) if isinstance(value, Tensor) else value

        arguments = tuple(placed(x) for x in node.inputs)
        options = {k: placed(v) for k, v in node.options.items()}
        for out in node.outputs:
            wires[id(out)] = len(wires)
        filled = tuple(wires[id(out)] for out in node.outputs)
        calls.append(Call(name_of(node.layer), arguments, options, filled))
    unread = frozenset(range(len(wires))).difference(*(call.reads for call in calls))
    ends = tuple(wires[id(s)] for s in outputs)
    graph = Graph(calls, len(inputs), ends, len(wires), unread, _inside(calls, ends))
    for i, symbol in enumerate(inputs):
        if i in unread and i not in graph.outputs:
            # Keras takes it without a word, and a program may feed what one of its models reads.
            warnings.warn(
                f"{who}: {_shown(symbol)} leads to no output: what is given there changes nothing.",
                stacklevel=depth_of_caller(),
            )
    return graph


def _inside(calls: Sequence[Call], ends: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """See `Graph.inside`."""
    readers: dict[int, list[str]] = {}
    for call in calls:
        for wire in call.reads:
            readers.setdefault(wire, []).append(call.layer)
    return {
        call.outputs[0]: tuple(name for wire in call.outputs for name in readers.get(wire, ()))
        for call in calls
        if call.outputs and not {*ends} & {*call.outputs}
    }


def _in_order(outputs: Sequence[Symbol], known: dict[int, int], who: str) -> list[Node]:
    """The nodes that the outputs need, each after those it needs itself; without recursion."""
    order: list[Node] = []
    done: set[int] = set()
    waiting: list[tuple[Symbol, bool]] = [(s, False) for s in reversed(outputs)]
    while waiting:
        symbol, ready = waiting.pop()
        node = symbol.node
        if id(symbol) in known or (node is not None and id(node) in done):
            continue
        if node is None:
            raise ValueError(
                f"{who}: an output needs {_shown(symbol)}, which is not among the inputs. Add it: "
                "Model(inputs=[...], outputs=...)."
            )
        if ready:
            order.append(node)
            done.add(id(node))
            continue
        waiting.append((symbol, True))
        waiting += [(s, False) for s in reversed(node.symbols())]
    return order


def _by_name(options: dict[str, Any]) -> list[Any]:
    return [options[name] for name in sorted(options)]


def _filled(value: Any, held: list[Any], layers: Callable[[str], Any]) -> Any:
    if isinstance(value, Wire):
        return held[value.index]
    if isinstance(value, Constant):
        return layers(value.name)
    if isinstance(value, dict):
        return {key: _filled(v, held, layers) for key, v in value.items()}
    if isinstance(value, list) or wires_in(value):
        return listed([_filled(v, held, layers) for v in value], value)
    return value


def wires_in(value: Any) -> list[int]:
    """The wires in a call's arguments, in order."""
    if isinstance(value, Wire):
        return [value.index]
    parts = value.values() if isinstance(value, dict) else value if _several(value) else ()
    return [wire for part in parts for wire in wires_in(part)]


def _several(value: Any) -> bool:
    """Whether it may hold wires: the only tuples that do are those with names for their parts."""
    return isinstance(value, list) or hasattr(value, "_fields")


def _shown(symbol: Symbol) -> str:
    return getattr(symbol, "who", repr(symbol))
