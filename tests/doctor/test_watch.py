"""A training watched: as a callback of unpad and Keras, and around a loop of PyTorch's."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import unpad
from unpad.doctor import DataWarning, watch

RNG = np.random.default_rng(0)
X, Y = RNG.integers(1, 50, (64, 8)), RNG.integers(0, 2, 64)


def model(of, rows=50, trainable=True):
    net = of.Sequential([
        of.layers.Embedding(rows, 8), of.layers.LSTM(8), of.layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    net.layers[0].trainable = trainable
    net.compile("adam", "sparse_categorical_crossentropy")
    return net


def seen_in(net, **options):
    seen = watch(net)
    net.fit(X, Y, epochs=2, verbose=0, callbacks=[seen], **options)
    return seen.report


def test_a_callback_of_unpad():
    report = seen_in(model(unpad))
    assert report == [] and [a.could for a in report.asked] == [True, True, True]
    assert report.asked[0].answer == "6 of 6"
    assert seen_in(model(unpad, 900)).kinds == ["dead rows"]
    # What is not to be trained need not move.
    assert seen_in(model(unpad, trainable=False)) == []


def test_a_callback_of_keras():
    import keras

    report = seen_in(model(keras, 900))
    assert report.kinds == ["dead rows"]
    assert report["dead rows"].where.layer is not None


def looped(seen, loss, optimizer):
    with seen:
        for _ in range(8):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()


def test_a_loop_is_watched_and_told_once():
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    x, y = torch.randn(32, 6), torch.randint(0, 2, (32,))
    adam = torch.optim.Adam(net[2].parameters())
    seen = watch(net)
    with pytest.warns(DataWarning, match="watch: 2 of 4 weights have not moved") as told:
        looped(seen, lambda: nn.functional.cross_entropy(net(x), y), adam)
    assert len(told) == 1 and seen.report.kinds == ["frozen"]
    assert seen.report["frozen"].where.layer == "0"
    assert not any(p._backward_hooks for p in net.parameters())


def test_numbers_that_are_lost():
    net = nn.Linear(3, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        with watch(net) as seen:
            (net(torch.full((2, 3), torch.inf)) * 0).sum().backward()
            torch.optim.SGD(net.parameters(), 0.1).step()
    assert seen.report.kinds == ["not finite"]
