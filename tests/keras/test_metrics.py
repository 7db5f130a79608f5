"""Metrics on a Ragged equal Keras's on the real steps alone."""

import keras
import numpy as np
import pytest
import torch
from masked_batches import BATCH, MASKS, TIME, coded, coded_like
from side_by_side import assert_close

import unpad
from unpad import Ragged

pytestmark = pytest.mark.by_day(120)

CLASSES = 5


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


LOGITS = 3 * coded(feature=CLASSES)
SOFT = softmax(LOGITS)
SURE = sigmoid(LOGITS)
LABELS = np.add.outer(np.arange(BATCH) * 3, np.arange(TIME)) % CLASSES
ONE_HOT = np.eye(CLASSES)[LABELS]
YES_NO = np.round(sigmoid(10 * coded_like(LOGITS.shape)))
SIGNS = 2 * YES_NO - 1
#: On a lattice that thresholds fall on.
STEPS = np.round(SURE * 10) / 10
WHOLE = LOGITS.argmax(-1)
POSITIVE = 2 + np.cos(LOGITS)

#: metric, its options, targets, predictions.
CASES = {
    "equal": ("Accuracy", {}, LABELS[..., None], WHOLE[..., None]),
    "binary": ("BinaryAccuracy", {}, YES_NO, SURE),
    "binary, threshold": ("BinaryAccuracy", {"threshold": 0.7}, YES_NO, STEPS),
    "binary, one feature": ("BinaryAccuracy", {}, YES_NO[..., :1], SURE[..., :1]),
    "categorical": ("CategoricalAccuracy", {}, ONE_HOT, SOFT),
    "sparse": ("SparseCategoricalAccuracy", {}, LABELS, SOFT),
    "sparse, (steps, 1)": ("SparseCategoricalAccuracy", {}, LABELS[..., None], SOFT),
    "top 2": ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, SOFT),
    "top 5 of 5": ("TopKCategoricalAccuracy", {}, ONE_HOT, SOFT),
    "sparse top 3": ("SparseTopKCategoricalAccuracy", {"k": 3}, LABELS, SOFT),
    "sparse top 2, ties": ("SparseTopKCategoricalAccuracy", {"k": 2}, LABELS, np.round(SOFT, 1)),
    "precision": ("Precision", {}, YES_NO, SURE),
    "precision, one feature": ("Precision", {}, YES_NO[..., :1], SURE[..., :1]),
    "precision, one-hot": ("Precision", {}, ONE_HOT, SOFT),
    "precision, threshold": ("Precision", {"thresholds": 0.3}, ONE_HOT, STEPS),
    "precision, thresholds": ("Precision", {"thresholds": [0.8, 0.1, 0.4]}, YES_NO, STEPS),
    "precision, even thresholds": ("Precision", {"thresholds": [0.0, 0.5, 1.0]}, YES_NO, STEPS),
    "precision, top 2": ("Precision", {"top_k": 2}, ONE_HOT, SOFT),
    "precision, top 2 above": ("Precision", {"top_k": 2, "thresholds": 0.4}, ONE_HOT, SOFT),
    "precision, class": ("Precision", {"class_id": 3}, YES_NO, SURE),
    "precision, class in top 3": ("Precision", {"class_id": 1, "top_k": 3}, ONE_HOT, SOFT),
    "true positives": ("TruePositives", {}, YES_NO, SURE),
    "true negatives": ("TrueNegatives", {"thresholds": [0.6, 0.3]}, YES_NO, STEPS),
    "false positives": ("FalsePositives", {}, YES_NO, SURE),
    "false negatives": ("FalseNegatives", {"thresholds": 0.9}, YES_NO, SURE),
    "recall": ("Recall", {}, YES_NO, SURE),
    "recall, one-hot": ("Recall", {}, ONE_HOT, SOFT),
    "recall, thresholds": ("Recall", {"thresholds": [0.2, 0.3, 0.9]}, ONE_HOT, STEPS),
    "recall, top 2": ("Recall", {"top_k": 2}, ONE_HOT, SOFT),
    "recall, class": ("Recall", {"class_id": 0}, ONE_HOT, SOFT),
    "f1": ("F1Score", {}, ONE_HOT, SOFT),
    "f1, threshold": ("F1Score", {"threshold": 0.4}, YES_NO, STEPS),
    "f1, micro": ("F1Score", {"average": "micro"}, ONE_HOT, SOFT),
    "f1, macro": ("F1Score", {"average": "macro", "threshold": 0.5}, YES_NO, SURE),
    "f1, weighted": ("F1Score", {"average": "weighted"}, ONE_HOT, SOFT),
    "f1, outputs of 0": ("F1Score", {}, ONE_HOT, SOFT * (LABELS != 2)[..., None]),
    "f2": ("FBetaScore", {"beta": 2.0, "average": "weighted"}, ONE_HOT, SOFT),
    "f half": ("FBetaScore", {"beta": 0.5}, ONE_HOT, np.round(SOFT, 1)),
    "auc": ("AUC", {}, YES_NO, SURE),
    "auc, one-hot": ("AUC", {}, ONE_HOT, SOFT),
    "auc, few": ("AUC", {"num_thresholds": 5}, YES_NO, STEPS),
    "auc, minoring": ("AUC", {"summation_method": "minoring"}, YES_NO, SURE),
    "auc, majoring": ("AUC", {"summation_method": "majoring"}, YES_NO, SURE),
    "auc, pr": ("AUC", {"curve": "PR"}, YES_NO, SURE),
    "auc, pr, minoring": ("AUC", {"curve": "PR", "summation_method": "minoring"}, YES_NO, SURE),
    "auc, pr, majoring": ("AUC", {"curve": "PR", "summation_method": "majoring"}, YES_NO, SURE),
    "auc, thresholds": ("AUC", {"thresholds": [0.7, 0.1, 0.2]}, YES_NO, STEPS),
    "auc, even thresholds": ("AUC", {"thresholds": [0.25, 0.5, 0.75]}, YES_NO, STEPS),
    "auc, labels": ("AUC", {"multi_label": True}, YES_NO, SURE),
    "auc, labels, pr": ("AUC", {"multi_label": True, "curve": "PR"}, YES_NO, SURE),
    "auc, labels, numbered": ("AUC", {"multi_label": True, "num_labels": 5}, ONE_HOT, SOFT),
    "auc, labels, weighted": (
        "AUC", {"multi_label": True, "label_weights": [1.0, 2, 0, 1, 5]}, ONE_HOT, SOFT,
    ),
    "auc, weighted": ("AUC", {"label_weights": [1.0, 2, 0, 1, 5]}, ONE_HOT, SOFT),
    "auc, logits": ("AUC", {"from_logits": True}, YES_NO, LOGITS),
    "squared": ("MeanSquaredError", {}, YES_NO, LOGITS),
    "root": ("RootMeanSquaredError", {}, YES_NO, LOGITS),
    "absolute": ("MeanAbsoluteError", {}, YES_NO, LOGITS),
    "percentage": ("MeanAbsolutePercentageError", {}, POSITIVE, LOGITS),
    "percentage of 0": ("MeanAbsolutePercentageError", {}, YES_NO, LOGITS),
    "logarithmic": ("MeanSquaredLogarithmicError", {}, POSITIVE, LOGITS),
    "log cosh": ("LogCoshError", {}, POSITIVE, LOGITS),
    "cosine": ("CosineSimilarity", {}, POSITIVE, LOGITS),
    "cosine of 0": ("CosineSimilarity", {}, ONE_HOT * (LABELS != 2)[..., None], LOGITS),
    "r2": ("R2Score", {}, POSITIVE, LOGITS),
    "r2, by variance": (
        "R2Score", {"class_aggregation": "variance_weighted_average"}, POSITIVE, LOGITS,
    ),
    "r2, each": ("R2Score", {"class_aggregation": None}, POSITIVE, LOGITS),
    "divergence": ("KLDivergence", {}, SOFT[::-1].copy(), SOFT),
    "divergence, one-hot": ("KLDivergence", {}, ONE_HOT, SOFT),
    "poisson": ("Poisson", {}, POSITIVE, SURE),
    "hinge": ("Hinge", {}, SIGNS, LOGITS),
    "hinge, 0 and 1": ("Hinge", {}, YES_NO, LOGITS),
    "squared hinge": ("SquaredHinge", {}, SIGNS, LOGITS),
    "categorical hinge": ("CategoricalHinge", {}, ONE_HOT, LOGITS),
    "binary crossentropy": ("BinaryCrossentropy", {"label_smoothing": 0.1}, YES_NO, SURE),
    "categorical crossentropy": ("CategoricalCrossentropy", {"from_logits": True}, ONE_HOT, LOGITS),
    "adjusted r2": ("R2Score", {"num_regressors": 2}, POSITIVE, LOGITS),
    "auc, gain": ("AUC", {"curve": "PRGAIN"}, YES_NO, SURE),
    "auc, gain, minoring": (
        "AUC", {"curve": "PRGAIN", "summation_method": "minoring"}, YES_NO, SURE,
    ),
    "sensitivity": ("SensitivityAtSpecificity", {"specificity": 0.6}, YES_NO, STEPS),
    "specificity": ("SpecificityAtSensitivity", {"sensitivity": 0.7}, YES_NO, STEPS),
    "precision at": ("PrecisionAtRecall", {"recall": 0.6}, YES_NO, STEPS),
    "recall at": ("RecallAtPrecision", {"precision": 0.4}, YES_NO, STEPS),
    "recall at, class": ("RecallAtPrecision", {"precision": 0.2, "class_id": 1}, ONE_HOT, SOFT),
    "pearson": ("PearsonCorrelation", {}, POSITIVE, LOGITS),
    "concordance": ("ConcordanceCorrelation", {}, POSITIVE, LOGITS),
    "sparse crossentropy": ("SparseCategoricalCrossentropy", {}, LABELS, SOFT),
}  # fmt: skip


