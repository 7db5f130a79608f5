"""Models and weights of Keras 1 and 2: the equations that they had, in files as they wrote them."""

import json
import warnings

import numpy as np
import pytest
import torch

import unpad
from unpad import layers as L
from unpad.saving import DamagedFile, OtherModel, WrongFormat

from ..messages import says
from .older_files import drawn, entry, write

IDS = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
STEPS = np.random.default_rng(5).normal(size=(2, 5, 3)).astype("float32")


def sequential(*layers, **more):
    return {"class_name": "Sequential", "config": [*layers], **more}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def old_hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def lstm(x, kernel, recurrent, bias, gate):
    h = c = np.zeros((len(x), len(recurrent)))
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=-1)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
    return h


def test_keras_1(tmp_path):
    """A Sequential as a list, other names of arguments, an array for each gate."""
    table, *gates = drawn((9, 3), *[(3, 2), (2, 2), (2,)] * 4)
    w, b = drawn((2, 4), (4,), seed=1)
    config = sequential(
        entry("Embedding", "words", input_dim=9, output_dim=3, init="uniform", input_length=None,
              W_regularizer=None, activity_regularizer=None, W_constraint=None, mask_zero=True,
              dropout=0.0, batch_input_shape=[None, None], input_dtype="int32", trainable=True),
        entry("LSTM", "walk", output_dim=2, init="glorot_uniform", inner_init="orthogonal",
              forget_bias_init="one", activation="tanh", inner_activation="hard_sigmoid",
              W_regularizer={"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01},
              U_regularizer=None, b_regularizer=None, dropout_W=0.1, dropout_U=0.0, input_dim=3,
              input_length=None, consume_less="cpu", return_sequences=False, go_backwards=False,
              stateful=False, unroll=False, trainable=True),
        entry("Dropout", "drop", p=0.5, trainable=True),
        entry("Dense", "out", output_dim=4, init="glorot_uniform", activation="linear", bias=True,
              W_regularizer=None, b_regularizer=None, activity_regularizer=None,
              W_constraint={"name": "MaxNorm", "m": 2, "axis": 0}, b_constraint=None,
              input_dim=None, trainable=True),
        keras_version="1.2.2",
    )  # fmt: skip
    names = {"words": [table], "walk": gates, "drop": [], "out": [w, b]}
    write(tmp_path / "a.h5", config, names, version=b"1.2.2", backend=b"theano")
    model = unpad.load(tmp_path / "a.h5")
    # i, c, f, o in the file.
    kernel, recurrent, bias = (
        np.concatenate([gates[3 * g + k] for g in (0, 2, 1, 3)], -1) for k in range(3)
    )
    expected = lstm(table[IDS], kernel, recurrent, bias, old_hard_sigmoid) @ w + b
    np.testing.assert_allclose(model.predict(IDS, verbose=0), expected, rtol=1e-5, atol=1e-6)
    walk, drop, out = model.layers[1:]
    assert walk.dropout == 0.1
    assert walk.unit_forget_bias
    assert walk.kernel_regularizer.l2 == 0.01
    assert drop.rate == 0.5
    assert out.kernel_constraint.max_value == 2
    # What stands in a file of ours reads the same.
    model.save(tmp_path / "a.keras")
    again = unpad.load(tmp_path / "a.keras")
    assert np.array_equal(again.predict(IDS, verbose=0), model.predict(IDS, verbose=0))


@pytest.mark.parametrize("backend", [b"tensorflow", b"theano"])
@pytest.mark.parametrize("layout", ["keras 2", "a picture", "theano's picture"])
def test_convolutions(tmp_path, layout, backend):
    """Keras 1 kept them as those of pictures; Theano walks a kernel backwards."""
    kernel, bias = drawn((2, 3, 4), (4,))
    stored = {
        "keras 2": kernel,
        "a picture": kernel[:, None],
        "theano's picture": kernel[:, None].transpose(3, 2, 0, 1),
    }[layout]
    config = sequential(
        entry("Convolution1D", "c", nb_filter=4, filter_length=2, border_mode="valid",
              subsample_length=1, activation="linear", bias=True, init="glorot_uniform",
              batch_input_shape=[None, None, 3]),
        entry("MaxPooling1D", "m", pool_length=2, stride=2, border_mode="valid"),
        entry("GlobalAveragePooling1D", "g"),
    )  # fmt: skip
    write(tmp_path / "a.h5", config, {"c": [stored, bias], "m": [], "g": []}, b"1.1", backend)
    k = kernel[::-1] if backend == b"theano" else kernel
    steps = np.stack([
        np.einsum("bkf,kfo->bo", STEPS[:, t : t + 2], k) + bias for t in range(4)
    ], 1)  # fmt: skip
    expected = steps.reshape(2, 2, 2, 4).max(2).mean(1)
    found = unpad.load(tmp_path / "a.h5").predict(STEPS, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def of_cudnn(module, gates, suffix=""):
    """What CuDNNLSTM and CuDNNGRU keep of a module of torch, which has cuDNN's own matrices."""
    parts = [getattr(module, f"{n}_l0{suffix}").detach().numpy() for n in
             ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]  # fmt: skip
    ih, hh, *biases = [[np.split(part, len(gates))[g] for g in gates] for part in parts]
    # Each is handed to cuDNN as the bytes that it is.
    kernel = np.concatenate([w.reshape(w.shape[::-1]) for w in ih], 1)
    return [kernel, np.concatenate(hh, 1), np.concatenate(biases[0] + biases[1])]


@pytest.mark.parametrize(("kind", "order"), [("LSTM", (0, 1, 2, 3)), ("GRU", (1, 0, 2))])
@pytest.mark.parametrize("both", [False, True])
def test_cudnn(tmp_path, kind, order, both):
    module = getattr(torch.nn, kind)(3, 2, batch_first=True, bidirectional=both)
    arrays = of_cudnn(module, order)
    layer = entry(f"CuDNN{kind}", "walk", units=2, return_sequences=True)
    if both:
        arrays += of_cudnn(module, order, "_reverse")
        layer = entry("Bidirectional", "both", layer=layer, merge_mode="concat")
    layer["config"]["batch_input_shape"] = [None, None, 3]
    inner = {"class_name": "Sequential", "config": {"name": "inner", "layers": [layer]}}
    for name, config in (("flat", inner), ("nested", sequential(inner))):
        weights = {layer["config"]["name"] if name == "flat" else "inner": arrays}
        write(tmp_path / "a.h5", config, weights)
        found = unpad.load(tmp_path / "a.h5").predict(STEPS, verbose=0)
        expected = module(torch.tensor(STEPS))[0].detach()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    # Weights alone, into the layer that is written now.
    write(tmp_path / "b.h5", None, {"walk": arrays})
    walk = getattr(L, kind)(2, return_sequences=True)
    model = unpad.Sequential([unpad.Input((None, 3)), L.Bidirectional(walk) if both else walk])
    model.load_weights(tmp_path / "b.h5")
    np.testing.assert_allclose(model.predict(STEPS, verbose=0), expected, rtol=1e-5, atol=1e-5)


def test_a_gru_of_keras_2_resets_before(tmp_path):
    """Where its configuration says nothing, as before 2.1, and gates are that hard sigmoid."""
    kernel, recurrent, bias = drawn((3, 6), (2, 6), (6,))
    config = sequential(
        entry("GRU", "walk", units=2, recurrent_activation="hard_sigmoid", activation="tanh",
              implementation=1, batch_input_shape=[None, None, 3]),
    )  # fmt: skip
    write(tmp_path / "a.h5", config, {"walk": [kernel, recurrent, bias]})
    h = np.zeros((2, 2))
    for t in range(5):
        xz, xr, xh = np.split(STEPS[:, t] @ kernel + bias, 3, -1)
        z = old_hard_sigmoid(xz + h @ recurrent[:, :2])
        r = old_hard_sigmoid(xr + h @ recurrent[:, 2:4])
        h = z * h + (1 - z) * np.tanh(xh + (r * h) @ recurrent[:, 4:])
    found = unpad.load(tmp_path / "a.h5").predict(STEPS, verbose=0)
    np.testing.assert_allclose(found, h, rtol=1e-5, atol=1e-6)


def graph(version="2.4.0"):
    """As tf.keras 2.4 writes it: TensorFlow's functions, states, a shared layer, two outputs."""
    table, k, r, b = drawn((9, 3), (3, 8), (2, 8), (8,))
    w, c = drawn((2, 2), (2,), seed=1)
    layers = [
        entry("InputLayer", "words", [], batch_input_shape=[None, None], dtype="int32",
              sparse=False, ragged=False),
        entry("InputLayer", "h", [], batch_input_shape=[None, 2], dtype="float32", sparse=False,
              ragged=False),
        entry("Embedding", "embed", [[["words", 0, 0, {}]]], input_dim=9, output_dim=3,
              batch_input_shape=[None, None], mask_zero=False, input_length=None,
              dtype={"class_name": "Policy", "config": {"name": "float32"}},
              embeddings_initializer={"class_name": "RandomUniform", "config": {
                  "minval": -0.05, "maxval": 0.05, "seed": None, "dtype": "float32"}}),
        entry("TFOpLambda", "twice", [["embed", 0, 0, {"y": 2.0, "name": None}]],
              function="math.multiply", dtype="float32", trainable=True),
        entry("LSTM", "walk", [[["twice", 0, 0, {}], ["h", 0, 0, {}], ["h", 0, 0, {}]]], units=2,
              activation="tanh", recurrent_activation="sigmoid", time_major=False,
              implementation=2, return_state=False),
        entry("Dense", "out", [[["walk", 0, 0, {}]], [["h", 0, 0, {}]]], units=2,
              activation="linear"),
        entry("Subtract", "less", [[["out", 0, 0, {}], ["out", 1, 0, {}]]]),
    ]  # fmt: skip
    config = {"name": "m", "layers": layers, "input_layers": [["words", 0, 0], ["h", 0, 0]],
              "output_layers": [["out", 0, 0], ["less", 0, 0]]}  # fmt: skip
    data = {"class_name": "Functional", "config": config, "keras_version": version}
    weights = {"words": [], "h": [], "embed": [table], "twice": [], "walk": [k, r, b],
               "out": [w, c], "less": []}  # fmt: skip
    return data, weights


def test_a_graph_of_keras_2(tmp_path):
    data, weights = graph()
    write(tmp_path / "a.h5", data, weights, b"2.4.0")
    model = unpad.load(tmp_path / "a.h5")
    state = np.ones((2, 2), "float32")
    (table,), walk, (w, c) = weights["embed"], weights["walk"], weights["out"]
    h, cell = state, state
    for t in range(4):
        i, f, g, o = np.split(2 * table[IDS[:, t]] @ walk[0] + h @ walk[1] + walk[2], 4, -1)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(cell)
    out, less = model.predict([IDS, state], verbose=0)
    np.testing.assert_allclose(out, h @ w + c, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(less, (h - state) @ w, rtol=1e-5, atol=1e-6)
    fresh = unpad.models.model_from_json(json.dumps(data))
    fresh.set_weights(model.get_weights())
    assert np.array_equal(fresh.predict([IDS, state], verbose=0)[0], out)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("sum", lambda a, b: a + b),
        ("mul", lambda a, b: a * b),
        ("ave", lambda a, b: (a + b) / 2),
        ("max", np.maximum),
        ("concat", lambda a, b: np.concatenate([a, b], -1)),
    ],
)
def test_keras_1_merges(mode, expected):
    ends = [entry("InputLayer", n, [], batch_input_shape=[None, 3], input_dtype="float32")
            for n in "ab"]  # fmt: skip
    merge = entry("Merge", "m", [[["a", 0, 0], ["b", 0, 0]]], mode=mode, mode_type="raw",
                  concat_axis=-1, dot_axes=-1, output_shape=None, layers=[])  # fmt: skip
    config = {"name": "m", "layers": [*ends, merge], "input_layers": [["a", 0, 0], ["b", 0, 0]],
              "output_layers": [["m", 0, 0]]}  # fmt: skip
    model = unpad.models.model_from_json(json.dumps({"class_name": "Model", "config": config}))
    a, b = STEPS[0], STEPS[1]
    np.testing.assert_allclose(model.predict([a, b], verbose=0), expected(a, b), rtol=1e-6)


COMPILED = {
    "keras 2.2": (b"2.2.4", {"lr": 0.01, "decay": 0.5, "epsilon": None}, "training/Adam/Variable"),
    "tf 2.4": (b"2.4.0", {"learning_rate": 0.01, "decay": 0.0, "epsilon": 1e-7}, "Adam/iter"),
    "tf 2.12": (b"2.12.0", {"learning_rate": 0.01, "jit_compile": False, "is_legacy_optimizer":
                            False, "weight_decay": None}, "iteration"),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPILED)
def test_training_goes_on(tmp_path, name):
    """What Adam had gathered lies in another order in each of these."""
    version, options, first = COMPILED[name]
    table, k, r, b = drawn((9, 3), (3, 6), (2, 6), (2, 6))
    weights = [table, k, r, b]
    moments, squares = drawn(*[w.shape for w in weights], seed=2), [np.abs(w) for w in weights]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [
        entry("Embedding", "e", input_dim=9, output_dim=3, batch_input_shape=[None, None]),
        entry("GRU", "g", units=2, reset_after=True, recurrent_activation="sigmoid"),
    ]}}  # fmt: skip
    training = {
        "optimizer_config": {"class_name": "Adam", "config": {"name": "Adam", "beta_1": 0.8,
                                                              **options}},
        "loss": {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "l"}},
        "metrics": [[{"class_name": "MeanMetricWrapper", "config": {
            "name": "mean_absolute_error", "dtype": "float32", "fn": "mean_absolute_error"}}]],
        "weighted_metrics": None, "loss_weights": None, "sample_weight_mode": None,
    }  # fmt: skip
    if first == "iteration":
        slots = [
            np.float32(0.01),
            *[a for pair in zip(moments, squares, strict=True) for a in pair],
        ]
    else:
        slots = [*moments, *squares]
    if name == "keras 2.2":
        slots += [np.zeros(1, "float32") for _ in weights]
    state = {f"{first}:0": np.int64(7)} | {f"Adam/s{i}:0": a for i, a in enumerate(slots)}
    write(tmp_path / "a.h5", config, {"e": [table], "g": [k, r, b]}, version,
          training_config=training, optimizer_weights=state)  # fmt: skip
    model = unpad.load(tmp_path / "a.h5")
    assert model.optimizer.iterations == 7
    rule = model.optimizer
    for w, m, v in zip(model.trainable_weights, moments, squares, strict=True):
        np.testing.assert_array_equal(rule.state[w]["exp_avg"], m)
        np.testing.assert_array_equal(rule.state[w]["exp_avg_sq"], v)
    before = model.get_weights()
    logs = model.fit(IDS, np.ones((2, 2)), verbose=0).history
    assert {"loss", "mean_absolute_error"} <= logs.keys()
    rate = 0.01 / (1 + 7 * options.get("decay", 0.0))
    change = np.abs(
        np.concatenate([(a - b).ravel() for a, b in zip(model.get_weights(), before, strict=True)])
    )
    assert 0 < change.max() < 40 * rate
    assert float(model.optimizer.learning_rate) == pytest.approx(
        0.01 / (1 + 8 * options.get("decay", 0.0)), rel=1e-3
    )


