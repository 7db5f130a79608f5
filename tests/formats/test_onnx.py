"""Whole models as ONNX: what goes in and comes out by which name, what is refused, what is kept."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad.formats.export.onnx.model import OLDEST

from ..cases import CASES
from .export_table import NO_CASE, REFUSED, table
from .runtimes import answers, assert_answers, session

L = keras.layers
IDS = Ragged.from_list([[3, 4, 5], [], [1, 2, 3, 4, 5, 6], [9]])
STEPS = Ragged.from_list([torch.rand(n, 3) for n in (3, 0, 6, 1)])
ROWS = torch.rand(4, 5)


def assert_exported(model, inputs, path, padding="post", **options):
    """A model and its file give the same; the runtime, for more to be asked of it."""
    model.eval()
    model.export(path, padding=padding, **options)
    run = session(str(path))
    names = getattr(model, "input_names", None) or ["input"]
    outputs = getattr(model, "output_names", None)
    call = model if len(inputs) == 1 else lambda *x: model(list(x))
    for extra in (0, 2):
        assert_answers(run, call, inputs, padding, extra, names, outputs)
    return run


def shapes(described):
    return {x.name: x.shape for x in described}


def tagger():
    return keras.Sequential([
        keras.Input((None,)), L.Embedding(10, 4),
        L.Bidirectional(L.LSTM(3, return_sequences=True)), L.LayerNormalization(),
        L.Dense(2, activation="softmax"),
    ])  # fmt: skip


@pytest.mark.parametrize("padding", ["post", "pre"])
def test_a_tagger_takes_ids_and_lengths(tmp_path, padding):
    run = assert_exported(tagger(), [IDS], tmp_path / "m.onnx", padding)
    assert shapes(run.get_inputs()) == {"input": ["batch", "time"], "lengths": ["batch"]}
    assert [i.type for i in run.get_inputs()] == ["tensor(int64)"] * 2
    assert shapes(run.get_outputs()) == {"output": ["batch", "time", 2]}


def test_a_mask_in_place_of_lengths(tmp_path):
    model = tagger()
    model.export(tmp_path / "m.onnx", mask=True)
    run = session(str(tmp_path / "m.onnx"))
    assert shapes(run.get_inputs())["mask"] == ["batch", "time"]
    assert_answers(run, model, [IDS], "mask", names=["input"])


def test_a_door_leaves_out_what_it_does_not_take_for_steps(tmp_path):
    model = keras.Sequential([
        keras.Input((None,)), L.Embedding(10, 4, mask_zero=True),
        L.Bidirectional(L.GRU(3, return_sequences=True)), L.Conv1D(2, 3, padding="same"),
        L.Dropout(0.5), L.Dense(2),
    ])  # fmt: skip
    model.export(tmp_path / "m.onnx")
    run = session(str(tmp_path / "m.onnx"))
    # All of the grid is said to be there: it is the zeros that say what is not.
    grid = np.array([[0, 3, 4], [5, 0, 0], [0, 0, 0], [1, 2, 3]])
    got = answers(run, {"input": grid, "lengths": np.full(4, 3)})
    assert got["output_lengths"].tolist() == [2, 1, 0, 3]
    want = model.predict(grid, verbose=0)
    np.testing.assert_allclose(got["output"], want, rtol=1e-5, atol=1e-5)


def test_several_inputs_and_outputs_each_with_its_lengths(tmp_path):
    words, features = keras.Input((None,), name="words"), keras.Input((None, 3), name="features")
    row = keras.Input((5,), name="row")
    h = L.Concatenate()([L.Embedding(10, 4)(words), features])
    h = L.Conv1D(4, 3, activation="relu")(h)
    pooled = L.Concatenate()([L.GlobalMaxPooling1D()(h), row])
    outputs = [L.Dense(2, name="tags")(h), L.Dense(1, name="score")(pooled)]
    model = keras.Model([words, features, row], outputs)
    run = assert_exported(model, [IDS, STEPS, ROWS], tmp_path / "m.onnx")
    assert shapes(run.get_inputs()) == {
        "words": ["batch", "words_time"], "words_lengths": ["batch"],
        "features": ["batch", "features_time", 3], "features_lengths": ["batch"],
        "row": ["batch", 5],
    }  # fmt: skip
    assert list(shapes(run.get_outputs())) == ["tags", "tags_lengths", "score"]


def test_states_go_from_one_layer_to_another(tmp_path):
    source, target = keras.Input((None, 3), name="source"), keras.Input((None, 3), name="target")
    _, h, c = L.LSTM(4, return_state=True)(source)
    decoded = L.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    model = keras.Model([source, target], [decoded, h])
    other = Ragged.from_list([torch.rand(n, 3) for n in (2, 4, 0, 5)])
    assert_exported(model, [STEPS, other], tmp_path / "m.onnx")


def test_a_nested_model_with_a_crf(tmp_path):
    encoder = keras.Sequential([
        keras.Input((None,)), L.Embedding(10, 4),
        L.Bidirectional(L.LSTM(3, return_sequences=True)),
    ])  # fmt: skip
    words = keras.Input((None,), name="words")
    model = keras.Model(words, L.CRF()(L.Dense(3)(encoder(words))))
    assert_exported(model, [IDS], tmp_path / "m.onnx")


def test_a_transformer(tmp_path):
    words = keras.Input((None,), name="words")
    h = L.TokenAndPositionEmbedding(10, 12, 8)(words)
    h = L.TransformerEncoder(16, 2)(h)
    model = keras.Model(words, L.Dense(2)(L.GlobalAveragePooling1D()(h)))
    assert_exported(model, [IDS], tmp_path / "m.onnx", "pre")


def test_a_class_of_ones_own_is_given_a_batch(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(2)

        def call(self, x):
            return self.dense(x) * 2

    model = Own()
    with pytest.raises(ValueError, match="is not built"):
        model.export(tmp_path / "m.onnx")
    model(STEPS)
    with pytest.raises(ValueError, match="export: ") as error:
        model.export(tmp_path / "m.onnx")
    assert str(error.value) == (
        "export: what Own takes is not known. Give a batch of it: export(filepath, "
        "input_signature=x), a Ragged for sequences."
    )
    assert_exported(model, [STEPS], tmp_path / "m.onnx", input_signature=STEPS)


def test_any_version_of_the_operators_from_the_oldest(tmp_path):
    model = tagger()
    for opset in (OLDEST, 21, 23):
        assert_exported(model, [IDS], tmp_path / "m.onnx", opset=opset)
    with pytest.raises(
        ValueError, match=r"export: expected opset as a whole number from 18 to \d+, .* 17"
    ):
        model.export(tmp_path / "m.onnx", opset=17)


def test_torchs_graph(tmp_path):
    model = tagger()
    model.export(tmp_path / "m.pt2")
    run = torch.export.load(tmp_path / "m.pt2").module()
    torch.testing.assert_close(run(IDS).values, model(IDS).values)


def test_a_file_that_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    path.write_text("before")

    def full(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"export: .* could not be written"):
        tagger().export(path)
    assert path.read_text() == "before"


def test_convert_writes_onnx(tmp_path):
    tagger().save(tmp_path / "a.keras")
    names = [str(tmp_path / "a.keras"), str(tmp_path / "b.onnx")]
    subprocess.run([sys.executable, "-m", "unpad", "convert", *names], check=True)
    assert shapes(session(names[1]).get_outputs()) == {"output": ["batch", "time", 2]}


def test_it_says_where_it_wrote_when_asked(tmp_path, capsys):
    model = tagger()
    model.export(tmp_path / "m.onnx")
    assert capsys.readouterr().out == ""
    model.export(tmp_path / "m.onnx", verbose=True)
    assert capsys.readouterr().out == f"{model.who} is written to {tmp_path / 'm.onnx'}.\n"


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "tf"}, "export: expected format as one of 'onnx', 'torch', got 'tf'."),
        ({"padding": "left"}, "export: expected padding as 'post' or 'pre', got 'left'."),
        ({"mask": "yes"}, "export: expected mask as True or False, got 'yes'."),
    ],
)
def test_options_that_are_none(tmp_path, options, said):
    with pytest.raises(ValueError, match="export: ") as error:
        tagger().export(tmp_path / "m.onnx", **options)
    assert str(error.value) == said


def test_torchs_graph_has_no_padding(tmp_path):
    with pytest.raises(ValueError, match="padding, mask and opset are ONNX's"):
        tagger().export(tmp_path / "m.pt2", padding="pre")


def test_a_stateful_layer_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((None, 3)), L.LSTM(2, stateful=True, name="on")])
    with pytest.raises(ValueError, match="export: ") as error:
        model.export(tmp_path / "m.onnx")
    assert str(error.value) == (
        "export: LSTM 'on' is stateful, and an ONNX graph keeps no state from batch to batch. "
        "Give the states as inputs and outputs: initial_state= and return_state=True."
    )


def test_sequences_of_sequences_are_refused(tmp_path):
    inner = keras.Sequential([keras.Input((None,)), L.Embedding(10, 4), L.GRU(3)], name="inner")
    model = keras.Sequential([L.TimeDistributed(inner), L.GRU(2)])
    documents = Ragged.from_list([[[1, 2], [3]], [[4]]], levels=2)
    model(documents)
    for options in ({}, {"input_signature": documents}):
        for name in ("m.onnx", "m.pt2"):
            with pytest.raises(ValueError, match=r"takes sequences of sequences, and a graph's"):
                model.export(tmp_path / name, **options)
    assert_exported(inner, [IDS], tmp_path / "m.onnx")  # as the text says


def test_a_layer_that_looks_at_numbers_is_named(tmp_path):
    class Loops(L.Layer):
        def call(self, x):
            return x * sum(x.lengths.tolist())

    model = keras.Sequential([L.Dense(2), Loops(name="counts")])
    model(STEPS)
    with pytest.raises(ValueError, match=r"export: Loops 'counts' gives no graph") as error:
        model.export(tmp_path / "m.onnx", input_signature=STEPS)
    assert not (tmp_path / "m.onnx").exists()
    assert error.value.__cause__ is not None


def test_an_operator_that_onnx_has_not_is_named_with_its_layer(tmp_path):
    class Bent(L.Layer):
        def call(self, x):
            return x.map(torch.special.bessel_j0)

    entry = keras.Input((None, 3), ragged=True)
    model = keras.Sequential([entry, L.Dense(2), Bent(name="bent")])
    with pytest.raises(ValueError, match="export: ") as error:
        model.export(tmp_path / "m.onnx")
    assert str(error.value) == (
        "export: Bent 'bent' cannot be written as ONNX: torch's operator "
        "aten.special_bessel_j0.default."
    )


# --- the page's table ----------------------------------------------------------------------------


def test_every_layer_is_in_the_table_or_has_a_case():
    kinds = [kind for _, kind in inspect.getmembers(L, inspect.isclass)]
    layers = {kind.__name__ for kind in kinds if issubclass(kind, L.Layer)}
    assert layers - {case.layer for case in CASES.values()} == set(NO_CASE)
    assert set(REFUSED) <= set(CASES)


def test_the_page_says_which_layers_are_exported():
    page = Path(__file__).parents[2] / "docs" / "export.md"
    assert table() in page.read_text(encoding="utf-8")
