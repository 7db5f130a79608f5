"""Models to data and back: JSON, and clones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..arguments import wrong
from ..core.layer import Layer
from ..formats.older.configuration import is_older, modern, version_of
from ..serialization import deserialize, serialize
from .functional import Functional
from .model import Model
from .sequential import Sequential


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that `model.to_json()` wrote: fresh, without weights.

    Args:
        json_string: what `to_json` gave, here or in any Keras.
        custom_objects: classes and functions of one's own, by name.

    Raises:
        ValueError: it is no JSON, or describes no model of these classes; the text says what.
    """
    if not isinstance(json_string, str):
        raise wrong("model_from_json", "json_string", "what model.to_json() gives", json_string)
    try:
        data = json.loads(json_string)
    except json.JSONDecodeError as error:
        raise ValueError(f"model_from_json: this is no JSON: {error}.") from None
    if is_older(data):
        data = modern(data, version_of(data.get("keras_version", "2")))
    return deserialize(data, custom_objects, who="model_from_json")


def model_from_config(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that data of `keras.models.serialize` describe."""
    return deserialize(config, custom_objects, who="model_from_config")


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """The same model with fresh layers, whose weights are drawn anew.

    Args:
        model: a Sequential, a graph, or a class of one's own with a `get_config`.
        input_tensors: symbols in the place of the inputs of a Sequential or a graph.
        clone_function: gives the layer that stands for one; by default a fresh one like it.
        call_function: of a graph: called with a layer and the arguments of its call, gives what
            comes out; it may draw other layers behind it.
        recursive: whether a model within is not one layer, but is made of such layers itself.

    Raises:
        ValueError: it is no model, or not one of which this can be asked.
    """
    if not isinstance(model, Model):
        raise wrong("clone_model", "model", "a model", model)
    asked = {
        "input_tensors": input_tensors, "clone_function": clone_function,
        "call_function": call_function, "recursive": recursive or None,
    }  # fmt: skip
    asked = [name for name, given in asked.items() if given is not None]
    if not asked:
        return type(model).from_config(model.get_config())
    if not isinstance(model, (Sequential, Functional)):
        what = f"a Sequential or a graph for {asked[0]}"
        raise wrong("clone_model", "model", what, model)

    def stand_in(layer: Layer) -> Layer:
        if recursive and isinstance(layer, (Sequential, Functional)):
            call = call_function if isinstance(layer, Functional) else None
            return clone_model(layer, None, clone_function, call, True)
        if clone_function is not None:
            return clone_function(layer)
        return type(layer).from_config(layer.get_config())

    if isinstance(model, Functional):
        return model.with_layers(stand_in, input_tensors, call_function)
    if call_function is not None:
        raise wrong("clone_model", "model", "a graph for call_function", model)
    return model.with_layers(stand_in, input_tensors)


__all__ = ["clone_model", "deserialize", "model_from_config", "model_from_json", "serialize"]
