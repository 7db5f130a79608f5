"""Targets and predictions for every loss, value-coded, on any lengths."""

import pytest
import torch

from unpad import losses
from unpad.testing import coded

CLASSES = 4
SIZES = (3, 0, 5, 1, 3)


# --- targets and predictions of each kind, value-coded -------------------------------------------


def logits(sizes):
    return coded(sizes, (CLASSES,)).map(lambda v: 2 * v)


def probabilities(sizes):
    return logits(sizes).map(lambda v: torch.softmax(v, -1))


def yes_or_no(sizes):
    return logits(sizes).map(lambda v: (torch.sin(9 * v) > 0).double())


def sigmoids(sizes):
    return logits(sizes).map(torch.sigmoid)


def labels(sizes):
    ids = coded(sizes, (), torch.int64)
    return ids.map(lambda v: (v // 10 + v // 100) % CLASSES)


def one_hot(sizes):
    return labels(sizes).map(lambda v: torch.nn.functional.one_hot(v, CLASSES).double())


def numbers(sizes):
    return logits(sizes).map(lambda v: torch.cos(3 * v))


def counts(sizes):
    return logits(sizes).map(lambda v: (3 * v.abs()).round())


def rates(sizes):
    return logits(sizes).map(torch.exp)


def fewer_labels(sizes):
    """Half as many labels as steps, from 1 on, no neighbours alike; where 1 step is, one."""
    own = [(n + 1) // 2 for n in sizes]
    return coded(own, (), torch.int64).map(lambda v: 1 + (v // 10 + v // 100) % (CLASSES - 1))


def directions(sizes):
    return logits(sizes).map(lambda v: torch.nn.functional.normalize(torch.sin(7 * v), dim=-1))


def pairs_of_tags(sizes):
    return coded(sizes, (CLASSES, CLASSES)).map(lambda v: 2 * torch.sin(7 * v))


#: Class, options, targets, predictions.
CASES = {
    "squared": ("MeanSquaredError", {}, numbers, logits),
    "absolute": ("MeanAbsoluteError", {}, numbers, logits),
    "percentage": ("MeanAbsolutePercentageError", {}, numbers, logits),
    "logarithmic": ("MeanSquaredLogarithmicError", {}, rates, rates),
    "huber": ("Huber", {"delta": 0.7}, numbers, logits),
    "log cosh": ("LogCosh", {}, numbers, logits),
    "poisson": ("Poisson", {}, counts, rates),
    "divergence": ("KLDivergence", {}, one_hot, probabilities),
    "cosine": ("CosineSimilarity", {}, numbers, logits),
    "hinge": ("Hinge", {}, yes_or_no, logits),
    "squared hinge": ("SquaredHinge", {}, yes_or_no, logits),
    "categorical hinge": ("CategoricalHinge", {}, one_hot, logits),
    "sparse": ("SparseCategoricalCrossentropy", {}, labels, probabilities),
    "sparse, logits": ("SparseCategoricalCrossentropy", {"from_logits": True}, labels, logits),
    "sparse, ignoring": (
        "SparseCategoricalCrossentropy", {"ignore_class": 2}, labels, probabilities,
    ),
    "categorical": ("CategoricalCrossentropy", {"label_smoothing": 0.1}, one_hot, probabilities),
    "categorical, logits": ("CategoricalCrossentropy", {"from_logits": True}, one_hot, logits),
    "binary": ("BinaryCrossentropy", {"label_smoothing": 0.1}, yes_or_no, sigmoids),
    "binary, logits": ("BinaryCrossentropy", {"from_logits": True}, yes_or_no, logits),
    "categorical focal": ("CategoricalFocalCrossentropy", {}, one_hot, probabilities),
    "categorical focal, logits": (
        "CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 0.5}, one_hot, logits,
    ),
    "binary focal": (
        "BinaryFocalCrossentropy", {"apply_class_balancing": True}, yes_or_no, sigmoids,
    ),
    "binary focal, logits": (
        "BinaryFocalCrossentropy", {"from_logits": True, "gamma": 0.5}, yes_or_no, logits,
    ),
    "generalized": ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, labels, probabilities),
    "circle": ("Circle", {"gamma": 2.0}, labels, directions),
    "ctc": ("CTC", {}, fewer_labels, logits),
    "crf": ("CRF", {}, labels, pairs_of_tags),
    "crf, ignoring": ("CRF", {"ignore_class": 2}, labels, pairs_of_tags),
}  # fmt: skip
REDUCTIONS = ["sum_over_batch_size", "sum", "mean_with_sample_weight", "mean_over_sequences", None]
cases = pytest.mark.parametrize("case", CASES)


def made(case, **options):
    name, own, *_ = CASES[case]
    return getattr(losses, name)(**own, **options)


def data(case, sizes=SIZES):
    return tuple(f(sizes) for f in CASES[case][2:])
