"""Losses by Keras's names: each a number a step or a sequence, and one denominator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch

from ..arguments import made
from ..errors import unknown
from ..serialization import deserialize, serialize
from .circle import Circle, circle
from .connectionist import CTC, ctc_decode
from .crf import CRF
from .crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from .custom import CustomLoss
from .divergence import KLDivergence
from .focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from .functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    crf,
    ctc,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from .generalized import (
    CategoricalGeneralizedCrossEntropy,
    categorical_generalized_cross_entropy,
)
from .loss import Loss
from .margin import CategoricalHinge, Hinge, SquaredHinge
from .regression import (
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
)
from .sequence import SequenceLoss
from .similarity import CosineSimilarity

_OF_FUNCTION: dict[Callable[..., Any], type[Loss]] = {
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
    mean_absolute_percentage_error: MeanAbsolutePercentageError,
    mean_squared_logarithmic_error: MeanSquaredLogarithmicError,
    huber: Huber,
    log_cosh: LogCosh,
    poisson: Poisson,
    kl_divergence: KLDivergence,
    cosine_similarity: CosineSimilarity,
    hinge: Hinge,
    squared_hinge: SquaredHinge,
    categorical_hinge: CategoricalHinge,
    sparse_categorical_crossentropy: SparseCategoricalCrossentropy,
    categorical_crossentropy: CategoricalCrossentropy,
    binary_crossentropy: BinaryCrossentropy,
    categorical_focal_crossentropy: CategoricalFocalCrossentropy,
    binary_focal_crossentropy: BinaryFocalCrossentropy,
    categorical_generalized_cross_entropy: CategoricalGeneralizedCrossEntropy,
    circle: Circle,
    ctc: CTC,
    crf: CRF,
}
_BY_CLASS = {loss.__name__: loss for loss in _OF_FUNCTION.values()}
_BY_NAME: dict[str, type[Loss]] = {
    **{function.__name__: loss for function, loss in _OF_FUNCTION.items()},
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
}
# What older Keras called them, and what is shown in logs.
_BY_OTHER_NAME: dict[str, type[Loss]] = {
    **{name.upper(): _BY_NAME[name] for name in ("bce", "kld", "mae", "mape", "mse", "msle")},
    "cosine_proximity": CosineSimilarity,
    "huber_loss": Huber,
    "kullback_leibler_divergence": KLDivergence,
    "logcosh": LogCosh,
}
_KNOWN = {**_BY_CLASS, **_BY_OTHER_NAME, **_BY_NAME}


def get(loss: Any) -> Loss:
    """The loss of this name, or the one given: a Loss, a torch loss module, any callable.

    Keras's own form of a loss with options works too: {"class_name": ..., "config": {...}}.

    Args:
        loss: a name, such a dict, a class, an object or a function of (y_true, y_pred).

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if isinstance(loss, str):
        return _of_name(loss)()
    if isinstance(loss, dict) and isinstance(loss.get("class_name"), str):
        return _of_name(loss["class_name"])(**loss.get("config", {}))
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, (Loss, torch.nn.Module)):
        return get(made("compile", "loss", loss))
    if callable(loss):
        ours = _OF_FUNCTION.get(cast(Any, loss))
        return CustomLoss(cast(Any, loss)) if ours is None else ours()
    raise ValueError(f"compile: expected a loss's name or callable, got {loss!r}.")


def _of_name(name: str) -> type[Loss]:
    if name not in _KNOWN:
        raise unknown("compile", "loss", name, _BY_NAME)
    return _KNOWN[name]


__all__ = [
    "CRF",
    "CTC",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "CategoricalHinge",
    "Circle",
    "CosineSimilarity",
    "CustomLoss",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SequenceLoss",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "categorical_hinge",
    "circle",
    "cosine_similarity",
    "crf",
    "ctc",
    "ctc_decode",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]
