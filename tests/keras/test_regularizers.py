"""Regularisers give Keras's penalties, forward and backward."""

import pickle
import re

import keras
import pytest
import torch
from keras.src.regularizers import ALL_OBJECTS_DICT as KERAS_NAMES
from masked_batches import coded_like
from side_by_side import assert_close

from unpad.weights import regularizers

#: class, arguments.
REGULARIZERS = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L1", {"l1": None}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.3}),
    ("L1L2", {"l1": 0.3, "l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.3, "mode": "columns"}),
]
both = pytest.mark.parametrize(("name", "options"), REGULARIZERS, ids=str)
SHAPES = [(4, 3), (5, 5), (2, 6)]


def penalties(name, options, weight):
    """The penalty and its gradient, of unpad and of Keras."""
    for module in (regularizers, keras.regularizers):
        w = torch.tensor(weight, requires_grad=True)
        penalty = getattr(module, name)(**options)(w)
        grad = torch.zeros_like(w)
        if penalty.requires_grad:
            (grad,) = torch.autograd.grad(penalty, w)
        yield penalty.detach(), grad


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@both
def test_penalty(float64, name, options, shape):
    (ours, our_grad), (theirs, their_grad) = penalties(name, options, coded_like(shape))
    # Keras holds some factors in float32.
    assert_close(ours, theirs, "penalty", rtol=1e-6)
    assert_close(our_grad, their_grad, "gradient", rtol=1e-6)
    assert ours.shape == ()
    assert bool(ours > 0) == (options != {} or name != "L1L2")


@both
def test_config_is_kept(name, options):
    ours = getattr(regularizers, name)(**options)
    theirs = getattr(keras.regularizers, name)(**options).get_config()
    assert ours.get_config() == pytest.approx(theirs)
    again = pickle.loads(pickle.dumps(ours))
    assert again.get_config() == ours.get_config()
    assert repr(again) == repr(type(ours)(**ours.get_config())) == repr(ours)


@both
def test_nothing_costs_nothing(name, options):
    """Keras gives NaN for the pairs of one vector; there are none."""
    make = getattr(regularizers, name)
    empty = torch.zeros(0, 3, requires_grad=True)
    assert float(make(**options)(empty).detach()) == 0
    if name == "OrthogonalRegularizer":
        assert float(make()(torch.ones(1, 4))) == 0
        rows = torch.zeros(3, 4, requires_grad=True)
        make()(rows).backward()
        assert bool((rows.grad == 0).all())


def test_names():
    """Keras's names and its documented `l1_l2`, which its table lacks; classes by either name."""
    base = {"Regularizer", "regularizer"}
    assert set(regularizers._BY_NAME) == set(KERAS_NAMES) - base | {"l1_l2"}
    for name in set(regularizers._BY_NAME) - {"l1_l2"}:
        theirs = type(keras.regularizers.get(name)).__name__
        assert type(regularizers.get(name)).__name__ == theirs
    # Documented as .01 and .01; Keras's code makes of the name a penalty of 0.
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}
    assert regularizers.get(None) is None
    assert regularizers.get(torch.sum) is torch.sum
    assert regularizers.get(regularizers.L1).l1 == 0.01


MISTAKES = [
    (
        lambda: regularizers.get("orthogonal", "Dense"),
        "Dense: unknown regularizer 'orthogonal'; did you mean 'OrthogonalRegularizer' or "
        "'orthogonal_regularizer'? Known are: L1, L1L2, L2, OrthogonalRegularizer, l1, l1_l2, "
        "l1l2, l2, orthogonal_regularizer.",
    ),
    (
        lambda: regularizers.get(0.01, "Dense"),
        "Dense: expected a regularizer's name, a callable or None, got 0.01.",
    ),
    (
        lambda: regularizers.L2(-1.0),
        "L2: expected l2 as a finite number from 0 or None, got -1.0.",
    ),
    (
        lambda: regularizers.L1L2(l1=float("nan")),
        "L1L2: expected l1 as a finite number from 0 or None, got nan.",
    ),
    (
        lambda: regularizers.OrthogonalRegularizer(mode="row"),
        "OrthogonalRegularizer: unknown mode 'row'; did you mean 'rows'? Known are: columns, rows.",
    ),
    (
        lambda: regularizers.OrthogonalRegularizer()(torch.ones(2, 3, 4)),
        "OrthogonalRegularizer: expected a matrix, got a weight of shape (2, 3, 4). Use it on a "
        "kernel of two axes.",
    ),
]


@pytest.mark.parametrize(("mistake", "text"), MISTAKES)
def test_mistakes(mistake, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        mistake()
