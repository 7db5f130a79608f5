"""What `model.trace` says of each layer: which steps are in and out, as text and as a picture."""

import builtins

import numpy as np
import pytest
import torch
from hypothesis import given

from unpad import Input, Model, Ragged, Sequential, layers

from ..examples import draws
from ..messages import says
from ..strategies import masks

IDS = np.array([[0, 0, 3, 4, 5, 0, 1], [1, 2, 3, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]])


def tagger():
    return Sequential(
        [
            layers.Embedding(10, 4, mask_zero=True),
            layers.LSTM(3, return_sequences=True),
            layers.Conv1D(2, 3),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2),
        ]
    )


def test_the_whole_text():
    assert repr(tagger().trace(IDS)) == (
        "sequential, 3 sequences: # a step that is in, . a slot out\n"
        "input: (3, 7), a grid\n"
        "  0  #######  7\n"
        "  1  #######  7\n"
        "  2  #######  7\n"
        "embedding: (3, steps*, 4), opens: 14 of 21 slots are no steps\n"
        "  0  ..###.#  4\n"
        "  1  ###....  3\n"
        "  2  .......  0\n"
        "lstm: (3, steps*, 3), keeps\n"
        "  0  ..###.#  4\n"
        "  1  ###....  3\n"
        "  2  .......  0\n"
        "conv1d: (3, steps*, 2), changes the lengths\n"
        "  0  ##...  2\n"
        "  1  #....  1\n"
        "  2  .....  0\n"
        "global_max_pooling1d: (3, 2), reduces: one row a sequence\n"
        "dense: (3, 2), one row a sequence"
    )


@draws(40)
@given(mask=masks())
def test_what_comes_out_is_what_was_not_masked(mask):
    if not len(mask):
        return
    x = mask[..., None] * np.ones((1, 1, 2))
    model = Sequential([layers.Masking(), layers.LSTM(2, return_sequences=True)])
    trace = model.trace(x)
    for name in ("masking", "lstm"):
        torch.testing.assert_close(trace[name].mask, torch.from_numpy(mask))
        assert trace[name].lengths == mask.sum(1).tolist()
    out = int((~mask).sum())
    assert trace["masking"].effect == f"opens: {out} of {mask.size} slots are no steps"


def test_a_list_needs_no_opening():
    trace = tagger().trace([[1, 2, 3, 4], [5, 6, 7]])
    assert trace["input"].effect == "without padding"
    assert trace["embedding"].effect == "keeps"
    assert trace["embedding"].line(1) == "###.  3"


def test_a_door_drops_from_a_list_too():
    x = Ragged.from_list([[1, 0, 3], [0, 6]])
    row = tagger().trace(x)["embedding"]
    assert row.effect == "opens: 2 of 5 slots are no steps"
    assert row.line(0) == "#.#  2"


def test_a_grid_without_a_door_says_so():
    trace = Sequential([layers.Embedding(10, 4), layers.LSTM(3)]).trace(IDS)
    assert [row.effect for row in trace] == [
        "a grid: every slot is a step",
        "a grid: every slot is a step",
        "one row a sequence",
    ]
    rows = Sequential([layers.Dense(2)]).trace(np.ones((3, 4)))
    assert [row.effect for row in rows] == ["one row a sequence"] * 2


def test_a_graph_of_several_inputs():
    words, extra = Input((None,), name="words"), Input((None, 2), name="extra")
    both = layers.Concatenate()([layers.Embedding(10, 4, mask_zero=True)(words) * 2, extra])
    steps, state, _ = layers.LSTM(3, return_sequences=True, return_state=True)(both)
    model = Model([words, extra], [layers.Dense(3, name="tags")(steps), layers.Dense(2)(state)])
    trace = model.trace({"words": IDS, "extra": np.ones((3, 7, 2))})
    assert [row.layer for row in trace] == [
        "words", "extra", "embedding", "mul", "concatenate", "lstm[0]", "lstm[1]", "lstm[2]",
        "tags", "dense",
    ]  # fmt: skip
    assert trace["extra"].effect == "a grid: every slot is a step"
    assert trace["concatenate"].line(0) == "..###.#  4"
    assert trace["lstm[1]"].mask is None
    assert trace["lstm[1]"].line(0) == "one row"


def test_inner_models_and_shared_layers():
    inner = Sequential([layers.Dense(3), layers.LSTM(3, return_sequences=True)], name="inner")
    words = Input((None,))
    h = layers.Embedding(10, 3, mask_zero=True)(words)
    model = Model(words, inner(inner(h)))
    names = [row.layer for row in model.trace(IDS)]
    assert names[2:] == ["inner/dense", "inner/lstm"] * 2


