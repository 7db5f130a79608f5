"""Keras's `utils`, as far as sequences need it."""

from ..backend import clear_session, is_keras_tensor, standardize_dtype
from ..data import PyDataset
from ..models.plot import plot_model
from ..preprocessing.sequence import pad_sequences
from ..serialization import (
    custom_object_scope,
    deserialize,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize,
)
from .categorical import normalize, to_categorical
from .files import get_file
from .seed import set_random_seed
from .splitting import pack_x_y_sample_weight, split_dataset, unpack_x_y_sample_weight
from .text_files import text_dataset_from_directory
from .time_series import timeseries_dataset_from_array

#: Its name in Keras 2.
Sequence = PyDataset
#: Keras's other names of these.
CustomObjectScope = custom_object_scope
deserialize_keras_object, serialize_keras_object = deserialize, serialize

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
