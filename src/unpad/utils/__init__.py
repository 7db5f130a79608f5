"""Keras's `utils`, as far as sequences need it."""

from ..data import PyDataset
from ..models.plot import plot_model
from ..preprocessing.sequence import pad_sequences
from ..serialization import (
    custom_object_scope,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from .categorical import normalize, to_categorical
from .seed import set_random_seed
from .time_series import timeseries_dataset_from_array

#: Its name in Keras 2.
Sequence = PyDataset

__all__ = [
    "PyDataset",
    "Sequence",
    "custom_object_scope",
    "get_registered_name",
    "get_registered_object",
    "normalize",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "set_random_seed",
    "timeseries_dataset_from_array",
    "to_categorical",
]