#: Cases in which thresholds are even: Keras counts those in buckets.
BUCKETS = [
    case
    for case, (name, options, *_) in CASES.items()
    if "even" in case or (name == "AUC" and "thresholds" not in options) or "At" in name
]

BY_SEQUENCE = np.array([1.0, 0.5, 0.0, 2.0])
BY_STEP = 1 + coded_like((BATCH, TIME))
WEIGHTS = {
    "none": (None, None),
    "by sequence": (BY_SEQUENCE, BY_SEQUENCE.repeat(TIME).reshape(BATCH, TIME)),
    "by step": (BY_STEP, BY_STEP),
}

#: Names that are no metric of targets and predictions.
NO_METRICS = {
    "Mean", "MeanMetricWrapper", "Metric", "Sum", "concordance_correlation", "deserialize", "get",
    "pearson_correlation", "serialize",
}  # fmt: skip

cases = pytest.mark.parametrize(("name", "options", "true", "pred"), CASES.values(), ids=CASES)
weights = pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
masks = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


def of_keras(name, options, true, pred, weight):
    """Keras's number on real steps alone, (steps, feature)."""
    theirs = getattr(keras.metrics, name)(**options)
    theirs.update_state(torch.tensor(true), torch.tensor(pred), weight)
    return np.asarray(
        theirs.result().detach() if torch.is_tensor(theirs.result()) else theirs.result()
    )


