"""Models: layers put together, built from specs."""

from ..core.input import Input
from ..formats.model_file import load_model, save_model
from .functional import Functional
from .model import Model
from .saving import clone_model, deserialize, model_from_config, model_from_json, serialize
from .sequential import Sequential

__all__ = [
    "Functional",
    "Input",
    "Model",
    "Sequential",
    "clone_model",
    "deserialize",
    "load_model",
    "model_from_config",
    "model_from_json",
    "save_model",
    "serialize",
]
