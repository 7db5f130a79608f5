"""The adapter for a model, by what it is."""

from __future__ import annotations

from typing import Any

from torch import nn

from ...core.layer import Layer
from ...ragged import Ragged
from ..probes import CannotAsk, Laid, Subject
from .of_function import OfFunction
from .of_keras import OfKeras
from .of_onnx import OfOnnx, is_onnx
from .of_torch import OfTorch
from .of_unpad import OfUnpad


def subject_of(
    model: Any, laid: Laid, *, arrays: bool, grids: bool, told: str | None, training: bool
) -> Subject:
    """The model as one that can be asked.

    Args:
        model: unpad's, Keras's, a torch module, a file in ONNX or a session, or any function.
        laid: what it will be asked with.
        arrays: whether a function takes numpy's arrays.
        grids: whether the samples came as a padded array.
        told: how the model is told what is padding, where its arguments do not say it.
        training: whether it is asked as in training.

    Raises:
        CannotAsk: it is nothing that can be called, or wants arguments that nobody can guess.
    """
    if isinstance(model, Layer):
        return OfUnpad(model, grids or _opens(model, laid), training)
    if _is_keras(model):
        return OfKeras(model, training)
    if is_onnx(model):
        return OfOnnx(model, laid, told)
    if isinstance(model, nn.Module):
        return OfTorch(model, laid, told, training)
    if not callable(model):
        raise CannotAsk(f"a {type(model).__name__} cannot be called with a grid.")
    return OfFunction(model, laid, arrays, told)


def _is_keras(model: Any) -> bool:
    return any(c.__module__.startswith(("keras.", "tf_keras.")) for c in type(model).__mro__)


def _opens(model: Any, laid: Laid) -> bool:
    """Whether the model has a door for padded arrays: it makes real steps of a grid."""
    try:
        opened = OfUnpad(model, True).fed(laid)
    except (ValueError, TypeError, RuntimeError):
        return False
    parts = opened if isinstance(opened, list) else [opened]
    return any(isinstance(part, Ragged) for part in parts)