def compare(name, options, true, pred, weight, mask, rtol, atol):
    """Fed in two batches, with junk where there is no step; Keras gets the real steps alone."""
    ours = getattr(unpad.metrics, name)(**options)
    real = torch.tensor(mask)
    junk = torch.tensor(np.where(mask.reshape(BATCH, TIME, *[1] * (true.ndim - 2)), true, 99))
    for rows in (slice(0, 3), slice(3, None)):
        w = None if weight[0] is None else torch.tensor(weight[0][rows])
        ragged = Ragged.from_padded(torch.tensor(pred)[rows], mask=real[rows])
        ours.update_state(junk[rows], ragged, w)
    w = None if weight[1] is None else torch.tensor(weight[1][mask])
    theirs = of_keras(name, options, true[mask], pred[mask], w)
    assert_close(ours.result(), theirs, name, rtol, atol)
    if mask.all():
        assert float(ours.result().abs().sum()) > 0


@masks
@weights
@pytest.mark.parametrize("case", [c for c in CASES if c not in BUCKETS])
def test_real_steps(float64, case, weight, mask):
    # Constants of 1e-7 are float32 in places.
    compare(*CASES[case], weight, mask, rtol=1e-7, atol=1e-9)


@masks
@weights
@pytest.mark.parametrize("case", BUCKETS)
def test_real_steps_in_buckets(case, weight, mask):
    """Keras cannot put float64 into buckets on torch."""
    name, options, true, pred = CASES[case]
    pred = pred.astype("float32")
    compare(name, options, true, pred, weight, mask, rtol=1e-5, atol=1e-6)


