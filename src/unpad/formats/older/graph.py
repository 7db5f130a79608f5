"""The calls of a graph as Keras 1 and 2 wrote them, in Keras 3's form.

There a layer that was called had "inbound_nodes": for each call a list of [layer, call, output,
arguments]. Here each is {"args", "kwargs"} in which symbols say where they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ... import ops
from ...core.naming import snake_case
from ...serialization import as_function
from .names import FUNCTIONS

#: Layers whose first input is a sequence and whose others, in a list, are its states.
_WITH_STATES = {"Bidirectional", "ConvLSTM1D", "GRU", "LSTM", "RNN", "SimpleRNN"}
_MODELS = ("Functional", "Sequential")
_ENDS = ("input_layers", "output_layers")
#: What stands in the place of a layer's name where a number was handed over.
_CONSTANT = "_CONSTANT_VALUE"


def modern_nodes(data: Any) -> Any:
    """A layer's data with its calls in Keras 3's form; those that are in it stay."""
    if not isinstance(data, Mapping):
        return data
    nodes = data.get("inbound_nodes")
    if not isinstance(nodes, list):
        return {**data}
    if nodes and all(isinstance(node, Mapping) for node in nodes):
        return _operator({**data})
    return {**data, "inbound_nodes": [_node(node, data.get("class_name")) for node in nodes]}


def modern_ends(ends: Any, older: bool) -> Any:
    """Where a graph's inputs or outputs stand; one alone was a list of one before Keras 3."""
    if older and isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list):
        return _place(ends[0])
    if isinstance(ends, list) and ends and isinstance(ends[0], list):
        return [_place(end) for end in ends]
    return ends


def counted_as_now(config: Mapping[str, Any]) -> dict[str, Any]:
    """A graph whose calls of models within are counted as Keras 3 does: from 0, at its ends from 1.

    Keras 1 and 2 counted them from 1 everywhere, since a model had been called once when it was
    made; a Sequential that begins with no Input had not.
    """
    kinds = {
        layer["config"].get("name"): layer.get("class_name")
        for layer in config["layers"]
        if isinstance(layer, Mapping) and layer.get("class_name") in _MODELS
    }
    used: list[list[Any]] = []

    def noted(place: list[Any]) -> list[Any]:
        used.append(place)
        return place

    def earlier(place: list[Any], at_end: bool) -> list[Any]:
        name, count, *output = place
        if name not in kinds or type(count) is not int:
            return place
        began = int(all(c != 0 for n, c, *_ in used if n == name))
        return [name, count - began + (at_end and kinds[name] == "Functional"), *output]

    nodes = [layer.get("inbound_nodes") for layer in config["layers"]]
    ends = [config[end] for end in _ENDS]
    _each_place(nodes, noted)
    _each_end(ends, noted)
    return {
        **config,
        "layers": [
            {**layer, "inbound_nodes": _each_place(calls, lambda place: earlier(place, False))}
            for layer, calls in zip(config["layers"], nodes, strict=True)
        ],
        **{end: _each_end(config[end], lambda place: earlier(place, True)) for end in _ENDS},
    }


def _each_place(value: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    """The calls, with the places of their symbols changed."""
    if isinstance(value, list):
        return [_each_place(part, change) for part in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") == "__keras_tensor__":
        return _symbol(change(value["config"]["keras_history"]))
    return {name: _each_place(part, change) for name, part in value.items()}


def _each_end(ends: Any, change: Callable[[list[Any]], list[Any]]) -> Any:
    if isinstance(ends, list) and len(ends) == 3 and isinstance(ends[0], str):
        return change(ends)
    if isinstance(ends, Mapping):
        return {name: _each_end(end, change) for name, end in ends.items()}
    return [_each_end(end, change) for end in ends] if isinstance(ends, list) else ends


def _place(end: Any) -> list[Any]:
    return list(end[:3])


def _node(node: Any, kind: Any) -> dict[str, Any]:
    if not isinstance(node, list) or not node:
        raise ValueError(f"a call of {kind} is no list of inputs: {node!r}.")
    as_given = isinstance(node[0], str)  # of a function: one input, and no list around it
    parts = [node] if as_given else node
    if not all(isinstance(part, list) and len(part) >= 3 for part in parts):
        raise ValueError(f"a call of {kind} is no list of inputs: {node!r}.")
    options: dict[str, Any] = {}
    for part in parts:
        given = part[3] if len(part) > 3 else None
        if isinstance(given, Mapping):
            options |= {k: _filled(v) for k, v in given.items() if v is not None and k != "name"}
    inputs = [_input(part) for part in parts]
    if kind in _WITH_STATES and len(inputs) > 1:
        return {"args": inputs[:1], "kwargs": {**options, "initial_state": inputs[1:]}}
    return {"args": inputs if len(inputs) == 1 else [inputs], "kwargs": options}


def _input(part: list[Any]) -> Any:
    return part[2] if part[0] == _CONSTANT else _symbol(part[:3])


def _symbol(place: list[Any]) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": list(place)}}


def _filled(value: Any) -> Any:
    """An argument of a call, in which ["layer", 0, 0] is where a symbol comes from."""
    if not isinstance(value, list):
        return value
    if len(value) == 3 and isinstance(value[0], str) and all(type(v) is int for v in value[1:]):
        return _symbol(value)
    return [_filled(v) for v in value]


def operation(data: dict[str, Any]) -> dict[str, Any]:
    """A function of TensorFlow's that stands in a graph as a layer, as ours writes one.

    Raises:
        ValueError: it is none of those that are known here.
    """
    function = data["config"].get("function")
    name = FUNCTIONS.get(function) if isinstance(function, str) else None
    if name is None:
        raise ValueError(
            f"{data['class_name']} {data['config'].get('name')!r}: TensorFlow's {function!r} is "
            "code that no file may bring. Write the model with layers, and load its weights."
        )
    config = {"name": data["config"].get("name"), "function": as_function(name)}
    nodes = [_node(node, "Operation") for node in data.get("inbound_nodes") or []]
    return {
        "module": "unpad.layers", "class_name": "Operation", "config": config,
        "name": data.get("name"),
        "inbound_nodes": [_in_order(node) for node in nodes],
    }  # fmt: skip


def _in_order(node: Any) -> dict[str, Any]:
    """A call of an operator, whose second operand had a name."""
    options = dict(node["kwargs"])
    rest = [options.pop("y")] if "y" in options else []
    return {"args": [*node["args"], *rest], "kwargs": options}


def _operator(data: dict[str, Any]) -> dict[str, Any]:
    """Keras 3's older files say no module; a layer says whether it is trained, an operator not."""
    config, kind = data.get("config"), snake_case(str(data.get("class_name")))
    if not isinstance(config, Mapping) or "trainable" in config or not hasattr(ops, kind):
        return data
    return {**data, "module": "keras.src.ops.numpy"}
