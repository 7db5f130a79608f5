"""Keras's models, asked whether they keep the laws: what is found, and at which layer."""

import keras
import numpy as np
import pytest
from keras import layers

from unpad.doctor import assert_padding_proof, examine, probe

RNG = np.random.default_rng(0)
IDS = [RNG.integers(1, 50, int(n)) for n in RNG.integers(5, 40, 12)]


def embedded(mask_zero=True):
    x = keras.Input((None,), dtype="int32")
    return x, layers.Embedding(50, 8, mask_zero=mask_zero)(x)


def made(*parts, mask_zero=True):
    x, h = embedded(mask_zero)
    for part in parts:
        h = part(h)
    return keras.Model(x, h)


SOUND = {
    "lstm": lambda: made(layers.LSTM(5), layers.Dense(2)),
    "tagger": lambda: made(layers.Bidirectional(layers.GRU(5, return_sequences=True))),
    "average": lambda: made(layers.GlobalAveragePooling1D()),
    "dense": lambda: made(layers.Dense(4), layers.Dropout(0.5), layers.LSTM(3)),
    "without a mask, one way": lambda: made(
        layers.LSTM(4, return_sequences=True), layers.Dense(2), mask_zero=False
    ),
}
FAULTY = {
    "no mask": (lambda: made(layers.GRU(5), mask_zero=False), "GRU"),
    "convolution": (
        lambda: made(layers.Conv1D(8, 3, padding="same"), layers.GlobalAveragePooling1D()),
        "Conv1D",
    ),
    "maximum": (lambda: made(layers.GlobalMaxPooling1D()), "GlobalMaxPooling1D"),
    "groups": (lambda: made(layers.GroupNormalization(2), layers.LSTM(4)), "GroupNormalization"),
    "times two": (lambda: made(lambda h: h * 2, layers.Bidirectional(layers.LSTM(4))), None),
    "lambda": (
        lambda: made(layers.Lambda(lambda h: h[:, -1]), layers.Dense(3), mask_zero=False),
        "Lambda",
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_models_pass(name):
    assert_padding_proof(SOUND[name](), IDS)


@pytest.mark.filterwarnings("ignore:.*was passed an input with a mask attached to it")
@pytest.mark.parametrize("name", FAULTY)
def test_faulty_models_are_named_by_layer(name):
    make, layer = FAULTY[name]
    keras.utils.set_random_seed(0)
    model = make()
    (finding,) = probe(model, IDS).roots
    assert finding.kind == "padding"
    assert finding.where.layer in {x.name for x in model.layers}
    if layer is not None:
        assert type(model.get_layer(finding.where.layer)).__name__ == layer
    assert finding.code == "import unpad as keras"


def test_a_model_of_one_width_is_asked_what_it_can_be():
    x = keras.Input((40,), dtype="int32")
    model = keras.Model(x, layers.Dense(2)(layers.Flatten()(layers.Embedding(50, 4)(x))))
    grid = np.zeros((12, 40), int)
    for row, s in zip(grid, IDS, strict=True):
        row[: len(s)] = s
    report = probe(model, grid)
    assert report == []
    left = {a.name: a.answer for a in report.asked if not a.could}
    assert list(left) == ["amount of padding"] and "fails: ValueError" in left["amount of padding"]


def test_the_future_and_constants():
    tagger = made(layers.Bidirectional(layers.GRU(5, return_sequences=True)))
    assert probe(tagger, IDS, causal=True).kinds == ["future"]
    one = made(layers.LSTM(3), layers.Dense(1, activation="softmax"))
    assert probe(one, IDS).kinds == ["constant"]


def test_examine_takes_a_keras_model():
    grid = np.zeros((12, 40), int)
    for row, s in zip(grid, IDS, strict=True):
        row[: len(s)] = s
    assert examine(grid, model=made(layers.GRU(5), mask_zero=False)).kinds == ["not masked"]
    assert examine(grid, model=made(layers.GRU(5))) == []
