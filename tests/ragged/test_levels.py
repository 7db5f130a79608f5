"""Sequences of sequences: documents of sentences of words."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad import Ragged

from ..examples import draws
from ..messages import says

L = keras.layers

DOCS = [[[1, 2, 3], [4]], [], [[5, 6], [7], [8, 9, 1]]]
documents = st.lists(
    st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), max_size=4), max_size=4
)


def as_grid(docs, fill=0):
    """(documents, sentences, words) of ids, 0 where nothing is."""
    sentences = max([len(d) for d in docs], default=0) or 1
    words = max([len(s) for d in docs for s in d], default=0) or 1
    grid = np.full((len(docs), sentences, words), fill)
    for i, doc in enumerate(docs):
        for j, sentence in enumerate(doc):
            grid[i, j, : len(sentence)] = sentence
    return grid


def as_lists(ragged):
    return [[np.asarray(s).tolist() for s in d] for d in ragged.to_list()]


# --- the type ------------------------------------------------------------------------------------


@given(documents)
def test_lists_and_grids_go_both_ways(docs):
    ragged = Ragged.from_list(docs, levels=2)
    assert ragged.levels == 2
    assert as_lists(ragged) == docs
    grid = as_grid(docs)
    if len(docs) and grid.any():
        opened = Ragged.from_padded(grid, mask=grid > 0)
        assert as_lists(opened) == docs
        assert np.array_equal(opened.to_padded(), grid)
        assert as_lists(opened.merge_levels().map(lambda v: v)[:0]) == []
        assert [w.tolist() for w in opened.merge_levels()] == [
            [w for s in d for w in s] for d in docs
        ]


def test_missing_sentences_leave_their_slots():
    grid = np.zeros((2, 3, 4), dtype=int)
    grid[0, 0, 1:3], grid[0, 2, :1], grid[1, 1, 3:] = 5, 6, 7
    ragged = Ragged.from_padded(grid, mask=grid > 0)
    assert ragged.lengths.tolist() == [2, 1]
    assert ragged.values.lengths.tolist() == [2, 1, 1]
    assert np.array_equal(ragged.to_padded(), grid)


@given(documents)
def test_reductions_go_one_level_at_a_time(docs):
    ragged = Ragged.from_list(docs, levels=2).to(dtype=torch.float64)
    sums = ragged.sum()
    assert [np.asarray(v).tolist() for v in sums] == [[float(sum(s)) for s in d] for d in docs]
    assert np.asarray(sums.sum()).tolist() == [float(sum(map(sum, d))) for d in docs]
    if docs:
        largest = np.asarray(ragged.max().max()).tolist()
        assert largest == [float(max(map(max, d), default=0)) for d in docs]


@given(documents, st.data())
@draws(30)
def test_choosing_documents(docs, data):
    ragged = Ragged.from_list(docs, levels=2)
    chosen = data.draw(st.lists(st.integers(0, max(0, len(docs) - 1)), max_size=5 if docs else 0))
    assert as_lists(ragged[np.array(chosen, dtype=int)]) == [docs[i] for i in chosen]
    assert as_lists(ragged[1:]) == docs[1:]
    assert as_lists(ragged[:, 1:]) == [d[1:] for d in docs]
    assert as_lists(ragged.reversed()) == [d[::-1] for d in docs]
    assert as_lists(Ragged.concatenate([ragged, ragged])) == docs + docs if docs else True


def test_arithmetic_reaches_both_levels():
    ragged = Ragged.from_list(DOCS, levels=2).to(dtype=torch.float64)
    words = ragged.values.values
    assert torch.equal((ragged * 2 + 1).values.values, words * 2 + 1)
    assert torch.equal((ragged + ragged).values.values, words * 2)
    assert torch.equal((1 - ragged).values.values, 1 - words)
    of_documents = ragged + torch.tensor([10.0, 20.0, 30.0])
    assert of_documents.values.values.tolist() == [11, 12, 13, 14, 35, 36, 37, 38, 39, 31]
    centred = ragged - ragged.mean()
    assert centred.sum().values.abs().max() < 1e-12
    assert torch.equal((ragged + ragged.to_padded()).values.values, words * 2)


def test_it_is_copied_pickled_shown():
    ragged = Ragged.from_list(DOCS, levels=2)
    for other in (copy.deepcopy(ragged), pickle.loads(pickle.dumps(ragged))):
        assert as_lists(other) == DOCS
    assert repr(ragged) == (
        "Ragged(3 sequences, 5 inner sequences, 10 steps, int64)\n"
        "  0: [[1 2 3] (3) [4] (1)] (2)\n"
        "  1: [] (0)\n"
        "  2: [[5 6] (2) [7] (1) [8 9 1] (3)] (3)"
    )


def test_mistakes():
    ragged = Ragged.from_list(DOCS, levels=2)
    with says("Ragged.merge_levels: expected sequences of sequences, got sequences of steps."):
        ragged.values.merge_levels()
    with says("Ragged.from_list: levels=2 expects sequence 1 as a list of sequences, got 3."):
        Ragged.from_list([[[1]], 3], levels=2)
    with says("Ragged.from_list: levels is 1 or 2, got 3."):
        Ragged.from_list(DOCS, levels=3)
    with says("Ragged + Ragged: the two have different layouts: sequence 0 has 2 steps against 1."):
        ragged + Ragged.from_list([[[1]], [], [[5], [7], [8]]], levels=2)
    with says("Ragged: one inner sequence of each: slice it, as r[:, :1]", IndexError):
        ragged[:, -1]
    with says("Ragged.to_packed: expected sequences of steps, got sequences of sequences."):
        ragged.to_packed()
    with says("Ragged.to_nested: expected sequences of steps, got sequences of sequences."):
        ragged.to_nested()


def test_arrow_columns_of_lists_of_lists():
    pa = pytest.importorskip("pyarrow")
    column = pa.array(DOCS)
    ragged = Ragged.from_arrow(column)
    assert as_lists(ragged) == DOCS
    assert ragged.to_arrow().to_pylist() == DOCS


# --- layers --------------------------------------------------------------------------------------


def test_a_layer_that_walks_refuses_two_levels():
    ragged = Ragged.from_list([[[[1.0, 2.0]]]], levels=2)
    with says("LSTM: expected sequences of steps, got sequences of sequences, (batch, steps*, "
              "steps*, 2). On each inner sequence: TimeDistributed(LSTM(...)); over all steps of "
              "an outer one: x.merge_levels()."):  # fmt: skip
        L.LSTM(3)(ragged)
    x = L.Embedding(9, 4, mask_zero=True)(keras.Input((None, None)))
    assert x.shape == (None, None, None, 4)
    with says("LSTM: expected sequences of steps, got sequences of sequences"):
        L.LSTM(3)(x)


def test_token_wise_layers_take_two_levels():
    ragged = Ragged.from_list(DOCS, levels=2)
    table = L.Embedding(10, 4)
    h = L.Dropout(0.5).eval()(L.Dense(3, "relu")(table(ragged)))
    flat = L.Dense(3)
    assert h.levels == 2
    assert h.feature == (3,)
    assert torch.equal(flat(table(ragged)).values.values, flat(table(ragged.values.values)))


@pytest.mark.parametrize("reduces", [True, False])
def test_a_model_on_every_sentence(reduces):
    words = Ragged.from_list(DOCS, levels=2)
    inner = keras.Sequential(
        [L.Embedding(10, 4, mask_zero=True), L.LSTM(3, return_sequences=not reduces)]
    )
    layer = L.TimeDistributed(inner)
    got = layer(words)
    want = inner(words.values)
    assert got.layout is words.layout
    assert torch.equal(
        got.values if reduces else got.values.values, want if reduces else want.values
    )
    assert got.levels == (1 if reduces else 2)
    # The same from the grid, whatever the padding.
    again = layer(torch.from_numpy(as_grid(DOCS)))
    assert again.lengths.tolist() == [2, 0, 3]
    a, b = (v.values if reduces else v.values.values for v in (again, got))
    torch.testing.assert_close(a, b)


def hierarchy(**options):
    """Documents of sentences of words: a vector a sentence, then a vector a document."""
    sentence = keras.Sequential(
        [L.Embedding(10, 6, mask_zero=True), L.Bidirectional(L.GRU(4))], name="sentence"
    )
    return keras.Sequential(
        [keras.Input((None, None)), L.TimeDistributed(sentence), L.LSTM(5, **options)]
    )


def test_a_hierarchy_reads_any_form():
    model = hierarchy()
    want = model.predict(Ragged.from_list(DOCS, levels=2), verbose=0)
    grid = as_grid(DOCS)
    wide = np.zeros((3, 5, 7), dtype=int)
    wide[:, -grid.shape[1] :, -grid.shape[2] :] = grid
    for x in (grid, wide):
        got = model.predict(x, verbose=0)
        assert np.allclose(got, want, atol=1e-6)
    alone = model.predict(Ragged.from_list(DOCS[2:], levels=2), verbose=0)
    assert np.allclose(alone, want[2:], atol=1e-6)


def test_a_hierarchy_is_trained():
    model = keras.Sequential([*hierarchy().layers, L.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    docs = [
        [rng.integers(1, 9, rng.integers(1, 5)).tolist() for _ in range(rng.integers(1, 4))]
        for _ in range(40)
    ]
    y = np.array([float(any(9 in s or 5 in s for s in d)) for d in docs])
    history = model.fit(as_grid(docs), y, epochs=60, batch_size=8, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] / 2
    both = [
        model.evaluate(x, y, batch_size=b, verbose=0)[0]
        for x in (as_grid(docs), Ragged.from_list(docs, levels=2))
        for b in (1, 7)
    ]
    assert both == pytest.approx([both[0]] * 4, rel=1e-5)


def test_something_for_every_sentence_and_for_every_word():
    x = keras.Input((None, None))
    h = L.TimeDistributed(keras.Sequential([L.Embedding(10, 6, mask_zero=True)]))(x)
    words = L.TimeDistributed(L.LSTM(4, return_sequences=True))(h)
    tags = L.Dense(3, "softmax", name="tags")(words)
    sentences = L.Dense(1, "sigmoid", name="kind")(L.TimeDistributed(L.LSTM(4))(h))
    model = keras.Model(x, [tags, sentences])
    assert [s.shape for s in model.outputs] == [(None, None, None, 3), (None, None, 1)]
    model.compile("sgd", ["sparse_categorical_crossentropy", "bce"], metrics=["accuracy"])
    grid = as_grid(DOCS)
    labels = np.where(grid > 0, grid % 3, -1)
    kinds = (grid[:, :, 0] > 4).astype(float)
    logs = model.evaluate(grid, [labels, kinds], verbose=0, return_dict=True)
    one = model.evaluate(grid, [labels, kinds], batch_size=1, verbose=0, return_dict=True)
    assert one == pytest.approx(logs)
    ragged = Ragged.from_list(DOCS, levels=2)
    tags_of = ragged.map(lambda s: s.map(lambda v: v % 3))
    kinds_of = ragged.map(lambda s: (s.first() > 4).float())
    same = model.evaluate(ragged, [tags_of, kinds_of], verbose=0, return_dict=True)
    assert same == pytest.approx(logs)
    model.fit(grid, [labels, kinds], verbose=0)
    tags, kinds = model.predict(grid, verbose=0)
    assert tags.shape == (3, 3, 3, 3)
    assert kinds.shape == (3, 3, 1)
    assert not tags[grid == 0].any()


def test_a_crf_on_every_sentence():
    """The inner sequences are sequences to the loss; a list of one loss is that loss."""
    x = keras.Input((None, None))
    emissions = L.Dense(3)(L.Embedding(10, 6, mask_zero=True)(x))
    model = keras.Model(x, L.TimeDistributed(L.CRF())(emissions))
    model.compile("sgd", ["crf"], metrics=["accuracy"])
    grid = as_grid(DOCS)
    labels = np.where(grid > 0, grid % 3, -1)
    loss, accuracy = model.evaluate(grid, labels, verbose=0)
    flat = keras.Sequential([*model.layers[1:3], model.layers[3].layer])
    flat.compile("sgd", "crf", metrics=["accuracy"])
    sentences = [s for d in DOCS for s in d]
    want = flat.evaluate(sentences, [[w % 3 for w in s] for s in sentences], verbose=0)
    assert [loss, accuracy] == pytest.approx(want, rel=1e-5)
    model.fit(grid, labels, verbose=0)
    assert model.predict(grid, verbose=0).shape == (3, 3, 3, 3)
