"""What `fit` hands to the doctor, and checks whose pages show one form of several."""

import warnings

import numpy as np
import pytest

from unpad import Sequential, layers, losses
from unpad.doctor import DataWarning, examine

RNG = np.random.default_rng(0)


def classifier(classes=4, activation="softmax", loss="sparse_categorical_crossentropy"):
    net = Sequential([layers.LSTM(4), layers.Dense(classes, activation=activation)])
    net.compile("adam", loss, metrics=["accuracy"])
    return net


def told(net, *args, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(*args, verbose=0, **options)
    return [str(w.message) for w in caught if w.category is DataWarning]


def test_fit_hands_over_whether_it_shuffles():
    x, y = RNG.normal(size=(400, 6, 2)), np.arange(400) // 100
    (text,) = told(classifier(), x, y, shuffle=False)
    assert text.startswith("fit: The data are sorted and not shuffled: each batch holds few of")
    assert told(classifier(), x, y) == []
    assert told(classifier(), x, RNG.permutation(y), shuffle=False) == []
    assert told(classifier(), x, y, shuffle=False, batch_size=400) == []


def test_who_gives_weights_knows_that_classes_are_rare():
    x, y = RNG.normal(size=(400, 6, 2)), (np.arange(400) % 50 == 0).astype(int)
    assert examine(x, y, classifier(2)).kinds == ["rare class"]
    assert told(classifier(2), x, y, class_weight={0: 1.0, 1: 49.0}) == []


def test_losses_that_take_something_else():
    x, y = RNG.normal(size=(60, 6, 2)), RNG.integers(0, 4, 60)
    assert examine(x, y, classifier(4, "sigmoid")).kinds == ["wrong loss"]
    taken = losses.SparseCategoricalCrossentropy(from_logits=True)
    for activation, loss in (("relu", "sparse_categorical_crossentropy"), ("softmax", taken)):
        with pytest.raises(ValueError, match=r"needs probabilities|from_logits"):
            classifier(4, activation, loss)  # what unpad refuses needs no doctor


def test_losses_of_keras_that_take_something_else():
    import keras

    x, y = RNG.normal(size=(60, 6, 2)).astype("float32"), RNG.integers(0, 4, 60)
    taken = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    for activation, loss, kinds in (
        ("softmax", taken, ["wrong loss"]), (None, taken, []),
        ("softmax", "sparse_categorical_crossentropy", []),
        (None, "sparse_categorical_crossentropy", ["wrong loss"]),
    ):  # fmt: skip
        net = keras.Sequential([keras.layers.LSTM(4), keras.layers.Dense(4, activation=activation)])
        net.compile("adam", loss)
        assert examine(x, y, net).kinds == kinds, (activation, loss)


def sentences(n=300, width=20):
    """Ids of which each says its label, in sequences of which many fill the grid."""
    lengths = np.clip(RNG.poisson(width * 0.9, n), 3, 2 * width)
    return [RNG.integers(1, 30, 2 * width)[:length] for length in lengths]


def test_cut_at_other_ends_without_a_note_of_it():
    parts = sentences()
    x, y = np.zeros((300, 20), int), np.zeros((300, 20), int)
    right = y.copy()
    for i, ids in enumerate(parts):
        labels = ids % 3 + 1
        x[i, : len(ids[:20])] = ids[:20]
        y[i, : len(labels[-20:])] = labels[-20:]
        right[i, : len(labels[:20])] = labels[:20]
    options = {"only": {"labels beside steps"}}
    net = Sequential([
        layers.Embedding(30, 4, mask_zero=True), layers.LSTM(4, return_sequences=True),
        layers.Dense(4, activation="softmax"),
    ])  # fmt: skip
    assert examine(x, y, net, **options).kinds == ["other end"]
    assert examine(x, right, net, **options).kinds == []


def test_cut_in_the_middle_of_sentences_without_a_note_of_it():
    ends = [np.append(ids, 30) for ids in sentences()]
    x = np.zeros((300, 20), int)
    for i, ids in enumerate(ends):
        x[i, : len(ids[:20])] = ids[:20]
    net = Sequential([layers.Embedding(31, 4, mask_zero=True), layers.LSTM(4)])
    report = examine(x, model=net)
    assert report.kinds == ["cut"] and report["cut"].evidence["in full ones"] < 0.3
    assert examine(ends, model=Sequential([layers.Embedding(31, 4), layers.LSTM(4)])) == []


def test_measured_zeros_between_steps():
    x = RNG.normal(size=(40, 12, 2))
    for i in range(40):
        x[i, 4 + i % 8 :] = 0
    net = Sequential([layers.Masking(), layers.LSTM(3)])
    assert examine(x, model=net) == []
    x[:, 2] = 0
    assert examine(x, model=net).kinds == ["holes"]


def test_sorted_by_length():
    x = sorted(([*RNG.integers(1, 90, n)] for n in RNG.integers(3, 40, 300)), key=len)
    assert examine(x, validation_split=0.2).kinds == ["sorted"]
    order = RNG.permutation(300)
    assert examine([x[i] for i in order], validation_split=0.2) == []


@pytest.mark.parametrize("kind", ["features", "ids"])
def test_windows_that_overlap_are_met_among_many(kind):
    rng, n = np.random.default_rng(0), 30_000
    shape = (10 * n + 40, 2) if kind == "features" else (10 * n + 40,)
    series = (
        rng.normal(size=shape).astype("f4") if kind == "features" else rng.integers(1, 99, shape)
    )
    # Three quarters of a window stand in the next.
    windows = np.stack([series[i : i + 40] for i in range(0, 10 * n, 10)])
    order = rng.permutation(n)
    report = examine(windows[order[:-500]], validation=(windows[order[-500:]], None))
    assert report.kinds == ["overlap"]
    assert report["overlap"].evidence["of them mostly in training"] > 200
    assert examine(windows[:-500], validation=(windows[-498:], None)) == []


def test_a_leak_is_found_in_data_of_any_size():
    """However few of the training sequences any sample holds: all of them are looked through."""
    for features in (0, 3):
        rng = np.random.default_rng(0)
        shape = (40_000, 12)
        x = rng.integers(1, 5_000, shape) if not features else rng.normal(size=(*shape, features))
        held = x[-2_000:].copy()
        held[::10] = x[rng.choice(38_000, 200, replace=False)]
        report = examine(x[:38_000], validation=(held, None), only={"split"})
        assert report.kinds == ["leak"], report
        assert 0.08 < report["leak"].evidence["of them whole in training"] / 256 < 0.13
        assert examine(x[:38_000], validation=(x[-2_000:], None), only={"split"}) == []
