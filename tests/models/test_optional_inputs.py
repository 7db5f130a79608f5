"""Inputs that need not be there: `Input(optional=True)`."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged

from ..messages import says


class Sum(keras.layers.Layer):
    """x, and y where it is there; it says its shape by the first alone."""

    def call(self, x, y=None):
        return x if y is None else x + y

    def compute_output_shape(self, x_shape):
        return x_shape


def model(named, ragged=False):
    a = keras.Input((None, 2) if ragged else (2,), ragged=ragged, name="a")
    b = keras.Input((2,), name="b", optional=True)
    return keras.Model({"a": a, "b": b} if named else [a, b], Sum()(a, b))


@pytest.mark.parametrize("named", [False, True])
def test_none_stands_for_an_optional_input(named):
    made, one = model(named), np.ones((3, 2), "float32")
    for second, value in ((None, 1), (one, 2)):
        given = {"a": one, "b": second} if named else [one, second]
        assert torch.equal(made(given), torch.full((3, 2), float(value)))
    with keras.saving.custom_object_scope({"Sum": Sum}):
        again = keras.Model.from_config(made.get_config())
    assert torch.equal(again({"a": one, "b": None} if named else [one, None]), torch.ones(3, 2))


def test_beside_sequences():
    steps = Ragged.from_list([[[1.0, 2.0]], []])
    assert model(False, ragged=True)([steps, None]).lengths.tolist() == [1, 0]


def test_what_is_not_optional_is_asked_for():
    with says("Input 'a': it is not optional, got None."):
        model(True)({"a": None, "b": np.ones((3, 2))})


# --- in fit and its like --------------------------------------------------------------------------


class Head(keras.layers.Layer):
    """A weight for x, and y where it is there."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = keras.layers.Dense(1, kernel_initializer="ones")

    def call(self, x, y=None):
        return self.dense(x if y is None else x + y)

    def compute_output_shape(self, x_shape):
        return (*x_shape[:-1], 1)


def trained(named=True, where="b"):
    names = ["a", "b"]
    inputs = {n: keras.Input((2,), name=n, optional=n == where) for n in names}
    there = next(n for n in names if n != where)
    out = Head()(inputs[there], inputs[where])
    made = keras.Model(inputs if named else [*inputs.values()], out)
    made.compile("sgd", "mse", metrics=["mae"])
    return made


X = np.random.default_rng(0).normal(size=(20, 2)).astype("float32")
Y = X.sum(1, keepdims=True) * 2


def given(named, where, x=X):
    pair = {"a": x, "b": x} | {where: None}
    return pair if named else [*pair.values()]


@pytest.mark.parametrize("where", ["a", "b"])
@pytest.mark.parametrize("named", [False, True])
def test_fit_evaluate_and_predict_let_none_through(named, where, tmp_path):
    """As in a call; the numbers are those of zeros in its place, which Head adds."""
    made, zeros = trained(named, where), trained(named, where)
    zeros.set_weights(made.get_weights())
    beside = given(named, where)
    filled = {"a": X, "b": X} | {where: X * 0}
    filled = filled if named else [*filled.values()]
    options = {"epochs": 2, "batch_size": 8, "verbose": 0, "shuffle": False}
    found = made.fit(
        beside, Y, validation_data=(beside, Y), backup=str(tmp_path / "state"), **options
    )
    expected = zeros.fit(filled, Y, validation_data=(filled, Y), **options)
    assert found.history == expected.history
    assert made.evaluate(beside, Y, verbose=0) == zeros.evaluate(filled, Y, verbose=0)
    np.testing.assert_array_equal(made.predict(beside, verbose=0), zeros.predict(filled, verbose=0))
    made.train_on_batch(beside, Y)
    assert made.test_on_batch(beside, Y) is not None
    made.fit(beside, Y, validation_split=0.25, **options)
    assert str(made.trace(beside)).count("one row a sequence") > 0


def test_streams_let_none_through():
    """Generators, data sets and lists of batches give what stands in memory."""
    expected = trained()
    first = expected.get_weights()
    options = {"epochs": 2, "verbose": 0}
    logs = expected.fit(given(True, "b"), Y, batch_size=10, shuffle=False, **options).history
    batches = [(given(True, "b", X[i : i + 10]), Y[i : i + 10]) for i in (0, 10)]
    for stream in (
        lambda: iter(batches),
        batches,
        keras.data.Dataset.from_generator(lambda: batches),
    ):
        made = trained()
        made.set_weights(first)
        found = made.fit(stream, shuffle=False, **options)
        assert found.history["loss"] == pytest.approx(logs["loss"], rel=1e-6)
    predicted = made.predict(lambda: ((x,) for x, _ in batches), verbose=0)
    assert predicted.shape == (20, 1)


def test_beside_sequences_in_fit():
    made = model(True, ragged=True)
    steps = keras.layers.Dense(1)(made.output)
    whole = keras.Model(made.input, steps)
    whole.compile("sgd", "mse")
    x = [np.ones((n, 2), "float32") for n in (2, 3, 1)]
    y = [np.ones((n, 1), "float32") for n in (2, 3, 1)]
    history = whole.fit({"a": x, "b": None}, y, epochs=2, verbose=0).history["loss"]
    assert history[1] < history[0]
    assert [len(p) for p in whole.predict({"a": x, "b": None}, verbose=0)] == [2, 3, 1]


def test_what_must_be_there_is_asked_for_in_fit():
    text = "fit: input 'a': expected a padded array, a list of arrays or a Ragged, got NoneType."
    with says(text):
        trained().fit({"a": None, "b": X}, Y, verbose=0)
    both = {n: keras.Input((2,), name=n, optional=True) for n in "ab"}
    made = keras.Model(both, Sum()(both["a"], both["b"]))
    with says("predict: every input is None, and without any there are no sequences."):
        made.predict({"a": None, "b": None}, verbose=0)
