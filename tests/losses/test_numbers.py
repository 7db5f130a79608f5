"""Losses: reductions by hand, the edges of what is legal, names, and what is refused."""

import itertools
import math

import numpy as np
import pytest
import torch

from unpad import Ragged, losses
from unpad.layers import Spec

from ..loss_data import (
    CASES,
    CLASSES,
    REDUCTIONS,
    SIZES,
    cases,
    data,
    directions,
    logits,
    made,
    numbers,
    probabilities,
    rates,
    sigmoids,
)
from ..messages import says

# --- reductions -----------------------------------------------------------------------------------


def test_mean_over_sequences():
    """Each sequence's own mean, then their mean; empty ones and ignored steps do not count."""
    true = Ragged.from_list([[0.0, 0, 0], [], [0.0], [0.0]])
    pred = Ragged.from_list([[1.0, 2, 3], [], [4.0], [0.0]])
    loss = losses.MeanAbsoluteError("mean_over_sequences")
    assert float(loss(true, pred)) == pytest.approx((2 + 4 + 0) / 3)
    weight = torch.tensor([0.5, 9.0, 1.0, 1.0])
    assert float(loss(true, pred, weight)) == pytest.approx((1 + 4 + 0) / 3)
    by_step = Ragged.from_list([[3.0, 0, 0], [], [1.0], [1.0]])
    assert float(loss(true, pred, by_step)) == pytest.approx((1 + 4 + 0) / 3)
    assert float(losses.MeanAbsoluteError()(true, pred)) == pytest.approx((1 + 2 + 3 + 4) / 5)


def test_mean_over_sequences_leaves_ignored_steps_out():
    y = Ragged.from_list([[0, 9, 1], [9, 9], [1]])
    p = Ragged.from_list([[[0.5, 0.5]] * 3, [[0.5, 0.5]] * 2, [[0.75, 0.25]]])
    loss = losses.SparseCategoricalCrossentropy(ignore_class=9, reduction="mean_over_sequences")
    assert float(loss(y, p)) == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_mean_over_sequences_of_rows():
    """Dense: rows are the sequences; without an axis of time it is the mean."""
    y, p = torch.zeros(2, 3, 1), torch.tensor([[1.0, 2, 3], [4, 5, 6]])[..., None]
    loss, mean = (losses.MeanAbsoluteError(r) for r in ("mean_over_sequences", "mean"))
    weight = torch.tensor([1.0, 3.0])
    assert float(loss(y, p, weight)) == pytest.approx((2 + 3 * 5) / 2)
    assert float(loss(y[:, 0], p[:, 0], weight)) == float(mean(y[:, 0], p[:, 0], weight))


@cases
def test_where_nothing_counts_the_loss_is_0(case):
    """All weights 0, by any reduction; and every step ignored."""
    true, pred = data(case)
    for reduction in REDUCTIONS[:-1]:
        x = pred.values.clone().requires_grad_()
        loss = made(case, reduction=reduction)(true, pred.with_values(x), torch.zeros(len(SIZES)))
        loss.backward()
        assert float(loss.detach()) == 0 and torch.count_nonzero(x.grad) == 0


@pytest.mark.parametrize("reduction", REDUCTIONS[:-1])
def test_every_step_ignored(reduction):
    x = logits(SIZES).values.requires_grad_()
    for from_logits in (True, False):
        loss = losses.SparseCategoricalCrossentropy(from_logits, -1, reduction)
        pred = x if from_logits else torch.softmax(x, -1)
        value = loss(torch.full((len(x),), -1), pred, torch.ones(len(x)))
        value.backward()
        assert float(value.detach()) == 0 and torch.count_nonzero(x.grad) == 0


# --- at the edges of what is legal ----------------------------------------------------------------

