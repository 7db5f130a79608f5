"""Metrics by Keras's names, on real steps."""

from __future__ import annotations

from typing import Any, TypeGuard

from ..arguments import made, wrong
from ..core.naming import snake_case
from ..errors import look_up
from ..losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
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
from ..serialization import deserialize, serialize
from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .auc import AUC, AveragePrecision
from .confusion import ConfusionMatrix
from .correlations import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    concordance_correlation,
    pearson_correlation,
)
from .counts import FalseNegatives, FalsePositives, TrueNegatives, TruePositives
from .fscore import F1Score, FBetaScore
from .functions import (
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .mean import Mean, MeanMetricWrapper, Sum
from .metric import Metric
from .names import BY_NAME, CLASSES, NEEDS_MORE
from .probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    Perplexity,
    SparseCategoricalCrossentropy,
)
from .r2 import R2Score
from .regression import (
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SquaredHinge,
)
from .sequences import SequenceAccuracy
from .spans import SpanF1, SpanPrecision, SpanRecall
from .step_metric import StartedMetric, StepMetric, wrap
from .thresholds import Precision, Recall
from .trade_offs import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)

__all__ = [
    "AUC",
    "Accuracy",
    "AveragePrecision",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConcordanceCorrelation",
    "ConfusionMatrix",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "PearsonCorrelation",
    "Perplexity",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SequenceAccuracy",
    "SpanF1",
    "SpanPrecision",
    "SpanRecall",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "StartedMetric",
    "StepMetric",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "concordance_correlation",
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
    "pearson_correlation",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]


def get(metric: Any) -> Any:
    """The metric of this name, class or configuration, as Keras's `metrics.get`.

    A name in `compile` may mean another metric, which goes with the outputs and the loss: see
    docs/training.md.

    Args:
        metric: the name of a class ("MeanSquaredError", "mean_squared_error", "mse"), a class, its
            configuration, or a metric or callable, which is given back; None is none.

    Raises:
        ValueError: there is none of this name (the text names the nearest), or it is no metric.
    """
    if isinstance(metric, str):
        found = look_up("metrics.get", "metric", metric, _classes())
        return found()
    if isinstance(metric, dict) and "class_name" in metric:
        return deserialize(metric)
    if _is_metric(metric):
        return metric()
    if metric is None or callable(metric):
        return metric
    raise wrong("metrics.get", "metric", "a name, a class, a configuration or a metric", metric)


def as_metric(metric: Any, weighted: bool = False) -> StepMetric:
    """The metric of this name, or the one given: a Metric, one of torchmetrics, a callable.

    A callable of (y_true, y_pred) gives a number for each step; their mean is the metric. A name
    is Keras's (of the function or the class); which metric it means may hang on the outputs and
    the loss: "accuracy" is binary for one output, "f1_score" the mean over classes for several,
    thresholds are those of logits where the loss takes logits.

    Args:
        metric: what was given.
        weighted: whether it must take weights.

    Raises:
        ValueError: there is none of this name (the text names the nearest), it gives no single
            number, or it takes no weights and must.
    """
    found = _by_name(metric) if isinstance(metric, str) else wrap(metric)
    if found is None:
        raise ValueError(
            "compile: expected a metric's name, a torchmetrics metric or a callable, got "
            f"{metric!r}."
        )
    found.check(weighted)
    return found


def _is_metric(named: Any) -> TypeGuard[type[Metric]]:
    return isinstance(named, type) and issubclass(named, Metric) and named is not Metric


def _classes() -> dict[str, type[Metric]]:
    """The classes by Keras's names and short names."""
    named = {n: kind for n, kind in globals().items() if n in __all__ and _is_metric(kind)}
    return CLASSES | named | {snake_case(n): kind for n, kind in named.items()}


def _by_name(name: str) -> StepMetric:
    if name in BY_NAME:
        return StepMetric(name, BY_NAME[name])
    if name in NEEDS_MORE:
        raise ValueError(
            f"compile: metric {name!r} must be told the tags' names: "
            f"unpad.metrics.{NEEDS_MORE[name]}."
        )
    named = globals().get(name) if name in __all__ else None
    if not _is_metric(named):
        return StepMetric(name, look_up("compile", "metric", name, BY_NAME))
    found = wrap(made("compile", "metric", named, f"unpad.metrics.{name}"))
    assert found is not None
    found.name = name
    return found
