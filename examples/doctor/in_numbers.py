"""Mistakes with sensors: who of nine speaks, from utterances laid into an array."""

from typing import Any

import numpy as np
import torch
from mistake import Measured, Mistake

import unpad as keras
from unpad import Ragged, layers
from unpad.doctor import examine, quiet

# isort: split
import japanese_vowels

_WIDTH, _FEATURES, _SPEAKERS = 29, 12, 9


def _read() -> tuple[tuple[Ragged, np.ndarray], tuple[Ragged, np.ndarray]]:
    return japanese_vowels.read("TRAIN"), japanese_vowels.read("TEST")


def _array(x: Ragged) -> np.ndarray:
    """(batch, 29, 12), zeros behind the steps."""
    return np.stack([np.pad(s, ((0, _WIDTH - len(s)), (0, 0))) for s in x.to_list()])


def _fitted(x: Any, y: Any, small: bool, **options: Any) -> keras.Sequential:
    """A GRU, trained; whatever `fit` would say of the data."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [layers.Masking(), layers.GRU(48), layers.Dense(_SPEAKERS, activation="softmax")]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    with quiet():
        model.fit(x, y, batch_size=16, epochs=6 if small else 20, verbose=0, **options)
    return model


def _right(model: Any, x: Any, y: np.ndarray) -> float:
    return model.evaluate(x, y, verbose=0)[1]


def is_sorted(small: bool) -> Measured:
    """The last fifth of a file that stands speaker by speaker is held out."""
    (x, y), (x_test, y_test) = _read()
    cut = len(x) - int(0.2 * len(x))
    model = _fitted(x[:cut], y[:cut], small)
    found = examine(x, y, model, validation_split=0.2)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    mixed, labels = x[order], y[order.numpy()]
    sound = _fitted(mixed[:cut], labels[:cut], small)
    return Measured(
        _right(model, x[cut:], y[cut:]),
        _right(model, x_test, y_test),
        _right(sound, x_test, y_test),
        found,
        examine(mixed, labels, sound, validation_split=0.2),
    )


def _compared(wrong: Any, wrong_test: Any, small: bool) -> Measured:
    """With an array that was made wrong, and with the steps themselves."""
    (x, y), (x_test, y_test) = _read()
    model, sound = _fitted(wrong, y, small), _fitted(x, y, small)
    reported = _right(model, wrong_test, y_test)
    return Measured(
        reported,
        reported,
        _right(sound, x_test, y_test),
        examine(wrong, y, model),
        examine(x, y, sound),
    )


def reshaped(small: bool) -> Measured:
    """(batch, feature, time) in the file, reshaped where it should be transposed."""

    def wrong(x: Ragged) -> np.ndarray:
        return _array(x).transpose(0, 2, 1).reshape(len(x), _WIDTH, _FEATURES)

    (x, _), (x_test, _) = _read()
    return _compared(wrong(x), wrong(x_test), small)


def standardised(small: bool) -> Measured:
    """Each feature scaled over the whole array, padding and all: Masking finds no zeros."""
    (x, y), (x_test, y_test) = _read()
    array = _array(x)
    mean, std = array.mean((0, 1)), array.std((0, 1))
    measured = _compared((array - mean) / std, (_array(x_test) - mean) / std, small)
    # As it is used: each utterance as it comes, without padding.
    model = _fitted((array - mean) / std, y, small)
    alone = [(s - mean) / std for s in x_test.to_list()]
    return measured._replace(honest=_right(model, Ragged.from_list(alone), y_test))


MISTAKES = [
    Mistake("sorted", "validation_split of a sorted file", "nine speakers", "right", is_sorted),
    Mistake("reshaped", "a reshape for a transpose", "nine speakers", "right", reshaped),
    Mistake("standardised", "scaled after padding", "nine speakers", "right", standardised),
]