def test_a_class_of_ones_own():
    class Tagger(Model):
        def __init__(self):
            super().__init__()
            self.words = layers.Embedding(10, 4, mask_zero=True)
            self.tags = layers.Dense(3)

        def forward(self, ids):
            return self.tags(self.words(ids) * 2)

    trace = Tagger().trace(IDS)
    assert [row.layer for row in trace] == ["input", "embedding", "dense"]
    assert trace["embedding"].effect == "opens: 14 of 21 slots are no steps"


def test_sequences_of_sequences_show_counts():
    documents = Ragged.from_list([[[1, 2], [3]], [[4, 5, 6]], []], levels=2)
    model = Sequential(
        [
            layers.Embedding(10, 4, mask_zero=True),
            layers.TimeDistributed(layers.LSTM(3)),
            layers.LSTM(2),
        ]
    )
    trace = model.trace(documents)
    assert [trace["embedding"].line(i) for i in range(3)] == ["2 1", "3", "-"]
    assert trace["time_distributed"].line(0) == "##  2"
    grid = model.trace(np.array([[[1, 2], [3, 0]], [[4, 0], [0, 0]]]))
    assert grid["embedding"].effect == "opens: 4 of 8 slots are no steps"
    assert grid["embedding"].inner == [[2, 1], [1]]


def test_wide_grids_are_told_in_runs():
    x = np.zeros((2, 159), int)
    x[0, :16], x[1, 5:9] = 1, 2
    row = tagger().trace(x)["embedding"]
    assert row.line(0) == "16 in, 143 out"
    assert row.line(1) == "5 out, 4 in, 150 out"


def test_the_first_sequences_of_many():
    x = np.tile(IDS, (10, 1))
    trace = tagger().trace(x)
    assert repr(trace).startswith("sequential, 8 of 30 sequences:")
    assert len(tagger().trace(x, sequences=2)["lstm"].lengths) == 2
    empty = tagger().trace(np.zeros((0, 7), int))
    assert len(empty) == 6


def test_the_model_stays_as_it_was():
    model = tagger()
    model.train()
    before = torch.get_rng_state()
    model(torch.from_numpy(IDS))
    model.trace(IDS)
    assert model.training
    assert all(not layer._forward_hooks for layer in model.layers)
    torch.set_rng_state(before)


def test_a_layer_that_is_not_there():
    trace = tagger().trace(IDS)
    with pytest.raises(KeyError, match="'gru'; there are input, embedding, lstm"):
        trace["gru"]


def test_data_that_do_not_fit():
    with says("trace: x: expected a padded array, a list of arrays or a Ragged, got str."):
        tagger().trace("words")
    with says("trace: expected sequences as a positive integer, got 0."):
        tagger().trace(IDS, sequences=0)


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_pictures(tmp_path, ending):
    path = tmp_path / f"trace.{ending}"
    tagger().trace(IDS).plot(path)
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
    assert path.read_bytes().startswith(start)


def test_pictures_of_everything(tmp_path):
    documents = Ragged.from_list([[[1, 2], [3]], [[4, 5, 6]], []], levels=2)
    inner = layers.TimeDistributed(layers.LSTM(3))
    two = Sequential([layers.Embedding(10, 4, mask_zero=True), inner])
    wide = np.ones((9, 159), int)
    for i, trace in enumerate([two.trace(documents), tagger().trace(wide)]):
        trace.plot(tmp_path / f"{i}.png")
        assert (tmp_path / f"{i}.png").stat().st_size > 1000
    with says("Trace.plot: there is no sequence to draw."):
        tagger().trace(wide[:0]).plot(tmp_path / "none.png")


def test_the_picture_says_what_is_in():
    from unpad.models.pictures.trace_picture import _BEYOND, _IN, _ONE, _OUT, _SLOT, _cells

    trace = tagger().trace(IDS)
    assert _cells(trace["input"], 0, 7) == [_SLOT] * 7
    assert _cells(trace["embedding"], 0, 7) == [_OUT, _OUT, _IN, _IN, _IN, _OUT, _IN]
    assert _cells(trace["conv1d"], 0, 7) == [_IN, _IN, _OUT, _OUT, _OUT, _BEYOND, _BEYOND]
    assert _cells(trace["dense"], 0, 7) == [_ONE, *[_BEYOND] * 6]


def test_without_matplotlib_it_says_how(monkeypatch, tmp_path):
    real = builtins.__import__

    def lacking(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", lacking)
    with says(
        "Trace.plot needs matplotlib: pip install matplotlib. As text: print(trace).", ImportError
    ):
        tagger().trace(IDS).plot(tmp_path / "a.png")
