"""Metrics by name, Keras's: which one is meant, given the outputs' size and the loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from ..losses import Loss
from . import probabilistic, regression
from .accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .auc import AUC, AveragePrecision
from .counts import FalseNegatives, FalsePositives, TrueNegatives, TruePositives
from .fscore import F1Score
from .metric import Metric
from .r2 import R2Score
from .sequences import SequenceAccuracy
from .thresholds import Precision, Recall

Make = Callable[[int, Loss], Metric]


# Torch's losses that take logits.
_TORCH_LOGITS = torch.nn.BCEWithLogitsLoss, torch.nn.CrossEntropyLoss
# Torch's losses of outputs that say yes or no.
_TORCH_YES_OR_NO = torch.nn.BCEWithLogitsLoss, torch.nn.BCELoss


def _of_torch(loss: Loss, *kinds: type) -> bool:
    return isinstance(getattr(loss, "function", None), kinds)


def _logits(loss: Loss) -> bool:
    """Whether the outputs are logits."""
    return getattr(loss, "from_logits", False) or _of_torch(loss, *_TORCH_LOGITS)


def _half(loss: Loss) -> float:
    """Where outputs change from no to yes."""
    return 0.0 if _logits(loss) else 0.5


def _yes_or_no(size: int, loss: Loss) -> bool:
    """Whether every output by itself says yes or no."""
    sigmoid = getattr(loss, "tail", None) == "sigmoid"
    return size == 1 or sigmoid or _of_torch(loss, *_TORCH_YES_OR_NO)


def _accuracy(size: int, loss: Loss) -> Metric:
    if _yes_or_no(size, loss):
        return BinaryAccuracy(threshold=_half(loss))
    return SparseCategoricalAccuracy()


def _f1(size: int, loss: Loss) -> Metric:
    if _yes_or_no(size, loss):
        return F1Score("micro", _half(loss))
    return F1Score("macro")


def _sequence_accuracy(size: int, loss: Loss) -> Metric:
    return SequenceAccuracy(_half(loss) if _yes_or_no(size, loss) else None)


def _binary_accuracy(size: int, loss: Loss) -> Metric:
    return BinaryAccuracy(threshold=_half(loss))


# Classes and no lambdas: a compiled model is pickled with its metrics.
class _Plain(NamedTuple):
    """One that is the same for any outputs and loss."""

    metric: type[Metric]

    def __call__(self, size: int, loss: Loss) -> Metric:
        return self.metric()


class _OfLogits(NamedTuple):
    """One that must know whether outputs are logits."""

    metric: Callable[..., Metric]

    def __call__(self, size: int, loss: Loss) -> Metric:
        return self.metric(from_logits=_logits(loss))


#: By the name that Keras has for it, or the field.
BY_NAME: dict[str, Make] = {
    "accuracy": _accuracy,
    "acc": _accuracy,
    "Accuracy": _accuracy,
    "ACC": _accuracy,
    "binary_accuracy": _binary_accuracy,
    "categorical_accuracy": _Plain(CategoricalAccuracy),
    "sparse_categorical_accuracy": _Plain(SparseCategoricalAccuracy),
    "top_k_categorical_accuracy": _Plain(TopKCategoricalAccuracy),
    "sparse_top_k_categorical_accuracy": _Plain(SparseTopKCategoricalAccuracy),
    "sequence_accuracy": _sequence_accuracy,
    "precision": _OfLogits(Precision),
    "recall": _OfLogits(Recall),
    "f1": _f1,
    "f1_score": _f1,
    "auc": _OfLogits(AUC),
    "true_positives": _OfLogits(TruePositives),
    "true_negatives": _OfLogits(TrueNegatives),
    "false_positives": _OfLogits(FalsePositives),
    "false_negatives": _OfLogits(FalseNegatives),
    "average_precision": _Plain(AveragePrecision),
    "binary_crossentropy": _OfLogits(probabilistic.BinaryCrossentropy),
    "categorical_crossentropy": _OfLogits(probabilistic.CategoricalCrossentropy),
    "sparse_categorical_crossentropy": _OfLogits(probabilistic.SparseCategoricalCrossentropy),
    "perplexity": _OfLogits(probabilistic.Perplexity),
    "kl_divergence": _Plain(probabilistic.KLDivergence),
    "poisson": _Plain(regression.Poisson),
    "mean_squared_error": _Plain(regression.MeanSquaredError),
    "root_mean_squared_error": _Plain(regression.RootMeanSquaredError),
    "mean_absolute_error": _Plain(regression.MeanAbsoluteError),
    "mean_absolute_percentage_error": _Plain(regression.MeanAbsolutePercentageError),
    "mean_squared_logarithmic_error": _Plain(regression.MeanSquaredLogarithmicError),
    "log_cosh": _Plain(regression.LogCoshError),
    "cosine_similarity": _Plain(regression.CosineSimilarity),
    "hinge": _Plain(regression.Hinge),
    "squared_hinge": _Plain(regression.SquaredHinge),
    "categorical_hinge": _Plain(regression.CategoricalHinge),
    "r2_score": _Plain(R2Score),
}
for _short, _name in {
    "bce": "binary_crossentropy",
    "mse": "mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "log_cosh_error": "log_cosh",
    "logcosh": "log_cosh",
    "kld": "kl_divergence",
    "r2": "r2_score",
    "KLD": "kl_divergence",
    "BCE": "binary_crossentropy",
    "MSE": "mean_squared_error",
    "MAE": "mean_absolute_error",
    "MAPE": "mean_absolute_percentage_error",
    "MSLE": "mean_squared_logarithmic_error",
}.items():
    BY_NAME[_short] = BY_NAME[_name]

#: The classes of those that are the same for any outputs and loss.
CLASSES = {name: make.metric for name, make in BY_NAME.items() if isinstance(make, _Plain)}

#: Names of what the constructor must be told more: how it is written instead.
NEEDS_MORE = {
    "span_f1": "SpanF1(tags, scheme)",
    "span_precision": "SpanPrecision(tags, scheme)",
    "span_recall": "SpanRecall(tags, scheme)",
}