# 0 and 1 exactly, at least one 1.
BITS = torch.tensor(list(itertools.product([0.0, 1.0], repeat=CLASSES)))[1:]
EDGES = {
    logits: [BITS * 0, 1e4 * BITS, -1e4 * BITS, 1e4 * (BITS - 0.5)],
    probabilities: [BITS / BITS.sum(-1, keepdim=True), BITS * 0],
    sigmoids: [BITS, 1 - BITS],
    rates: [BITS * 0, 1e6 * BITS],
    directions: [BITS / BITS.norm(dim=-1, keepdim=True), BITS * 0],
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("case", [c for c in CASES if CASES[c][0] not in ("CTC", "CRF")])
def test_no_nan_at_the_edges(case, dtype):
    """Certain and wrong, zeros, large numbers: finite, and so is the gradient."""
    true = data(case, [len(BITS)])[0].values
    for edge in EDGES[CASES[case][3]]:
        x = edge.clone().to(dtype).requires_grad_()
        loss = made(case)(true, x)
        loss.backward()
        assert bool(loss.isfinite()), edge
        assert bool(x.grad.isfinite().all()), edge


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("name", ["BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"])
def test_focal_losses_at_certainty(name, gamma):
    """With gamma below 1 the factor has no derivative where the right class is certain."""
    for from_logits, x in ((True, 1e4 * (BITS - 0.5)), (False, BITS)):
        x = x.clone().requires_grad_()
        loss = getattr(losses, name)(gamma=gamma, from_logits=from_logits)(BITS, x)
        loss.backward()
        assert bool(loss.isfinite()) and bool(x.grad.isfinite().all())


def test_a_hinge_costs_the_same_in_any_batch():
    """A label 0 is -1 beside any other labels; Keras looks at the whole batch first."""
    p = torch.tensor([[0.5], [0.5], [0.5]])
    whole = losses.hinge(torch.tensor([[0.0], [1.0], [-1.0]]), p)
    assert whole.tolist() == [1.5, 0.5, 1.5]


# --- by name --------------------------------------------------------------------------------------

ALIASES = {
    "bce": "BinaryCrossentropy", "BCE": "BinaryCrossentropy", "kld": "KLDivergence",
    "KLD": "KLDivergence", "mae": "MeanAbsoluteError", "MAE": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError", "MAPE": "MeanAbsolutePercentageError",
    "mse": "MeanSquaredError", "MSE": "MeanSquaredError", "msle": "MeanSquaredLogarithmicError",
    "MSLE": "MeanSquaredLogarithmicError", "kullback_leibler_divergence": "KLDivergence",
    "logcosh": "LogCosh", "huber": "Huber", "huber_loss": "Huber",
    "cosine_proximity": "CosineSimilarity", "ctc": "CTC",
}  # fmt: skip


def test_every_loss_has_its_names():
    for name in {name for name, *_ in CASES.values()}:
        kind = getattr(losses, name)
        for loss in (name, kind, kind()):
            assert type(losses.get(loss)) is kind
        assert type(losses.get(kind().name)) is kind
    for alias, name in ALIASES.items():
        assert type(losses.get(alias)).__name__ == name
    others = ("ctc_decode", "deserialize", "get", "serialize")
    functions = [n for n in losses.__all__ if n.islower() and n not in others]
    assert len(functions) == len({name for name, *_ in CASES.values()})
    for name in functions:
        assert type(losses.get(getattr(losses, name))) is type(losses.get(name))
    loss = losses.get({"class_name": "Huber", "config": {"delta": 3.0}})
    assert (type(loss).__name__, loss.delta) == ("Huber", 3.0)


def test_functions_keep_the_layout():
    true, pred = data("sparse")
    each = losses.sparse_categorical_crossentropy(true, pred)
    assert each.layout is pred.layout and each.feature == ()
    want = losses.SparseCategoricalCrossentropy(reduction=None)(true, pred)
    assert torch.equal(each.values, want)
    values = losses.sparse_categorical_crossentropy(true.values, pred.values)
    assert torch.equal(values, want)
    assert losses.mean_squared_error([[1, 2]], [[1, 4]]).tolist() == [2]


def test_every_cross_entropy_says_what_it_takes():
    """What the training loop asks: a loss with a tail takes that activation's outputs."""
    for name in {name for name, *_ in CASES.values()}:
        loss = getattr(losses, name)()
        assert (loss.tail in loss.takes) if loss.tail else loss.takes == ()


# --- what is refused, text by text ----------------------------------------------------------------

OPTIONS = [
    (
        "Hinge", {"reduction": "men"},
        "Hinge: unknown reduction 'men'; did you mean 'mean'? Known are: mean, "
        "mean_over_sequences, mean_with_sample_weight, none, sum, sum_over_batch_size.",
    ),
    ("Hinge", {"dtype": "int64"}, "Hinge: expected dtype as a type of floating numbers, got "),
    (
        "CategoricalGeneralizedCrossEntropy", {"q": 1.0},
        "CategoricalGeneralizedCrossEntropy: expected q as a number above 0 and below 1, got 1.0.",
    ),
    *(
        (name, {"axis": 1}, f"{name}: axis=1 is not supported. Leave it out.")
        for name in (
            "BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy",
            "BinaryFocalCrossentropy", "CategoricalFocalCrossentropy", "CosineSimilarity",
        )
    ),
    ("CosineSimilarity", {"axis": 0}, "CosineSimilarity: axis=0 is not supported. Leave it out."),
    (
        "BinaryCrossentropy", {"label_smoothing": 1.5},
        "BinaryCrossentropy: expected label_smoothing as a number from 0 to 1, got 1.5.",
    ),
    (
        "CategoricalFocalCrossentropy", {"label_smoothing": -1},
        "CategoricalFocalCrossentropy: expected label_smoothing as a number from 0 to 1, got -1.",
    ),
    (
        "BinaryFocalCrossentropy", {"gamma": -1},
        "BinaryFocalCrossentropy: expected gamma as a finite number from 0, got -1.",
    ),
    ("Huber", {"delta": 0}, "Huber: expected delta as a finite positive number, got 0."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "text"), OPTIONS)
def test_options_that_are_wrong(name, options, text):
    with says(text):
        getattr(losses, name)(**options)


def test_names_that_are_not_known():
    with says("compile: unknown loss 'mean_square_error'; did you mean 'mean_squared_error' or "):
        losses.get("mean_square_error")
    with says("compile: unknown loss 'Hing'; did you mean 'hinge'"):
        losses.get({"class_name": "Hing"})
    with says("compile: expected a loss's name or callable, got 3."):
        losses.get(3)


TARGETS = [
    (
        "Hinge", [[1.0], [0.5]], (),
        "hinge: label 0.5 in sequence 1, step 0; expected -1 and 1, or 0 and 1.",
    ),
    (
        "SquaredHinge", [[1.0, 0.0], [-1.0]], (),
        "squared_hinge: label 0 in sequence 0, step 1 and label -1 in sequence 1, step 0; expected "
        "-1 and 1, or 0 and 1. If one of them marks steps that do not count: weigh them 0 with "
        "sample_weight.",
    ),
    (
        "Poisson", [[1.0], [-2.0]], (),
        "poisson: the count in sequence 1, step 0 is -2; expected none below 0. For numbers of "
        "either sign use mse.",
    ),
    (
        "BinaryFocalCrossentropy", [[1.0], [2.0]], (),
        "binary_focal_crossentropy: label 2 in sequence 1, step 0; expected 0 or 1. For more "
        "classes use sparse_categorical_crossentropy.",
    ),
    (
        "CategoricalFocalCrossentropy", [[1], [2]], (3,),
        "categorical_focal_crossentropy: got one integer a step; expected one-hot labels of 3 "
        "classes. For integer labels use sparse_categorical_crossentropy.",
    ),
    (
        "CategoricalHinge", [[[0.0, 1.0]]], (3,),
        "categorical_hinge: expected labels of 3 classes, as the model gives, got 2.",
    ),
    (
        "KLDivergence", [[[0.5, 0.5, 1.5]]], (3,),
        "kl_divergence: expected labels from 0 to 1, got 1.5 in sequence 0, step 0.",
    ),
    (
        "Huber", [[[0.0, 1.0]]], (3,),
        "huber_loss: expected targets of shape (3,) for each step, as the model gives, got (2,).",
    ),
    (
        "CosineSimilarity", [[0.0, 1.0]], (3,),
        "cosine_similarity: expected targets of shape (3,) for each step, as the model gives, got "
        "().",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "targets", "feature", "text"), TARGETS)
def test_targets_that_are_wrong(name, targets, feature, text):
    with says(text):
        getattr(losses, name)().check(Ragged.from_list(targets), Spec(feature, True))


def test_shapes_that_do_not_fit():
    """Nothing is broadcast, where Keras's mse of (3,) and (3, 3) is a number."""
    with says(
        "mean_squared_error: expected targets of shape (3, 3), as the predictions have, got (3,)."
    ):
        losses.MeanSquaredError()(torch.zeros(3), torch.zeros(3, 3))
    with says(
        "sparse_categorical_crossentropy: expected labels of shape (3,), one for each row of the "
        "predictions (3, 4), got (2,)."
    ):
        losses.SparseCategoricalCrossentropy()(torch.zeros(2), torch.ones(3, 4))
    with says(
        "categorical_focal_crossentropy: expected alpha as a number or one for each of 4 classes, "
        "got (2,)."
    ):
        losses.CategoricalFocalCrossentropy(alpha=[0.1, 0.2])(torch.ones(3, 4), torch.ones(3, 4))
    with says("y_true: got a Ragged beside outputs (5, 3), one row a sequence; expected rows too."):
        losses.MeanSquaredError()(numbers(SIZES), torch.zeros(5, 3))
    with says("y_true: its sequences and the model's output differ: sequence 0 has 2 steps again"):
        losses.MeanSquaredError()(numbers([2, 0]), logits([3, 0]))
    with says(
        "sample_weight: expected one for each of 3 sequences or for each of their steps, got"
    ):
        losses.MeanSquaredError()(torch.zeros(3, 1), torch.zeros(3, 1), torch.zeros(2))
    with says("sample_weight: expected one for each loss, (12,), got (12, 4)."):
        losses.MeanSquaredError()(numbers(SIZES), logits(SIZES), logits(SIZES))


def test_a_column_of_weights_is_no_matrix():
    """(steps, 1) and (batch, 1) are weights too, never laid across."""
    true, pred = data("squared")
    loss, weight = losses.MeanSquaredError(), 1 + np.arange(12.0)
    column, plain = (Ragged(torch.tensor(w), pred.layout) for w in (weight[:, None], weight))
    assert torch.equal(loss(true, pred, column), loss(true, pred, plain))
    rows = true.values, pred.values
    assert torch.equal(
        loss(*rows, torch.tensor(weight[:, None])), loss(*rows, torch.tensor(weight))
    )


def test_labels_out_of_range_in_a_call():
    """What torch finds is told with its place."""
    y = Ragged.from_list([[0, 1], [7]])
    p = Ragged.from_list([[[0.5, 0.5]] * 2, [[0.5, 0.5]]])
    text = "sparse_categorical_crossentropy: label 7 in sequence 1{}, but the model has 2 classes."
    with says(text.format(", step 0")):
        losses.SparseCategoricalCrossentropy()(y, p)
    with says(
        "sparse_categorical_crossentropy: label 7 in sequence 2, but the model has 2 classes."
    ):
        losses.SparseCategoricalCrossentropy()(y.values, p.values)


def test_a_loss_without_a_formula_says_so():
    class Nothing(losses.Loss):
        pass

    with says(
        "Nothing has no per_step(y_true, y_pred): give it one that returns the loss of each step.",
        NotImplementedError,
    ):
        Nothing()(torch.zeros(2), torch.zeros(2))


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_half_precision_is_computed_and_summed_in_float32(case, half):
    """A loss of predictions that half precision holds is that of the same numbers in float32."""
    true, pred, *_ = data(case, [3, 1, 2])
    pred = pred.to(dtype=half)
    narrow, wide = made(case)(true, pred), made(case)(true, pred.to(dtype=torch.float32))
    assert narrow.dtype == torch.float32 and torch.equal(narrow, wide)


def test_a_square_that_float16_cannot_hold():
    pred = torch.full((1024, 1), 300.0, dtype=torch.float16, requires_grad=True)
    loss = losses.MeanSquaredError()(torch.zeros(1024, 1), pred)
    loss.backward()
    assert loss.item() == 90000
    assert pred.grad.dtype == torch.float16
    assert (
        losses.MeanSquaredError(reduction="sum")(torch.zeros(1024, 1), pred).item() == 1024 * 90000
    )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_squares_of_one_feature_are_the_same_whichever_way_they_are_summed(reduction):
    class ByEntries(losses.MeanSquaredError):
        """What is not the class itself goes the way of every loss."""

    for steps in (0, 1, 300):
        true, pred = torch.randn(steps, 1), torch.randn(steps, 1, requires_grad=True)
        short, long = (
            kind(reduction=reduction)(true, pred) for kind in (losses.MeanSquaredError, ByEntries)
        )
        assert torch.equal(short, long)
        assert torch.equal(*(torch.autograd.grad(loss, pred)[0] for loss in (short, long)))
