"""Constraints give Keras's weights."""

import pickle
import re

import keras
import pytest
import torch
from keras.src.constraints import ALL_OBJECTS_DICT as KERAS_NAMES
from masked_batches import coded_like
from side_by_side import assert_close

from unpad.weights import constraints

#: class, arguments, whether each row of a table is treated by itself.
CONSTRAINTS = [
    ("NonNeg", {}, True),
    ("MaxNorm", {}, False),
    ("MaxNorm", {"max_value": 0.5}, False),
    ("MaxNorm", {"max_value": 0.5, "axis": 1}, True),
    ("MaxNorm", {"max_value": 0.5, "axis": -1}, True),
    ("MaxNorm", {"max_value": 0.5, "axis": [0, 1]}, False),
    ("UnitNorm", {}, False),
    ("UnitNorm", {"axis": 1}, True),
    ("MinMaxNorm", {}, False),
    ("MinMaxNorm", {"min_value": 1.2, "max_value": 1.4, "rate": 0.7}, False),
    ("MinMaxNorm", {"min_value": 1.2, "max_value": 1.4, "axis": [1]}, True),
]
every = pytest.mark.parametrize(("name", "options", "by_rows"), CONSTRAINTS, ids=str)
SHAPES = [(4, 3), (3, 5), (2, 3, 4)]


@pytest.mark.parametrize("scale", [1.0, 1e-6, 0.0])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@every
def test_weights(float64, name, options, by_rows, shape, scale):
    w = torch.tensor(coded_like(shape, scale))
    ours = getattr(constraints, name)(**options)(w)
    theirs = getattr(keras.constraints, name)(**options)(w)
    assert_close(ours, theirs, "weight", rtol=1e-7, atol=1e-14)
    assert ours.shape == w.shape


@every
def test_rows_alone(name, options, by_rows):
    """`by_rows` is true exactly where rows of a table come out the same alone."""
    constraint = getattr(constraints, name)(**options)
    w = torch.tensor(coded_like((5, 3)))
    w[0] *= 5
    together, alone = constraint(w), torch.cat([constraint(w[i : i + 1]) for i in range(5)])
    assert constraint.by_rows == by_rows == torch.allclose(together, alone, atol=1e-6)
    if constraint.settles:
        assert torch.equal(constraint(together), together)


@every
def test_config_is_kept(name, options, by_rows):
    ours = getattr(constraints, name)(**options)
    assert ours.get_config() == getattr(keras.constraints, name)(**options).get_config()
    again = pickle.loads(pickle.dumps(ours))
    assert again.get_config() == ours.get_config()
    assert repr(again) == repr(type(ours)(**ours.get_config())) == repr(ours)


def test_an_empty_weight():
    for name, options, _ in CONSTRAINTS:
        assert getattr(constraints, name)(**options)(torch.zeros(0, 3)).shape == (0, 3)


def test_names():
    assert set(constraints._BY_NAME) == set(KERAS_NAMES) - {"Constraint", "constraint"}
    for name in constraints._BY_NAME:
        theirs = type(keras.constraints.get(name)).__name__
        assert type(constraints.get(name)).__name__ == theirs
    assert constraints.get(None) is None
    assert constraints.get(torch.abs) is torch.abs
    assert constraints.get(constraints.MaxNorm).max_value == 2


MISTAKES = [
    (
        lambda: constraints.get("nonneg", "Dense"),
        "Dense: unknown constraint 'nonneg'; did you mean 'NonNeg' or 'non_neg'? Known are: "
        "MaxNorm, MinMaxNorm, NonNeg, UnitNorm, max_norm, min_max_norm, non_neg, unit_norm.",
    ),
    (
        lambda: constraints.get(3, "Dense"),
        "Dense: expected a constraint's name, a callable or None, got 3.",
    ),
    (
        lambda: constraints.MaxNorm(axis="rows"),
        "MaxNorm: expected axis as an integer or a list of different integers, got 'rows'.",
    ),
    (
        lambda: constraints.constrain(torch.ones(2, 3), torch.sum),
        f"constraint {torch.sum!r}: expected a tensor of the weight's shape (2, 3), got shape (). "
        "A constraint gives the whole weight.",
    ),
    (
        lambda: constraints.constrain(torch.ones(2), len),
        "constraint <built-in function len>: expected a tensor of the weight's shape (2,), got "
        "int. A constraint gives the whole weight.",
    ),
]


@pytest.mark.parametrize(("mistake", "text"), MISTAKES)
def test_mistakes(mistake, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        mistake()


@every
def test_arrays(name, options, by_rows):
    """As in Keras, an array will do."""
    w = coded_like((4, 3)).astype("float32")
    ours = getattr(constraints, name)(**options)(w)
    assert isinstance(ours, torch.Tensor)
    assert_close(ours, getattr(keras.constraints, name)(**options)(w), "weight", rtol=1e-6)
