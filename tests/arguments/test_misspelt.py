"""Arguments that a constructor has not, and layers whose constructor forgot that of its base."""

import numpy as np
import pytest

import unpad as keras

from ..messages import says

L = keras.layers

MISSPELT = [
    (lambda: L.Dense(3, activaton="relu"), "Dense", "activaton", "activation"),
    (lambda: L.LSTM(3, return_sequence=True), "LSTM", "return_sequence", "return_sequences"),
    (lambda: L.Dense(3, nam="x"), "Dense", "nam", "name"),
    (lambda: keras.optimizers.Adam(learn_rate=1), "Adam", "learn_rate", "learning_rate"),
    (lambda: keras.metrics.AUC(threshold=3), "AUC", "threshold", "thresholds"),
    (lambda: keras.losses.Huber(delt=1), "Huber", "delt", "delta"),
    (
        lambda: keras.callbacks.EarlyStopping(patienc=3),
        "EarlyStopping",
        "patienc",
        "patience",
    ),
]


@pytest.mark.parametrize(("make", "who", "name", "near"), MISSPELT)
def test_a_misspelt_argument_is_told_with_the_nearest(make, who, name, near):
    want = f"{who}: got an unexpected keyword argument {name!r}. Did you mean {near!r}?"
    with says(want, TypeError):
        make()


def test_an_argument_that_is_near_none_is_told_alone():
    with pytest.raises(TypeError) as caught:
        L.Dense(3, xyz=1)
    assert str(caught.value) == "Dense: got an unexpected keyword argument 'xyz'."


def test_a_layer_that_forgot_its_bases_constructor_is_told_so():
    class Forgetful(L.Layer):
        def __init__(self):
            self.inner = L.Dense(2)

        def call(self, inputs):
            return self.inner(inputs)

    with says("Forgetful: there is no ", AttributeError):
        keras.Sequential([Forgetful()]).predict([np.ones((2, 2))], verbose=0)