@cases
def test_float32(name, options, true, pred):
    """In float32, the default of both."""
    args = torch.tensor(true[:, 0]), torch.tensor(pred[:, 0], dtype=torch.float32)
    ours = getattr(unpad.metrics, name)(**options)
    ours.update_state(*args)
    theirs = of_keras(name, options, true[:, 0], pred[:, 0].astype("float32"), None)
    assert_close(ours.result(), theirs, name, rtol=1e-4, atol=1e-5)


def test_every_metric_that_keras_has():
    ours = {n for n in unpad.metrics.__all__ if hasattr(keras.metrics, n)}
    of_steps = {n for n in ours - NO_METRICS if isinstance(getattr(unpad.metrics, n), type)}
    assert of_steps == {name for name, *_ in CASES.values()}


def test_mean():
    for values, weight in (
        ([1.0, 3, 5, 7], None),
        ([1.0, 3, 5, 7], [1.0, 1, 0, 0]),
        ([[1.0, 2], [3, 4]], [1.0, 3]),
        ([[1.0, 2], [3, 4]], [[1.0, 0], [2, 5]]),
    ):
        ours, theirs = unpad.metrics.Mean(), keras.metrics.Mean()
        ours.update_state(values, weight)
        theirs.update_state(values, weight)
        assert float(ours.result()) == pytest.approx(float(theirs.result()))


@pytest.mark.parametrize(
    "name",
    [
        "Accuracy", "precision", "true_positives", "mse", "MAE", "kl_divergence",
        "KLDivergence", "hinge", "accuracy", "auc", "AUC",
        "top_k_categorical_accuracy",
    ],
)  # fmt: skip
def test_names(name):
    """By Keras's names, on one-hot targets, through compile."""
    x = coded().astype("float32")
    y = ONE_HOT.astype("float32")
    ours = unpad.Sequential([unpad.Input((None, 3)), unpad.layers.Dense(CLASSES, "softmax")])
    theirs = keras.Sequential([keras.Input((None, 3)), keras.layers.Dense(CLASSES, "softmax")])
    theirs.set_weights(ours.get_weights())
    numbers = []
    for model in (ours, theirs):
        model.compile(loss="categorical_crossentropy", metrics=[name])
        numbers.append([float(n) for n in model.evaluate(x, y, verbose=0)])
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-5)


def test_masked_steps_that_keras_counts():
    """Pinned: under a mask Keras's Precision, Recall and AUC count padding; not here."""
    mask = torch.tensor(MASKS["right"])
    true, pred = torch.tensor(YES_NO[..., :1]), torch.tensor(SURE[..., :1])
    masked = pred * 1
    keras.src.backend.set_keras_mask(masked, mask)
    for name in ("Precision", "Recall", "AUC"):
        ours, theirs = getattr(unpad.metrics, name)(), getattr(keras.metrics, name)()
        ours.update_state(true, Ragged.from_padded(pred, mask=mask))
        theirs.update_state(true, masked)
        padded = of_keras(name, {}, true.flatten(0, 1).numpy(), pred.flatten(0, 1).numpy(), None)
        assert float(theirs.result()) == pytest.approx(float(padded))
        assert abs(float(ours.result()) - float(padded)) > 1e-3


def test_constant_targets():
    """Pinned: where targets do not vary and are met, Keras's R2 is NaN; here it is 1."""
    true = torch.ones(4, 1)
    ours, theirs = unpad.metrics.R2Score(), keras.metrics.R2Score()
    ours.update_state(true, true)
    theirs.update_state(true, true)
    assert float(ours.result()) == 1
    assert np.isnan(float(theirs.result()))


def test_integer_labels():
    """Pinned: what Keras refuses, or compares by broadcasting, is the mean over classes here."""
    true, pred = torch.tensor(LABELS[:, 0]), torch.tensor(SOFT[:, 0])
    for name in ("Precision", "Recall", "AUC"):
        with pytest.raises((RuntimeError, ValueError)):
            of_keras(name, {}, true.numpy(), pred.numpy(), None)
        ours = getattr(unpad.metrics, name)()
        ours.update_state(true, pred)
        assert 0 <= float(ours.result()) <= 1


