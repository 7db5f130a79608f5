"""Steps that have read one row of a table are multiplied once, and nobody can tell."""

import copy
import pickle

import pytest
import torch

import unpad as keras
from unpad import Ragged, kernels, layers
from unpad.layers.recurrent import walk
from unpad.ragged.batch import values_of
from unpad.testing import check_model

pytestmark = pytest.mark.skipif(
    not kernels.library.available(), reason="needs the compiled kernels"
)


@pytest.fixture(autouse=True)
def worth(monkeypatch):
    """As if it paid for the smallest batch."""
    monkeypatch.setattr(walk, "_WORTH", 0)


@pytest.fixture
def shared(monkeypatch):
    """For each walk, whether it was told the ids of its steps."""
    seen = []
    trusted = kernels.trusted

    def noted(cell, values, offsets, ids, *rest, **more):
        seen.append(ids is not None)
        return trusted(cell, values, offsets, ids, *rest, **more)

    monkeypatch.setattr(kernels, "trusted", noted)
    return seen


IDS = Ragged.from_list([[1, 2, 1, 1], [], [5, 2, 2, 2, 1], [7]])


def pair(recurrent=None):
    """An Embedding and a recurrent layer, built."""
    keras.utils.set_random_seed(0)
    table = layers.Embedding(9, 6)
    recurrent = recurrent or layers.Bidirectional(layers.LSTM(5, return_sequences=True))
    recurrent(table(IDS))
    return table, recurrent


@pytest.mark.parametrize("ids", [IDS, IDS.to(torch.int32)], ids=["int64", "int32"])
@pytest.mark.parametrize(
    "recurrent",
    [
        lambda: layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
        lambda: layers.GRU(5),
        lambda: layers.GRU(5, reset_after=False, return_sequences=True, go_backwards=True),
        lambda: layers.SimpleRNN(5, recurrent_dropout=0.4, seed=3),
        lambda: layers.RNN(layers.LSTMCell(5)),
    ],
)
@pytest.mark.parametrize("mode", ["train", "no_grad", "inference"])
def test_the_same_comes_out(recurrent, ids, mode, shared):
    table, recurrent = pair(recurrent())
    recurrent.train(mode == "train")
    # Twins draw the same dropout.
    twins = copy.deepcopy(recurrent), copy.deepcopy(recurrent)
    modes = {"no_grad": torch.no_grad, "inference": torch.inference_mode}
    found, gradients = [], []
    shared.clear()
    for told, twin in zip((True, False), twins, strict=True):
        with modes.get(mode, torch.enable_grad)():
            x = table(ids)
            out = values_of(twin(x if told else x.with_values(x.values)))
        found.append(out)
        if mode == "train":
            weights = [*table.parameters(), *twin.parameters()]
            gradients.append(torch.autograd.grad(out.cos().sum(), weights))
    assert shared == [True, False]
    assert torch.equal(*found)
    for a, b in zip(*(gradients or [[], []]), strict=True):
        torch.testing.assert_close(a, b)


def test_a_model_in_fit_uses_it(shared):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((None,)), layers.Embedding(9, 6, mask_zero=True), layers.LSTM(5),
        layers.Dense(1),
    ])  # fmt: skip
    model.compile("adam", "mse")
    x = torch.randint(0, 4, (20, 12)).numpy()
    shared.clear()
    model.fit(x, x[:, :1] / 4.0, batch_size=5, verbose=0)
    model.predict(x, verbose=0)
    assert shared
    assert all(shared)


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "SimpleRNN"])
def test_a_model_keeps_the_laws(cell, shared):
    recurrent = getattr(layers, cell)

    def make():
        return keras.Sequential([
            layers.Embedding(9, 6, mask_zero=True),
            layers.Bidirectional(recurrent(5, return_sequences=True)),
            layers.Dense(3, activation="softmax"),
        ])  # fmt: skip

    labels = IDS.map(lambda ids: ids % 3)
    check_model(make, IDS, labels, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    assert any(shared)


@pytest.mark.parametrize("mode", ["train", "no_grad", "inference"])
def test_values_that_were_changed_in_place_are_what_counts(mode, shared):
    table, recurrent = pair()
    with {"inference": torch.inference_mode}.get(mode, torch.no_grad)():
        x = table(IDS)
        x.values[0] = 3.0
        want = recurrent(Ragged(x.values.clone(), x.layout))
        shared.clear()
        got = recurrent(x)
    assert shared == [False]
    assert torch.equal(got.values, want.values)


@pytest.mark.parametrize("change", ["table", "ids"])
def test_what_was_read_stays_as_it_was(change, shared):
    table, recurrent = pair()
    ids = Ragged(IDS.values.clone(), IDS.layout)
    x = table(ids)
    want = recurrent(x.with_values(x.values))
    with torch.no_grad():
        (table.embeddings if change == "table" else ids.values).zero_()
    got = recurrent(x)
    assert shared[-1]
    assert torch.equal(got.values, want.values)


def test_the_values_have_their_gradient(shared):
    table, recurrent = pair()
    found = []
    for told in (True, False):
        x = table(IDS)
        out = recurrent(x if told else x.with_values(x.values))
        found += torch.autograd.grad(out.values.cos().sum(), x.values)
    assert shared[-2:] == [True, False]
    assert torch.equal(*found)


def test_steps_that_all_differ_or_are_none(shared):
    table, recurrent = pair()
    for ids in ([[1, 2, 3], [4, 5]], [[], []], []):
        x = table(Ragged.from_list(ids).to(torch.int64))
        told = recurrent(x)
        assert torch.equal(told.values, recurrent(x.with_values(x.values)).values)


def test_what_is_done_to_the_values_ends_it(shared):
    table, recurrent = pair()
    shared.clear()
    recurrent(table(IDS) * 2)
    recurrent(table(IDS)[:2])
    recurrent(layers.Dropout(0.5)(table(IDS), training=True))
    assert shared == [False, False, False]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_is_of_the_values_alone(again, shared):
    table, recurrent = pair()
    with torch.no_grad():
        x = table(IDS)
    shared.clear()
    assert torch.equal(recurrent(again(x)).values, recurrent(x).values)
    assert shared == [False, True]


def test_dropout_of_the_inputs_reads_every_step(shared):
    table, recurrent = pair(layers.LSTM(5, dropout=0.5))
    shared.clear()
    recurrent(table(IDS), training=True)
    recurrent(table(IDS), training=False)
    assert shared == [False, True]
