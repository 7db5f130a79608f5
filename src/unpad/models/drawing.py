"""A graph as data, in Keras 3's form: each layer with the calls it stands in, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..arguments import wrong
from ..core.input import Input
from ..core.shapes import shapes_of_specs
from ..core.spec import Spec
from ..core.structure import flat
from ..core.symbol import Symbol
from ..core.written import is_ours
from ..ragged.numbers import type_name
from ..serialization import as_data, by_name, deserialize, read, serialize
from .graph import Call, Constant, Graph, Wire, wires_in
from .keras_operations import from_keras, to_keras

Place = list[Any]


def written(
    graph: Graph,
    inputs: Sequence[tuple[str, Input]],
    part: Callable[[str], Any],
    specs: Sequence[Spec],
) -> tuple[list[dict[str, Any]], list[Place]]:
    """The layers as data, and the place of every wire: [layer, call of it, which of its outputs].

    Args:
        graph: its calls become "inbound_nodes" of the layers.
        inputs: by name.
        part: gives a layer or a constant by its name.
        specs: of every wire.
    """
    places: list[Place] = [[name, 0, 0] for name, _ in inputs]
    places += [[] for _ in range(graph.wires - len(places))]
    layers: dict[str, dict[str, Any]] = {}
    for name, entry in inputs:
        data = as_data(entry)
        layers[name] = {**data, "config": {**data["config"], "name": name}, "inbound_nodes": []}
    for call in graph.calls:
        if call.layer not in layers:
            data = by_name(part(call.layer))
            layers[call.layer] = {**data, "inbound_nodes": []}
            if is_ours(type(part(call.layer))) or "name" in data["config"]:
                layers[call.layer]["config"] = {**data["config"], "name": call.layer}
        nodes = layers[call.layer]["inbound_nodes"]
        for i, wire in enumerate(call.outputs):
            places[wire] = [call.layer, len(nodes), i]
        nodes.append(_node(call, places, part, specs))
    return [to_keras({**data, "name": name}) for name, data in layers.items()], places


def as_end(place: Place, part: Callable[[str], Any]) -> Place:
    """The place of an output as Keras writes it: a graph within is said to have one call more.

    Args:
        place: as it stands in the calls.
        part: gives a layer by its name, or None.
    """
    name, count, output = place
    return [name, count + _is_graph(part(name)), output]


def _is_graph(layer: Any) -> bool:
    return getattr(layer, "is_graph", False)


def _node(
    call: Call, places: list[Place], part: Callable[[str], Any], specs: Sequence[Spec]
) -> dict[str, Any]:
    def data(value: Any) -> Any:
        if isinstance(value, Wire):
            spec = specs[value.index]
            config = {
                "shape": list(shapes_of_specs(spec, None)),
                "dtype": type_name(spec.dtype),
                "keras_history": list(places[value.index]),
            }
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, Constant):
            return as_data(part(value.name))
        if isinstance(value, list) or (wires_in(value) and not isinstance(value, dict)):
            return [data(v) for v in value]
        if isinstance(value, dict) and wires_in(value):
            return {key: data(v) for key, v in value.items()}
        return serialize(value) if isinstance(value, (tuple, slice)) else as_data(value)

    options = {name: data(value) for name, value in call.options.items()}
    return {"args": [data(value) for value in call.inputs], "kwargs": options}


def redrawn(config: dict[str, Any], who: str) -> tuple[Any, Any]:
    """The graph's inputs and outputs, drawn anew with fresh layers.

    Args:
        config: of the model: "layers", "input_layers" and "output_layers".
        who: named in errors.
    """
    if not isinstance(config["layers"], list):
        raise wrong(f"{who}: config", "layers", "a list of layers", config["layers"])
    held: dict[tuple[Any, ...], Symbol] = {}
    waiting: list[tuple[str, Any, int, dict[str, Any]]] = []
    graphs: dict[str, int] = {}
    for given in config["layers"]:
        data = from_keras(given) if isinstance(given, Mapping) else given
        layer = deserialize(data, who=f"{who}: config")
        name = data.get("name") or data["config"]["name"]
        if isinstance(layer, Input):
            held[name, 0, 0] = layer
        nodes = data.get("inbound_nodes") or []
        if _is_graph(layer):
            graphs[name] = len(nodes)
        waiting += [(name, layer, i, node) for i, node in enumerate(nodes)]

    def placed(place: Any) -> Symbol:
        symbol = held.get(tuple(place)) if isinstance(place, (list, tuple)) else None
        if symbol is None:
            raise ValueError(f"{who}: config: {place!r} is the output of no layer in it.")
        return symbol

    def ended(place: Any) -> Symbol:
        """What `as_end` has placed; of a graph's calls the last is Keras's 0."""
        if isinstance(place, list) and place and place[0] in graphs and type(place[1]) is int:
            name, count, *output = place
            return placed([name, count - 1 if count else graphs[name] - 1, *output])
        return placed(place)

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(v) for v in value]
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            return placed(value["config"]["keras_history"])
        if isinstance(value, dict) and "class_name" not in value and _places_in(value):
            return {key: filled(v) for key, v in value.items()}
        return read(value)

    while waiting:
        later = []
        for name, layer, i, node in waiting:
            needs = _places_in([node.get("args", []), node.get("kwargs", {})])
            if any(place not in held for place in needs) or (i and (name, i - 1, 0) not in held):
                later.append((name, layer, i, node))
                continue
            options = {k: filled(v) for k, v in node.get("kwargs", {}).items()}
            outputs = layer(*map(filled, node.get("args", [])), **options)
            held |= {(name, i, k): symbol for k, symbol in enumerate(flat(outputs))}
        if len(later) == len(waiting):
            raise ValueError(
                f"{who}: config: layer {later[0][0]!r} needs what no layer in it gives."
            )
        waiting = later
    return tuple(_each(config[f"{end}_layers"], ended) for end in ("input", "output"))


def _places_in(value: Any) -> list[tuple[Any, ...]]:
    if isinstance(value, list):
        return [place for part in value for place in _places_in(part)]
    if not isinstance(value, dict):
        return []
    if value.get("class_name") == "__keras_tensor__":
        return [tuple(value["config"]["keras_history"])]
    return _places_in(list(value.values()))


def _each(places: Any, placed: Callable[[Any], Symbol]) -> Any:
    """Symbols in the form in which the places stand: lists, tuples and dicts in one another."""
    places = read(places)
    if isinstance(places, dict):
        return {name: _each(place, placed) for name, place in places.items()}
    if isinstance(places, (list, tuple)) and not (places and isinstance(places[0], str)):
        parts = [_each(place, placed) for place in places]
        return parts if isinstance(places, list) else tuple(parts)
    return placed(places)