def test_f1_of_one_output():
    """Pinned: without a threshold Keras takes the one output for a yes, whatever it is."""
    true, pred = np.array([[1.0], [0.0]]), np.array([[0.2], [0.1]])
    assert float(of_keras("F1Score", {}, true, pred, None)[0]) == pytest.approx(2 / 3, abs=1e-5)
    with pytest.raises(ValueError, match="one output needs a threshold"):
        unpad.metrics.F1Score().update_state(true, pred)


def test_means_of_batches():
    """Pinned: (batch,) predictions are steps of one number; Keras's mean of them is one step."""
    ours, theirs = unpad.metrics.MeanSquaredError(), keras.metrics.MeanSquaredError()
    for y in ([0.0, 0.0, 0.0], [3.0]):
        for metric in (ours, theirs):
            metric.update_state(torch.zeros(len(y)), torch.tensor(y))
    assert float(ours.result()) == 9 / 4
    assert float(theirs.result()) == 9 / 2


def test_sum():
    ours, theirs = unpad.metrics.Sum(), keras.metrics.Sum()
    for values, weight in (([1.0, 3, 5, 7], [1.0, 1, 0, 2]), ([2.0, 4], None)):
        ours.update_state(values, weight)
        theirs.update_state(values, weight)
        assert_close(ours.result(), theirs.result(), "sum")


@pytest.mark.parametrize("name", ["pearson_correlation", "concordance_correlation"])
def test_correlations_as_functions(name):
    args = POSITIVE[0], LOGITS[0]
    ours, theirs = (getattr(m.metrics, name)(*args) for m in (unpad, keras))
    assert ours.shape == (TIME,)
    assert_close(ours, theirs, name, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("TruePositives", {}),
        ("Precision", {"thresholds": [0.3, 0.7]}),
        ("Recall", {"thresholds": 0.3}),
        ("AUC", {}),
        ("RecallAtPrecision", {"precision": 0.5}),
    ],
)
def test_a_weight_for_each_entry(name, options):
    """Of thresholds, where the entries of a step are counted apart."""
    weight = (1 + coded_like(YES_NO[0].shape)).astype("float32")
    ours, theirs = (getattr(m.metrics, name)(**options) for m in (unpad, keras))
    for metric in (ours, theirs):
        metric.update_state(YES_NO[0], SURE[0].astype("float32"), weight)
    assert_close(ours.result(), theirs.result(), name, rtol=1e-5, atol=1e-6)


def test_sorted_ids():
    ids = np.argsort(-SOFT[0], -1)
    options = {"k": 2, "from_sorted_ids": True}
    ours, theirs = (m.metrics.SparseTopKCategoricalAccuracy(**options) for m in (unpad, keras))
    for metric in (ours, theirs):
        metric.update_state(LABELS[0], ids)
    assert_close(ours.result(), theirs.result(), "ids", rtol=1e-6)
    assert 0 < float(ours.result()) < 1


@pytest.mark.parametrize("dtype", ["float32", "float64", torch.float16])
def test_the_type_of_the_result(dtype):
    """It is the result's; sums are float64 whatever it is."""
    metric = unpad.metrics.Mean(dtype=dtype)
    assert metric.result().dtype == getattr(torch, metric.dtype)
    for _ in range(4):
        metric.update_state([2048.0, 1.0])
    assert metric.result().dtype == getattr(torch, metric.dtype)
    assert float(metric.result()) == float(torch.tensor(1024.5).to(metric.result().dtype))
    assert unpad.metrics.Mean.from_config(metric.get_config()).dtype == metric.dtype


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("mse", "MeanSquaredError"),
        ("MeanSquaredError", "MeanSquaredError"),
        ("auc", "AUC"),
        ("accuracy", "Accuracy"),
        ("categorical_accuracy", "CategoricalAccuracy"),
    ],
)
def test_by_name_a_metric(name, kind):
    found = unpad.metrics.get(name)
    assert type(found) is getattr(unpad.metrics, kind)
    assert type(keras.metrics.get(name)).__name__ in (kind, "type")
