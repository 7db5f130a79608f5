"""Models are trained under a policy as they are in float32."""

import pytest
import torch

import unpad as keras
from unpad import Ragged

L = keras.layers
X = Ragged.from_list([torch.arange(n) % 8 + 1 for n in (3, 5, 1, 7)])
Y = X.map(lambda ids: ids % 4)


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16", "bfloat16"])
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def sequential():
    return keras.Sequential(
        [
            L.Embedding(9, 8, mask_zero=True),
            L.Bidirectional(L.LSTM(8, return_sequences=True)),
            L.Dense(4, activation="softmax"),
        ]
    )


def graph():
    x = keras.Input((None,))
    steps = L.GRU(8, return_sequences=True)(L.Embedding(9, 8, mask_zero=True)(x))
    return keras.Model(x, L.Dense(4, activation="softmax")(steps))


def of_steps():
    return keras.Sequential(
        [
            L.Embedding(9, 8, mask_zero=True),
            L.SimpleRNN(8, return_sequences=True),
            L.TimeDistributed(L.Dense(4, activation="softmax")),
        ]
    )


@pytest.mark.parametrize("make", [sequential, graph, of_steps])
def test_fit(policy, make):
    """The loss, from the logits, goes down; what comes out has half a type."""
    keras.utils.set_random_seed(0)
    model = make()
    model.compile(
        keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    history = model.fit(X, Y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < 0.9 * history[0]
    assert model(X).dtype == model.layers[-1].compute_dtype


@pytest.mark.parametrize("make", [sequential, of_steps, graph])
def test_hooks_change_nothing(policy, make):
    """A model that somebody watches is trained from its logits too, whatever type they are of."""

    def losses(hooked):
        keras.utils.set_random_seed(0)
        model = make()
        if hooked:
            model.layers[-1].register_forward_hook(lambda *given: None)
        model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
        return model.fit(X, Y, epochs=3, verbose=0).history["loss"]

    assert losses(True) == losses(False)


def test_a_crf_that_is_watched(policy):
    keras.utils.set_random_seed(0)
    embedding = L.Embedding(9, 8, mask_zero=True)
    model = keras.Sequential([embedding, L.Dense(4), L.CRF()])
    model.layers[-1].register_forward_hook(lambda *given: None)
    model.compile(keras.optimizers.Adam(0.02), "crf")
    history = model.fit(X, Y, epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]
