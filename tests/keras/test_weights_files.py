"""`.weights.h5`: what Keras wrote is read here, what is written here Keras reads."""

import keras
import numpy as np
import pytest
from drawn_cases import IN_NO_GRAPH, NAMES, WRITTEN, arrays, drawn, parts, shaken

import unpad

# Keras makes arrays of its variables in numpy 1's way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def same(ours, theirs, x):
    a, b = (parts(m.predict(x, verbose=0)) for m in (ours, theirs))
    assert len(a) == len(b)
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", WRITTEN)
def test_weights_go_both_ways(name, tmp_path):
    path, back = tmp_path / "a.weights.h5", tmp_path / "b.weights.h5"
    theirs, ours = drawn(keras, name), drawn(unpad, name)
    if not theirs.weights:
        return
    shaken(theirs).save_weights(path)
    ours.load_weights(path)
    for a, b in zip(ours.get_weights(), arrays(theirs), strict=True):
        assert np.array_equal(a, b)
    shaken(ours, 2).save_weights(back)
    theirs.load_weights(back)
    for a, b in zip(ours.get_weights(), arrays(theirs), strict=True):
        assert np.array_equal(a, b)


def test_what_stands_in_no_graph_is_still_a_case():
    assert set(IN_NO_GRAPH) & set(NAMES) == set()


def held(k):
    """A class of one's own that holds layers in lists, dicts, and twice."""

    class Inner(k.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.walks = [k.layers.LSTM(3, return_sequences=True) for _ in range(2)]
            self.by_name = {"b": k.layers.Dense(3), "a": k.layers.Dense(3)}
            self._hidden = k.layers.Dense(3)

        def build(self, input_shape):
            self.scale = self.add_weight(name="scale", shape=(3,), trainable=False)
            self.shift = self.add_weight(name="shift", shape=(3,))

        def call(self, x):
            for walk in self.walks:
                x = walk(x)
            return self._hidden(self.by_name["a"](self.by_name["b"](x))) * self.scale + self.shift

    class Held(k.Model):
        def __init__(self):
            super().__init__()
            self.z = k.layers.Embedding(9, 3)
            self.inner = Inner()
            self.again = self.inner
            self.ending = k.Sequential([k.layers.Dense(3), k.layers.Dense(2)])

        def call(self, x):
            return self.ending(self.again(self.inner(self.z(x))))

    return Held()


def test_what_a_class_of_one_s_own_holds(tmp_path):
    x = np.array([[1, 2, 3], [4, 5, 6]])
    theirs, ours = held(keras), held(unpad)
    theirs.predict(x, verbose=0)
    ours.predict(x, verbose=0)
    theirs.save_weights(tmp_path / "a.weights.h5")
    ours.load_weights(tmp_path / "a.weights.h5")
    same(ours, theirs, x)
    shaken(ours).save_weights(tmp_path / "b.weights.h5")
    theirs.load_weights(tmp_path / "b.weights.h5")
    same(ours, theirs, x)


def test_optimiser_and_training_go_on(tmp_path):
    """What `.weights.h5` has beside the weights: Keras's load_weights goes on from it."""
    x, y = np.array([[1, 2, 3], [4, 5, 6]]), np.ones((2, 3, 2))
    theirs, ours = held(keras), held(unpad)
    for model in (theirs, ours):
        model.compile("adam", "mse")
        model.fit(x, y, epochs=1, verbose=0, shuffle=False)
    theirs.fit(x, y, epochs=2, verbose=0, shuffle=False)
    theirs.save_weights(tmp_path / "a.weights.h5")
    ours.load_weights(tmp_path / "a.weights.h5")
    for model in (theirs, ours):
        model.fit(x, y, epochs=3, verbose=0, shuffle=False)
    same(ours, theirs, x)
    for a, b in zip(ours.trainable_weights, theirs.trainable_weights, strict=True):
        np.testing.assert_allclose(a.detach(), b.value.detach(), rtol=1e-5, atol=1e-5)