def test_an_optimizer_that_cannot_go_on_begins_anew(tmp_path):
    w, b = drawn((3, 2), (2,))
    config = sequential(entry("Dense", "d", units=2, batch_input_shape=[None, 3]))
    training = {"optimizer_config": {"class_name": "Adam", "config": {"lr": 0.1}}, "loss": "mse"}
    write(tmp_path / "a.h5", config, {"d": [w, b]}, training_config=training,
          optimizer_weights={"a:0": np.int64(1), "b:0": w})  # fmt: skip
    with pytest.warns(UserWarning, match="The optimizer begins anew"):
        model = unpad.load(tmp_path / "a.h5")
    assert np.array_equal(model.get_weights()[0], w)


def test_names_in_pieces(tmp_path):
    """More than HDF5 takes into one attribute stands in several."""
    import h5py

    arrays = drawn(*[(2, 2), (2,)] * 3)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for i in range(3):
            file.attrs[f"layer_names{i}"] = [f"d{i}".encode()]
            group = file.create_group(f"d{i}")
            for k in range(2):
                group.attrs[f"weight_names{k}"] = [f"w{k}".encode()]
                group[f"w{k}"] = arrays[2 * i + k]
    model = unpad.Sequential([unpad.Input((2,)), *[L.Dense(2) for _ in range(3)]])
    model.load_weights(tmp_path / "a.h5")
    for a, b in zip(model.get_weights(), arrays, strict=True):
        assert np.array_equal(a, b)


