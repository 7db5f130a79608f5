"""Metrics by name, Keras's: which one is meant, given the outputs' size and the loss."""

from __future__ import annotations

from collections.abc import Callable

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


def _plain(metric: Callable[[], Metric]) -> Make:
    """One that is the same for any outputs and loss."""
    return lambda size, loss: metric()


def _of_logits(metric: Callable[..., Metric]) -> Make:
    """One that must know whether outputs are logits."""
    return lambda size, loss: metric(from_logits=_logits(loss))


#: By the name that Keras has for it, or the field.
BY_NAME: dict[str, Make] = {
    "accuracy": _accuracy,
    "acc": _accuracy,
    "Accuracy": _accuracy,
    "ACC": _accuracy,
    "binary_accuracy": lambda size, loss: BinaryAccuracy(threshold=_half(loss)),
    "categorical_accuracy": _plain(CategoricalAccuracy),
    "sparse_categorical_accuracy": _plain(SparseCategoricalAccuracy),
    "top_k_categorical_accuracy": _plain(TopKCategoricalAccuracy),
    "sparse_top_k_categorical_accuracy": _plain(SparseTopKCategoricalAccuracy),
    "sequence_accuracy": _sequence_accuracy,
    "precision": _of_logits(Precision),
    "recall": _of_logits(Recall),
    "f1": _f1,
    "f1_score": _f1,
    "auc": _of_logits(AUC),
    "true_positives": _of_logits(TruePositives),
    "true_negatives": _of_logits(TrueNegatives),
    "false_positives": _of_logits(FalsePositives),
    "false_negatives": _of_logits(FalseNegatives),
    "average_precision": _plain(AveragePrecision),
    "binary_crossentropy": _of_logits(probabilistic.BinaryCrossentropy),
    "categorical_crossentropy": _of_logits(probabilistic.CategoricalCrossentropy),
    "sparse_categorical_crossentropy": _of_logits(probabilistic.SparseCategoricalCrossentropy),
    "perplexity": _of_logits(probabilistic.Perplexity),
    "kl_divergence": _plain(probabilistic.KLDivergence),
    "poisson": _plain(regression.Poisson),
    "mean_squared_error": _plain(regression.MeanSquaredError),
    "root_mean_squared_error": _plain(regression.RootMeanSquaredError),
    "mean_absolute_error": _plain(regression.MeanAbsoluteError),
    "mean_absolute_percentage_error": _plain(regression.MeanAbsolutePercentageError),
    "mean_squared_logarithmic_error": _plain(regression.MeanSquaredLogarithmicError),
    "log_cosh": _plain(regression.LogCoshError),
    "cosine_similarity": _plain(regression.CosineSimilarity),
    "hinge": _plain(regression.Hinge),
    "squared_hinge": _plain(regression.SquaredHinge),
    "categorical_hinge": _plain(regression.CategoricalHinge),
    "r2_score": _plain(R2Score),
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

#: Names of what the constructor must be told more: how it is written instead.
NEEDS_MORE = {
    "span_f1": "SpanF1(tags, scheme)",
    "span_precision": "SpanPrecision(tags, scheme)",
    "span_recall": "SpanRecall(tags, scheme)",
}
