"""Sequential: built and checked from specs, shown as a table, a plain torch module."""

import copy
import pickle

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged

from ..messages import says
from ..taggers import sentences, tagger

L = keras.layers


def test_the_summary_shows_what_happens_to_the_sequences():
    model = keras.Sequential(
        [
            keras.Input(shape=(None,)),
            L.Embedding(50, 16, mask_zero=True),
            L.Bidirectional(L.LSTM(8, return_sequences=True)),
            torch.nn.Linear(16, 6),
            L.LSTM(3, name="last"),
            L.Dense(1),
        ],
        name="demo",
    )
    text = []
    model.summary(print_fn=text.append)
    rows = [line.split("  ") for line in text[0].splitlines() if line.strip(" ─")]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert cells == [
        ["Sequential 'demo'"],
        ["layer", "output", "weights", "sequences"],
        ["input", "(batch, time)"],
        ["embedding", "(batch, steps*, 16)", "800", "opens"],
        ["bidirectional (LSTM)", "(batch, steps*, 16)", "1,600", "keeps"],
        ["linear", "(batch, steps*, 6)", "102", "keeps"],
        ["last (LSTM)", "(batch, 3)", "120", "reduces"],
        ["dense", "(batch, 1)", "4", "-"],
        ["2,626 weights"],
    ]


def test_the_summary_is_printed(capsys):
    tagger().summary()
    assert "(batch, steps*, 4)" in capsys.readouterr().out


def test_specs_agree_with_what_comes_out():
    model = tagger()
    batch = Ragged.from_list([[1, 2], [], [3]])
    assert str(model.specs()[-1]) == "(batch, steps*, 4)"
    assert model(batch).feature == (4,)
    assert str(model.specs(keras.layers.Spec((), True))[-1]) == "(batch, steps*, 4)"


def test_it_is_a_torch_module():
    model = tagger()
    keys = list(model.state_dict())
    assert keys[:2] == ["embedding.embeddings", "bidirectional.forward_layer.kernel"]
    x, _ = sentences()
    want = model.predict(x, verbose=0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        got = other.predict(x, verbose=0)
        assert all((a == b).all() for a, b in zip(got, want, strict=True))
    fresh = tagger(seed=5)
    fresh.load_state_dict(model.state_dict())
    got = fresh.predict(x, verbose=0)
    assert all((a == b).all() for a, b in zip(got, want, strict=True))


def test_a_training_loop_of_one_s_own():
    model = tagger(compiled=False)
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    x, y = (Ragged.from_list(part) for part in sentences())
    loss_of = keras.losses.SparseCategoricalCrossentropy()
    losses = []
    for _ in range(20):
        loss = loss_of(y, model(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_without_an_input_it_is_built_by_the_data():
    model = keras.Sequential([L.Masking(), L.LSTM(3), L.Dense(2)])
    assert not model.built
    assert model(np.ones((2, 4, 5), dtype="float32")).shape == (2, 2)
    assert model.built
    model.summary(print_fn=lambda text: None)


def test_layers_can_be_added_and_taken_off():
    model = keras.Sequential()
    model.add(keras.Input(shape=(None, 3)))
    model.add(L.LSTM(4, return_sequences=True))
    with says("Sequential: the layer 'lstm' stands there twice; Sequential shares none."):
        model.add(model.layers[0])
    model.add(L.LSTM(2))
    with says("LSTM: expected sequences of feature vectors"):
        model.add(L.LSTM(2))
    assert [layer.name for layer in model.layers] == ["lstm", "lstm_1"]
    assert model.pop().name == "lstm_1"
    assert model(torch.ones(1, 2, 3)).shape == (1, 2, 4)


def test_a_model_is_a_layer():
    encoder = keras.Sequential([L.LSTM(4, return_sequences=True), L.Dense(3)], name="encoder")
    model = keras.Sequential([keras.Input(shape=(None, 2)), L.Masking(), encoder, L.LSTM(1)])
    assert model(torch.ones(2, 3, 2)).shape == (2, 1)
    assert "encoder.lstm.kernel" in model.state_dict()


def test_training_can_be_asked_for_in_the_call():
    model = keras.Sequential([keras.Input(shape=(3,)), L.Dropout(0.5)])
    model.eval()
    ones = torch.ones(1, 3)
    assert torch.equal(model(ones), ones)
    assert not torch.equal(model(ones.repeat(9, 1), training=True), ones.repeat(9, 1))
    assert not model.training


def test_config_makes_a_fresh_model():
    model = tagger()
    fresh = keras.Sequential.from_config(model.get_config())
    assert [tuple(w.shape) for w in fresh.weights] == [tuple(w.shape) for w in model.weights]
    assert fresh.count_params() == model.count_params()


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        (
            [keras.Input(shape=(None,)), L.LSTM(3)],
            "LSTM: expected sequences of feature vectors, (batch, steps*, feature), got (batch, "
            "time). Ids go through Embedding first;",
        ),
        (
            [keras.Input(shape=(None,)), L.Embedding(5, 2, mask_zero=True), torch.nn.Flatten(0)],
            "Flatten: Flatten gives (6,) for 3 steps; it must give one row for each step. For one "
            "row a sequence use a layer that reduces, as LSTM(return_sequences=False).",
        ),
        (
            [keras.Input(shape=(None, 3)), L.LSTM(3, return_state=True), L.Dense(2)],
            "Sequential: LSTM gives 3 outputs; in Sequential each layer gives one. Leave out "
            "return_state or merge_mode=None.",
        ),
        (
            [L.Dense],
            "Sequential: expected layers or torch modules, got type. A class: put () behind it.",
        ),
        ([L.Dense(2), keras.Input(shape=(3,))], "Sequential: Input comes first, and once."),
        (
            [L.Dense(2, name="a"), L.Dense(2, name="a")],
            "Sequential: the name 'a' is taken; give the layer another.",
        ),
    ],
)
def test_refused_when_built(layers, text):
    with says(text):
        keras.Sequential(layers)


@pytest.mark.parametrize("shape", [5, "ab", (0,), (2.5,)])
def test_shapes_that_are_none(shape):
    what = "a tuple of sizes, as (None,) for ids, or batch_shape with the batch"
    with says(f"Input: expected shape as {what}, got {shape!r}."):
        keras.Input(shape=shape)


@pytest.mark.parametrize("layers", [3, keras.layers.LSTM, True])
def test_layers_that_are_no_list(layers):
    with pytest.raises(ValueError, match=r"^Sequential: expected a list of layers, got "):
        keras.Sequential(layers)


def test_a_summary_shows_what_is_asked():
    def text(model, **options):
        lines = []
        model.summary(print_fn=lines.append, **options)
        return "".join(lines)

    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="deep")], name="inner")
    parts = [keras.layers.Dense(3, name="first", trainable=False), inner]
    model = keras.Sequential([keras.Input((3,)), *parts, keras.layers.Dense(1, name="last")])
    assert "deep" not in text(model)
    assert "  deep" in text(model, expand_nested=True)
    shown = text(model, show_trainable=True).splitlines()
    assert [line.split()[-1] for line in shown if "first" in line or "last" in line] == [
        "no",
        "yes",
    ]
    assert "last" not in text(model, layer_range=("first", "inn.*"))
    assert "dense" in text(keras.Sequential([keras.layers.Dense(1)]))
    with pytest.raises(ValueError, match="unknown layer 'lost'"):
        model.summary(layer_range=("lost", "last"))
