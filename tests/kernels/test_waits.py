"""What a batch's layout implies is worked out once, and nothing waits for the device to tell."""

import pytest
import torch

import unpad as keras
from unpad import Ragged, kernels
from unpad.kernels import chain, packing

from .counting import counted

L = keras.layers


def test_the_device_counts():
    t = torch.tensor([3, 1])
    with counted() as seen:
        t.tolist()
        int(t[0])
        bool((t > 0).any())
        torch.equal(t, t)
        t.nonzero()
        t.repeat_interleave(t)
        t.argsort()
    assert len(seen) >= 7


def two_bidirectional():
    torch.manual_seed(0)
    return keras.Sequential([
        keras.Input((None,)),
        L.Embedding(20, 6),
        L.Bidirectional(L.LSTM(5, return_sequences=True)),
        L.Bidirectional(L.LSTM(4, return_sequences=True)),
        L.Dense(3, activation="softmax"),
    ])  # fmt: skip


def a_batch():
    """As it comes to a model: on the host all is known of its lengths, and goes along."""
    x = Ragged.from_list([[3, 1, 4], [1], [], [5, 9, 2, 6, 5]])
    for name in ("steps", "longest", "time", "counts", "lengths"):
        getattr(x.layout.own, name)
    return x, x.with_values(torch.arange(9) % 3), x.with_values(torch.ones(9))


def step(model, x, y, weight):
    loss = keras.losses.SparseCategoricalCrossentropy()(y, model(x), weight)
    loss.backward()
    return loss


@pytest.mark.parametrize("path", ["torch", "compiled"])
def test_a_training_step_reads_nothing_back(path):
    model = two_bidirectional()
    with kernels.force(path):
        step(model, *a_batch())  # the layers are built, and have met this kind of call
        batch = a_batch()
        with counted() as seen:
            step(model, *batch)
    assert seen == []


@pytest.mark.parametrize("path", ["torch", "compiled"])
def test_a_training_step_sorts_once(path, monkeypatch):
    sorts, packed = [], []
    of_lengths, of_steps = packing._sorted, packing._packed
    monkeypatch.setattr(packing, "_sorted", lambda own: sorts.append(own) or of_lengths(own))
    monkeypatch.setattr(packing, "_packed", lambda *a: packed.append(a) or of_steps(*a))
    model = two_bidirectional()
    batch = a_batch()
    with kernels.force(path):
        step(model, *batch)
        step(model, *batch)
    # The compiled walks sort within the library, each thread its own sequences.
    assert len(sorts) == len(packed) == (1 if path == "torch" else 0)


def test_both_ways_of_walking_share_the_sort(monkeypatch):
    sorts, of_lengths = [], packing._sorted
    monkeypatch.setattr(packing, "_sorted", lambda own: sorts.append(own) or of_lengths(own))
    x = a_batch()[0].layout.own
    found = [packing.pack(x, reverse) for reverse in ([False], [True], [False, True], [False])]
    assert len(sorts) == 1
    assert found[0] is found[3]


def test_what_the_host_knows_of_a_layout_goes_along_to_a_device():
    layout = Ragged.from_list([[1, 2], [], [3]]).layout
    moved = layout.to("meta")
    assert (moved.steps, moved.longest, moved.time, moved.own.counts) == (3, 2, 2, [2, 0, 1])


def test_bare_offsets_and_unknown_lengths_are_read_once():
    x, y, weight = a_batch()
    del vars(x.layout.own)["counts"]
    model = two_bidirectional()
    with kernels.force("torch"):
        step(model, *a_batch())
        with counted() as seen:
            step(model, x, y, weight)
    assert seen == ["tolist"]


def test_a_loss_that_nothing_counts_in_is_0_without_a_look():
    y, pred = torch.zeros(2, 1), torch.ones(2, 1, requires_grad=True)
    loss = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")
    with counted() as seen:
        value = loss(y, pred, torch.zeros(2))
        value.backward()
    assert seen == []
    assert value.item() == 0
    assert pred.grad.tolist() == [[0], [0]]


def test_a_step_of_a_crf_shares_the_sort(monkeypatch):
    """Its walks read nothing back either; its loss looks at the labels, which may be wrong."""
    sorts, of_lengths = [], packing._sorted
    monkeypatch.setattr(packing, "_sorted", lambda own: sorts.append(own) or of_lengths(own))
    layer = L.CRF()
    layer(Ragged.from_list([torch.zeros(2, 3)]))  # is built
    sorts.clear()
    x, y, _ = a_batch()
    scores = x.with_values(torch.randn(9, 3, generator=torch.Generator().manual_seed(0)))
    before = layer.before_tail(scores)
    own, given = before.layout.own, before.scores
    for path in ("compiled", "torch"):
        with kernels.force(path):
            keras.losses.CRF()(y, before).backward()
            layer(scores)
            with counted() as seen:
                chain.negative_log_likelihood(given, own, y.values).sum().backward()
                chain.best_path(given, own)
                chain.marginals(given, own)
        assert seen == [] and len(sorts) == (path == "torch")
