"""pad_sequences, to_categorical, normalize and plot_model take and give what Keras's do."""

import inspect

import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad

ours, theirs = unpad.utils, keras.utils

SEQUENCES = st.lists(st.lists(st.integers(-9, 9), max_size=6), max_size=5)
SIDES = st.sampled_from(["pre", "post"])


@given(
    SEQUENCES, st.none() | st.integers(1, 8), SIDES, SIDES, st.integers(-2, 2),
    st.sampled_from(["int32", "int64", "float32", "float64"]),
)  # fmt: skip
def test_pad_sequences(sequences, maxlen, padding, truncating, value, dtype):
    options = {"dtype": dtype, "padding": padding, "truncating": truncating, "value": value}
    if not sequences and maxlen is None:
        return  # Keras fails with numpy's text about the largest of nothing
    found = ours.pad_sequences(sequences, maxlen, **options)
    expected = theirs.pad_sequences(sequences, maxlen, **options)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("padding", ["pre", "post"])
def test_pad_sequences_with_features(padding):
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(n, 2, 3)) for n in (3, 0, 7)]
    for maxlen in (None, 4):
        options = {"maxlen": maxlen, "dtype": "float32", "padding": padding, "value": -1.0}
        found, expected = (m.pad_sequences(sequences, **options) for m in (ours, theirs))
        np.testing.assert_array_equal(found, expected)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.none() | st.integers(6, 9))
def test_to_categorical(classes, count):
    for x in (classes, np.array(classes)[:, None], [classes, classes]):
        found, expected = ours.to_categorical(x, count), theirs.to_categorical(x, count)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("axis", [-1, 1])  # along axis 0 Keras fails for arrays
@pytest.mark.parametrize("order", [1, 2])
def test_normalize(axis, order):
    x = np.random.default_rng(0).normal(size=(4, 3))
    x[0] = 0
    found, expected = ours.normalize(x, axis, order), theirs.normalize(x, axis, order)
    np.testing.assert_allclose(found, expected, rtol=1e-7)


@pytest.mark.parametrize("name", ["pad_sequences", "to_categorical", "normalize", "plot_model"])
def test_arguments(name):
    """Keras's names, order and defaults; of plot_model's, splines is graphviz's."""
    found, expected = (inspect.signature(getattr(m, name)).parameters for m in (ours, theirs))
    expected = {k: p.default for k, p in expected.items() if k != "splines"}
    assert {k: p.default for k, p in found.items()} == expected
    assert list(found) == list(expected)


def test_splines_are_refused():
    with pytest.raises(ValueError, match=r"plot_model: splines='ortho' is not supported"):
        ours.plot_model(None, splines="ortho")


@pytest.mark.parametrize("order", [1, 2, 3])
def test_normalize_of_a_tensor_is_a_tensor(order):
    x = torch.tensor([[3.0, -4.0], [0.0, 0.0]])
    ours, theirs = (k.utils.normalize(x, order=order) for k in (unpad, keras))
    assert isinstance(ours, torch.Tensor)
    assert np.allclose(ours, np.asarray(theirs))