def test_no_warning_of_old_words(tmp_path):
    """Nobody can write a file's words anew."""
    (w, b), config = drawn((3, 2), (2,)), sequential(
        entry("Dense", "d", output_dim=2, input_dim=3, batch_input_shape=[None, 3]))  # fmt: skip
    write(tmp_path / "a.h5", config, {"d": [w, b]}, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unpad.load(tmp_path / "a.h5")


def test_what_cannot_be_read_says_why(tmp_path):
    path = tmp_path / "a.h5"
    write(path, None, {"d": []})
    with says(f"{path}: it holds weights and no model: model.load_weights(path).", WrongFormat):
        unpad.load(path)
    shape = {"batch_input_shape": [None, 3]}
    bad = entry("TFOpLambda", "t", [["a", 0, 0, {}]], function="io.read_file")
    one = entry("InputLayer", "a", [], **shape)
    config = {"name": "m", "layers": [one, bad], "input_layers": [["a", 0, 0]],
              "output_layers": [["t", 0, 0]]}  # fmt: skip
    write(path, {"class_name": "Model", "config": config}, {})
    with says(f"{path}: model_config: TFOpLambda 't': TensorFlow's 'io.read_file' is code that no",
              DamagedFile):  # fmt: skip
        unpad.load(path)
    write(path, sequential(entry("Lambda", "f", function=["4wE=", None, None], **shape)), {})
    with pytest.raises(DamagedFile, match="model_config: "):
        unpad.load(path)
    write(path, sequential(entry("Dense", "d", units=2, **shape)), {"d": drawn((3, 4), (4,))})
    with says(f"{path}: model_weights/d: expected weight 0 as (3, 2), the file has (3, 4).",
              OtherModel):  # fmt: skip
        unpad.load(path)
    import h5py

    with h5py.File(path, "r+") as file:
        del file["model_weights/d/d/w1:0"]
    with says(f"{path}: model_weights/d/d/w1:0: is not there.", DamagedFile):
        unpad.load(path)


@pytest.mark.parametrize("kind", ["Functional", "Model", "Sequential"])
def test_a_model_in_a_graph_counts_its_calls_from_one(tmp_path, kind):
    """Keras 1 and 2 counted the call that made it; its second call is an output of the graph."""
    w, v = drawn((3, 3), (3, 3))
    dense = {"units": 3, "use_bias": False}
    row = entry("InputLayer", "row", [], batch_input_shape=[None, 3])
    inner = {"class_name": kind, "name": "inner", "config": {"name": "inner", "layers": [
        row, entry("Dense", "a", [[["row", 0, 0, {}]]], **dense),
    ]}}  # fmt: skip
    if kind != "Sequential":
        inner["config"] |= {"input_layers": [["row", 0, 0]], "output_layers": [["a", 0, 0]]}
    config = {"class_name": "Model", "config": {
        "name": "outer", "input_layers": [["x", 0, 0]],
        "output_layers": [["inner", 2, 0], ["inner", 1, 0]], "layers": [
            entry("InputLayer", "x", [], batch_input_shape=[None, 3]),
            {**inner, "inbound_nodes": [[["x", 0, 0, {}]], [["b", 0, 0, {}]]]},
            entry("Dense", "b", [[["inner", 1, 0, {}]]], **dense),
        ],
    }}  # fmt: skip
    write(tmp_path / "a.h5", config, {"x": [], "inner": [w], "b": [v]})
    x = np.ones((2, 3), "float32")
    second, first = unpad.load(tmp_path / "a.h5").predict(x, verbose=0)
    np.testing.assert_allclose(first, x @ w, rtol=1e-5)
    np.testing.assert_allclose(second, x @ w @ v @ w, rtol=1e-5)
