"""Keras's home of what is written and read by name: `keras.saving`."""

from .formats.model_file import load_model, save_model
from .formats.problems import DamagedFile, FileError, OtherModel, RefusedFile, WrongFormat
from .formats.weights_file import load_weights, save_weights
from .serialization import (
    custom_object_scope,
    deserialize,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize,
)

#: Keras's other names of these.
CustomObjectScope = custom_object_scope
serialize_keras_object = serialize
deserialize_keras_object = deserialize

__all__ = [
    "CustomObjectScope",
    "DamagedFile",
    "FileError",
    "OtherModel",
    "RefusedFile",
    "WrongFormat",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
