"""A model's configuration as Keras 1 and 2 wrote it, in Keras 3's words: data in, data out.

Nothing is made here. What has no meaning now stays as it stood, so that whoever makes the layer
says which argument it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ... import layers
from ...serialization import as_function
from . import graph
from .names import ARGUMENTS, CLASSES, GONE, GONE_OF_CLASS, MERGES, OF_CLASS

Data = dict[str, Any]
Version = tuple[int, int]

#: Keras 2's hard sigmoid had another slope than Keras 3's of the same name.
HARD_SIGMOID = "hard_sigmoid_of_keras_2"
_MODELS = ("Functional", "Sequential")


def version_of(text: Any) -> Version:
    """(2, 4) of "2.4.0-tf"; Keras 1 said none in a file of weights."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    found = re.match(r"(\d{1,3})(?:\.(\d{1,3}))?", text)
    return (int(found[1]), int(found[2] or 0)) if found else (1, 0)


def is_older(data: Any) -> bool:
    """Whether data of a model are of a version before Keras 3, as far as they say it."""
    if not isinstance(data, Mapping):
        return False
    if "keras_version" in data:
        return version_of(data["keras_version"])[0] < 3
    config = data.get("config")
    return "module" not in data and (isinstance(config, list) or _has_old_nodes(config))


def _has_old_nodes(config: Any) -> bool:
    held = config.get("layers") if isinstance(config, Mapping) else None
    held = held if isinstance(held, list) else []
    firsts = (d.get("config") for d in held if isinstance(d, Mapping) and "module" not in d)
    return any(isinstance(c, Mapping) and "batch_input_shape" in c for c in firsts)


def modern(data: Any, version: Version) -> Any:
    """A model's or layer's data as Keras 3 writes them.

    Args:
        data: {"class_name", "config"}, of Keras 1 to 3; anything else comes back as it is.
        version: of the Keras that wrote them.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("class_name"), str):
        return data
    if version[0] >= 3 and "module" in data:
        return {**data}
    kind: str = data["class_name"]
    config = data.get("config")
    if isinstance(config, list):  # of a Sequential until Keras 2.2.3
        config = {"layers": config}
    if not isinstance(config, Mapping):
        return {**data}
    config = dict(config)
    called = CLASSES.get(kind, kind)
    if isinstance(config.get("layers"), list) and kind != "Merge":
        return _model({**data, "class_name": called}, config, version)
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        return graph.operation({**data, "config": config})
    if version[0] < 3:
        called, config = _renamed(kind, called, config)
    config = {name: _value(name, value, version) for name, value in config.items()}
    if called == "Lambda" and isinstance(config.get("function"), (list, str)):
        config = _lambda(config)
    module = "keras.layers" if hasattr(layers, called) else data.get("module")
    return {**data, "module": module, "class_name": called, "config": config}


def _model(data: Data, config: Data, version: Version) -> Data:
    held = [modern(layer, version) for layer in config["layers"]]
    if "input_layers" in config:
        config["layers"] = [graph.modern_nodes(layer) for layer in held]
        for ends in ("input_layers", "output_layers"):
            config[ends] = graph.modern_ends(config.get(ends), version[0] < 3)
        if version[0] < 3:
            config = graph.counted_as_now(config)
    else:
        config["layers"] = _with_input(held, config["layers"])
    kinds = {"Functional": "keras.src.models.functional", "Sequential": "keras.models"}
    module = kinds.get(data["class_name"], data.get("module"))
    return {**data, "module": module, "config": config}


def _with_input(held: list[Any], given: list[Any]) -> list[Any]:
    """A Sequential's layers, with the Input that older first layers stand for."""
    first = held[0] if held else None
    if not isinstance(first, Mapping) or first["class_name"] in ("InputLayer", "Functional"):
        return held
    config = given[0].get("config")
    if first["class_name"] == "Sequential":
        inner = first["config"]["layers"]
        begins = inner[0] if inner and isinstance(inner[0], Mapping) else {}
        return [begins, *held] if begins.get("class_name") == "InputLayer" else held
    shape = config.get("batch_input_shape") if isinstance(config, Mapping) else None
    if shape is None:
        return held
    entry: Data = {"batch_shape": shape}
    if config.get("input_dtype"):
        entry["dtype"] = config["input_dtype"]
    return [{"module": "keras.layers", "class_name": "InputLayer", "config": entry}, *held]


# --- a layer --------------------------------------------------------------------------------------


