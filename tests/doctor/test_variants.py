"""Each mistake in the forms that people have: ids as floats, min-max scaling, equal lengths, ..."""

import numpy as np
import pytest
import torch

from unpad import Input, Model, Sequential, layers
from unpad.doctor import examine

RNG = np.random.default_rng(0)
N, WIDTH = 60, 12
LENGTHS = 3 + np.arange(N) * 7 % 9


def ids(pad=0, low=2, dtype=int, side="post", lengths=LENGTHS):
    x = np.full((len(lengths), WIDTH), pad, dtype)
    for row, n in zip(x, lengths, strict=True):
        row[slice(0, n) if side == "post" else slice(WIDTH - n, WIDTH)] = RNG.integers(low, 50, n)
    return x


def features(width=WIDTH, lengths=LENGTHS, count=3, mean=2.0):
    x = np.zeros((len(lengths), width, count))
    for row, n in zip(x, lengths, strict=True):
        row[:n] = RNG.normal(mean, 1, (n, count))
    return x


def smooth(count=5, width=40):
    """Equally long walks of features on scales of their own: (batch, feature, time)."""
    walks = RNG.normal(size=(N, count, width)).cumsum(2)
    scale = np.array([0.1, 3, 20, 500, 1])[:count, None]
    return walks * scale + np.array([5, -40, 900, 3, 0.2])[:count, None]


def reshaped(x):
    return x.transpose(0, 2, 1).reshape(x.shape)


def min_max(x):
    low, high = x.min((0, 1)), x.max((0, 1))
    return (x - low) / (high - low)


def standard(x):
    return (x - x.mean((0, 1))) / x.std((0, 1))


def model(*first, classes=3, steps=True, last=()):
    net = Sequential([
        *first, layers.LSTM(4, return_sequences=steps), *last,
        layers.Dense(classes, activation="softmax"),
    ])  # fmt: skip
    net.compile("adam", "sparse_categorical_crossentropy")
    return net


def words(zero=True, **options):
    return model(layers.Embedding(50, 4, mask_zero=zero), **options)


def doubled():
    return [layers.Lambda(lambda h: h * 2)]


def from_one(x, classes=4):
    """Labels from 1 on: class 0 is kept free."""
    mask = x != 0 if x.ndim == 2 else (x != 0).any(2)
    return np.where(mask, RNG.integers(1, classes, x.shape[:2]), 0)


def shifted(x):
    kinds = x.astype(int) % 4
    kinds[:, 1:] = kinds[:, :-1].copy()
    return kinds


def with_holes(dtype=int):
    x = ids(dtype=dtype)
    x[np.arange(N), 1] = 0
    return x


def graph():
    """A functional model whose Lambda stands between layers, and masks nothing."""
    given = Input((WIDTH,), dtype="int64")
    h = layers.Lambda(lambda h: h * 2)(layers.Embedding(50, 4)(given))
    net = Model(given, layers.Dense(3, activation="softmax")(layers.LSTM(4)(h)))
    net.compile("adam", "sparse_categorical_crossentropy")
    return net


FLOATS, FULL = np.float32, np.full(N, WIDTH)

#: what it is, the kind, x, y, model
VARIANTS = [
    ("ids as floats, nothing masks", "not masked", ids(dtype=FLOATS), None, words(False)),
    ("ids as floats, at the start", "not masked", ids(dtype=FLOATS, side="pre"), None,
     words(False)),
    ("ids as floats, holes", "holes", with_holes(FLOATS), None, words()),
    ("ids as floats, class 0", "class 0", (x := ids(dtype=FLOATS)), from_one(x), words(classes=4)),
    ("ids as floats, shifted", "shifted", (x := ids(dtype=FLOATS, lengths=FULL)), shifted(x),
     words(classes=4)),
    ("ids as floats, pad id 1", "other padding", ids(1, dtype=FLOATS), None, words()),
    ("min-max, Masking", "standardised", min_max(features(mean=0)), None, model(layers.Masking())),
    ("min-max, no Masking", "standardised", min_max(features(mean=0)), None, model()),
    ("min-max, one feature", "standardised", min_max(features(count=1, mean=0)), None, model()),
    ("min-max, Lambda", "standardised", min_max(features(mean=0)), None, model(*doubled())),
    ("equal lengths, reshaped", "reshaped", smooth().reshape(N, 40, 5), None, model()),
    ("equal lengths, reshaped, Masking", "reshaped", smooth().reshape(N, 40, 5), None,
     model(layers.Masking())),
    ("equal lengths, turned", "turned", smooth(), None, model()),
    ("equal lengths, turned, Lambda", "turned", smooth(), None, model(*doubled())),
    ("equal lengths, class 0", "class 0", (x := ids(lengths=FULL)), from_one(x), words(classes=4)),
    ("equal lengths, shifted", "shifted", (x := ids(lengths=FULL)), shifted(x), words(classes=4)),
    ("Lambda, nothing masks", "not masked", ids(), None,
     words(False, last=doubled(), steps=False)),
    ("Lambda in a graph", "not masked", ids(), None, graph()),
    ("Lambda, standardised", "standardised", standard(features()), None,
     model(layers.Masking(), *doubled())),
    ("pad id 1, mask_zero", "other padding", ids(1), None, words()),
    ("pad id 1, no mask_zero", "other padding", ids(1), None, words(False)),
    ("pad id 1 at the start, Lambda", "other padding", ids(1, side="pre"), None,
     words(last=doubled())),
    ("no Masking, reshaped", "reshaped", reshaped(features()), None, model()),
    ("no Masking, standardised", "standardised", standard(features()), None, model()),
    ("no Masking, two fills", "other padding",
     np.concatenate([features(), np.where(features() == 0, -1.0, features())]), None,
     model(layers.Masking())),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "x", "y", "net"), [v[1:] for v in VARIANTS], ids=[v[0] for v in VARIANTS]
)
def test_each_variant_is_found(kind, x, y, net):
    assert len(VARIANTS) >= 24
    report = examine(x, y, net)
    assert kind in report.kinds, report


def test_a_mask_made_by_hand_in_any_form_is_left_alone():
    given = Input((WIDTH,), dtype="int64")
    mask = layers.Lambda(lambda x: (x > 0).to(torch.float32)[..., None])(given)
    h = layers.Multiply()([layers.Embedding(50, 4)(given), mask])
    summed = layers.Lambda(lambda h: h.sum(1))(h)
    net = Model(given, layers.Dense(3, activation="softmax")(summed))
    net.compile("adam", "sparse_categorical_crossentropy")
    assert examine(ids(), None, net).at_least("warning") == []
