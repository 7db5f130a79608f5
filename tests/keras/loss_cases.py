"""Targets and predictions for every loss, each with its options."""

import numpy as np
from masked_batches import BATCH, TIME, coded, coded_like

CLASSES = 5


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


LOGITS = 3 * coded(feature=CLASSES)
LABELS = np.add.outer(np.arange(BATCH) * 3, np.arange(TIME)) % CLASSES
ONE_HOT = np.eye(CLASSES)[LABELS]
YES_NO = np.round(sigmoid(10 * coded_like(LOGITS.shape)))
RATES = np.exp(LOGITS)
BACKWARDS = LOGITS[..., ::-1].copy()
COUNTS = np.round(np.exp(BACKWARDS))
SIGNS = 2 * YES_NO - 1
HARD = np.eye(CLASSES)[LOGITS.argmax(-1)]  # exactly 0 and 1: clipped

#: loss, its options, targets, predictions.
CASES = {
    "generalized": ("CategoricalGeneralizedCrossEntropy", {"q": 0.5}, LABELS, softmax(LOGITS)),
    "generalized, q": ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, LABELS, sigmoid(LOGITS)),
    "sparse": ("SparseCategoricalCrossentropy", {}, LABELS, softmax(LOGITS)),
    "sparse, not summing to 1": ("SparseCategoricalCrossentropy", {}, LABELS, sigmoid(LOGITS)),
    "sparse, 0 and 1": ("SparseCategoricalCrossentropy", {}, LABELS, HARD),
    "sparse, logits": ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS, LOGITS),
    "sparse, (steps, 1)": ("SparseCategoricalCrossentropy", {}, LABELS[..., None], softmax(LOGITS)),
    "sparse, ignoring": (
        "SparseCategoricalCrossentropy", {"ignore_class": 2}, LABELS, softmax(LOGITS),
    ),
    "sparse, logits, ignoring": (
        "SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": -1},
        np.where(LABELS == 1, -1, LABELS), LOGITS,
    ),
    "categorical": ("CategoricalCrossentropy", {}, ONE_HOT, softmax(LOGITS)),
    "categorical, not summing to 1": ("CategoricalCrossentropy", {}, ONE_HOT, sigmoid(LOGITS)),
    "categorical, 0 and 1": ("CategoricalCrossentropy", {}, ONE_HOT, HARD),
    "categorical, logits": ("CategoricalCrossentropy", {"from_logits": True}, ONE_HOT, LOGITS),
    "categorical, a distribution": (
        "CategoricalCrossentropy", {}, softmax(YES_NO), softmax(LOGITS),
    ),
    "categorical, smoothed": (
        "CategoricalCrossentropy", {"label_smoothing": 0.2}, ONE_HOT, softmax(LOGITS),
    ),
    "categorical, smoothed logits": (
        "CategoricalCrossentropy", {"label_smoothing": 0.2, "from_logits": True}, ONE_HOT, LOGITS,
    ),
    "binary": ("BinaryCrossentropy", {}, YES_NO, sigmoid(LOGITS)),
    "binary, 0 and 1": ("BinaryCrossentropy", {}, YES_NO, HARD),
    "binary, logits": ("BinaryCrossentropy", {"from_logits": True}, YES_NO, LOGITS),
    "binary, smoothed": ("BinaryCrossentropy", {"label_smoothing": 0.2}, YES_NO, sigmoid(LOGITS)),
    "binary, smoothed logits": (
        "BinaryCrossentropy", {"label_smoothing": 0.2, "from_logits": True}, YES_NO, LOGITS,
    ),
    "squared": ("MeanSquaredError", {}, YES_NO, LOGITS),
    "absolute": ("MeanAbsoluteError", {}, YES_NO, LOGITS),
    "squared, one feature": ("MeanSquaredError", {}, YES_NO[..., :1], LOGITS[..., :1]),
    "percentage": ("MeanAbsolutePercentageError", {}, BACKWARDS, LOGITS),
    "percentage, targets of 0": ("MeanAbsolutePercentageError", {}, YES_NO, LOGITS),
    "logarithmic": ("MeanSquaredLogarithmicError", {}, COUNTS, RATES),
    "logarithmic, negative": ("MeanSquaredLogarithmicError", {}, YES_NO, LOGITS),
    "huber": ("Huber", {}, YES_NO, LOGITS),
    "huber, delta": ("Huber", {"delta": 0.3}, YES_NO, LOGITS),
    "log cosh": ("LogCosh", {}, YES_NO, LOGITS),
    "poisson": ("Poisson", {}, COUNTS, RATES),
    "poisson, rates of 0": ("Poisson", {}, YES_NO, HARD),
    "divergence": ("KLDivergence", {}, softmax(YES_NO), softmax(LOGITS)),
    "divergence, 0 and 1": ("KLDivergence", {}, ONE_HOT, HARD),
    "cosine": ("CosineSimilarity", {}, YES_NO + 0.1, LOGITS),
    "cosine, one feature": ("CosineSimilarity", {}, RATES[..., :1], LOGITS[..., :1] - 0.5),
    "hinge": ("Hinge", {}, SIGNS, LOGITS),
    "hinge, 0 and 1": ("Hinge", {}, YES_NO, LOGITS),
    "hinge, on the margin": ("Hinge", {}, SIGNS, HARD),
    "squared hinge": ("SquaredHinge", {}, SIGNS, LOGITS),
    "squared hinge, 0 and 1": ("SquaredHinge", {}, YES_NO, LOGITS),
    "categorical hinge": ("CategoricalHinge", {}, ONE_HOT, LOGITS),
    "categorical hinge, ties": ("CategoricalHinge", {}, ONE_HOT, HARD),
    "categorical focal": ("CategoricalFocalCrossentropy", {}, ONE_HOT, softmax(LOGITS)),
    "categorical focal, not summing to 1": (
        "CategoricalFocalCrossentropy", {"alpha": 0.6, "gamma": 3.0}, ONE_HOT, sigmoid(LOGITS),
    ),
    "categorical focal, 0 and 1": ("CategoricalFocalCrossentropy", {}, ONE_HOT, HARD),
    "categorical focal, an alpha a class": (
        "CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5]}, ONE_HOT,
        softmax(LOGITS),
    ),
    "categorical focal, logits": (
        "CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 0.5}, ONE_HOT, LOGITS,
    ),
    "categorical focal, smoothed": (
        "CategoricalFocalCrossentropy", {"label_smoothing": 0.2}, ONE_HOT, softmax(LOGITS),
    ),
    "categorical focal, smoothed logits": (
        "CategoricalFocalCrossentropy", {"label_smoothing": 0.2, "from_logits": True}, ONE_HOT,
        LOGITS,
    ),
    "binary focal": ("BinaryFocalCrossentropy", {}, YES_NO, sigmoid(LOGITS)),
    "binary focal, 0 and 1": ("BinaryFocalCrossentropy", {}, YES_NO, HARD),
    "binary focal, gamma 0": ("BinaryFocalCrossentropy", {"gamma": 0.0}, YES_NO, sigmoid(LOGITS)),
    "binary focal, balanced": (
        "BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.1, "gamma": 1.5},
        YES_NO, sigmoid(LOGITS),
    ),
    "binary focal, logits": (
        "BinaryFocalCrossentropy", {"from_logits": True, "gamma": 0.5}, YES_NO, LOGITS,
    ),
    "binary focal, smoothed": (
        "BinaryFocalCrossentropy", {"label_smoothing": 0.2}, YES_NO, sigmoid(LOGITS),
    ),
    "binary focal, smoothed logits": (
        "BinaryFocalCrossentropy",
        {"label_smoothing": 0.2, "from_logits": True, "apply_class_balancing": True}, YES_NO,
        LOGITS,
    ),
}  # fmt: skip