def _renamed(kind: str, called: str, config: Data) -> tuple[str, Data]:
    """A layer's class and arguments by their names now."""
    if kind == "Merge":
        return _merge(config)
    if kind == "InputLayer":
        if "batch_input_shape" in config:
            config["batch_shape"] = config.pop("batch_input_shape")
        if "input_dtype" in config:
            config["dtype"] = config.pop("input_dtype")
    if not hasattr(layers, called):
        return called, config  # a class of someone's own has its own words
    gone = {**GONE, **GONE_OF_CLASS.get(called, {})}
    names = {**ARGUMENTS, **OF_CLASS.get(kind, {}), **OF_CLASS.get(called, {})}
    if called == "Embedding":
        gone.pop("input_dim")
    if called == "Reshape" or called in ("Dot", "Attention"):
        names = {}
    if "forget_bias_init" in config:
        config["unit_forget_bias"] = config.pop("forget_bias_init") in ("one", "ones")
    found = {}
    for name, value in config.items():
        nothing = gone.get(name, ())
        if nothing is None or (name in gone and value in nothing):
            continue
        found[names.get(name, name)] = value
    if kind.startswith("CuDNN"):
        found |= {"activation": "tanh", "recurrent_activation": "sigmoid"}
    if called == "GRU":
        found.setdefault("reset_after", kind == "CuDNNGRU")
    if called in ("BatchNormalization", "LayerNormalization") and isinstance(
        found.get("axis"), list
    ):
        axes = found["axis"]
        found["axis"] = axes[0] if len(axes) == 1 else axes
    return called, found


def _lambda(config: Data) -> Data:
    """A Lambda's function is a name, or code, which is refused where it is read."""
    function, kind = config["function"], config.get("function_type")
    found = {"name": config.get("name"), "arguments": config.get("arguments") or None}
    if kind == "function" and isinstance(function, str):
        return {**found, "function": as_function(function)}
    return {**found, "function": {"class_name": "__lambda__", "config": {}}}


def _merge(config: Data) -> tuple[str, Data]:
    mode = config.get("mode")
    if mode not in MERGES:
        raise ValueError(
            f"Merge {config.get('name')!r}: mode={mode!r} is code, or none that is known. Known "
            f"are: {', '.join(sorted(MERGES))}."
        )
    if config.get("layers"):
        raise ValueError(
            f"Merge {config.get('name')!r}: it holds models, as Keras 1's Sequential could begin "
            "with several. Write it as a graph: keras.Model(inputs, outputs)."
        )
    found: Data = {"name": config.get("name")}
    if mode == "concat":
        found["axis"] = config.get("concat_axis", -1)
    if mode in ("dot", "cos"):
        found |= {"axes": config.get("dot_axes", -1), "normalize": mode == "cos"}
    return MERGES[mode], found


# --- an argument ----------------------------------------------------------------------------------


def _value(name: str, value: Any, version: Version) -> Any:
    if name in ("layer", "backward_layer", "forward_layer", "cell"):
        return modern(value, version)
    if name == "cells" and isinstance(value, list):
        return [modern(cell, version) for cell in value]
    if version[0] >= 3:
        return value
    if name in ("activation", "recurrent_activation") and value == "hard_sigmoid":
        return HARD_SIGMOID
    if not isinstance(value, Mapping):
        return value
    if name == "dtype":
        config = value.get("config")
        return config.get("name") if isinstance(config, Mapping) else value
    for end, part in _PARTS.items():
        if name.endswith(end):
            return part(value)
    return {**value}


def _initializer(value: Mapping[str, Any]) -> Data:
    config = {k: v for k, v in (value.get("config") or {}).items() if k != "dtype"}
    if config.get("distribution") == "normal":
        config["distribution"] = "truncated_normal"
    return {**value, "module": "keras.initializers", "config": config}


def _regularizer(value: Mapping[str, Any]) -> Data:
    if "name" in value and "class_name" not in value:  # Keras 1
        config = {k: float(v) for k, v in value.items() if k in ("l1", "l2")}
        return {"module": "keras.regularizers", "class_name": "L1L2", "config": config}
    return {**value, "module": "keras.regularizers"}


def _constraint(value: Mapping[str, Any]) -> Data:
    if "name" in value and "class_name" not in value:  # Keras 1
        names = {"m": "max_value", "low": "min_value", "high": "max_value"}
        config = {names.get(k, k): v for k, v in value.items() if k != "name"}
        value = {"class_name": value["name"], "config": config}
    return {**value, "module": "keras.constraints"}


_PARTS = {
    "_initializer": _initializer,
    "_regularizer": _regularizer,
    "_constraint": _constraint,
}
