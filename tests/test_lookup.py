"""Rows of a table that several steps have read are multiplied once, and nobody can tell."""

import copy
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad import Ragged, kernels, layers
from unpad.layers import walk
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
    """For each walk, whether steps shared rows."""
    seen = []
    trusted = kernels.trusted

    def noted(cell, values, offsets, row_of, *rest):
        seen.append(row_of is not None)
        return trusted(cell, values, offsets, row_of, *rest)

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


def test_rows_are_those_of_the_table_when_it_was_read(shared):
    table, recurrent = pair()
    x = table(IDS)
    want = recurrent(x.with_values(x.values))
    with torch.no_grad():
        table.embeddings.mul_(2)
    shared.clear()
    got = recurrent(x)
    assert shared == [False]
    assert torch.equal(got.values, want.values)


def test_steps_that_all_differ_share_nothing(shared):
    table, recurrent = pair()
    shared.clear()
    recurrent(table(Ragged.from_list([[1, 2, 3], [4, 5]])))
    recurrent(table(Ragged.from_list([[], []]).to(torch.int64)))
    assert shared == [False, False]


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


ids_drawn = st.lists(st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1), max_size=60)


@given(ids=ids_drawn)
def test_distinct_ids(ids):
    ids = torch.tensor(ids, dtype=torch.int64)
    found = kernels.distinct(ids)
    different = list(dict.fromkeys(ids.tolist()))
    if found is None:
        assert len(different) >= 0.85 * len(ids)
        return
    assert found[0].tolist() == different
    assert torch.equal(found[0][found[1]], ids)
