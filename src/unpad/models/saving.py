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


def clone_model(model: Any, clone_function: Callable[[Layer], Layer] | None = None) -> Any:
    """The same model with fresh layers, whose weights are drawn anew.

    Args:
        model: a Sequential, a graph, or a class of one's own with a `get_config`.
        clone_function: gives the layer that stands for one; by default a fresh one like it.

    Raises:
        ValueError: it is no model; or a class of one's own, with a clone_function.
    """
    if not isinstance(model, Model):
        raise wrong("clone_model", "model", "a model", model)
    if clone_function is None:
        return type(model).from_config(model.get_config())
    wrong_kind = wrong("clone_model", "model", "a Sequential or a graph for clone_function", model)
    if not isinstance(model, (Sequential, Functional)):
        raise wrong_kind
    return model.with_layers(clone_function)


__all__ = ["clone_model", "deserialize", "model_from_config", "model_from_json", "serialize"]
