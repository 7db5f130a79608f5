"""Keras's names: module paths, the import hook, old spellings with one warning each."""

import importlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import spellings
from unpad.dialect import absent
from unpad.dialect.places import below_keras, module_for

from ..messages import says

layers = keras.layers


@pytest.fixture
def told(monkeypatch):
    """What older spellings are told, as if nothing had been told before."""
    monkeypatch.setattr(spellings, "_told", set())
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found


def texts(told):
    return [str(w.message) for w in told]


# --- module paths --------------------------------------------------------------------------------

PATHS = {
    "models": ["Model", "Sequential"],
    "layers": ["LSTM", "Embedding", "Input", "Lambda", "merge"],
    "optimizers": ["SGD", "Adam"],
    "optimizers.schedules": ["ExponentialDecay"],
    "initializers": ["RandomUniform", "get"],
    "constraints": ["NonNeg", "get"],
    "regularizers": ["L2", "get"],
    "activations": ["relu", "get"],
    "callbacks": ["EarlyStopping", "History"],
    "losses": ["MeanSquaredError"],
    "metrics": ["Precision"],
    "utils": ["to_categorical", "pad_sequences", "plot_model", "set_random_seed"],
    "preprocessing.sequence": ["pad_sequences"],
    "backend": ["greater", "cast", "floatx"],
}


@pytest.mark.parametrize("path", PATHS)
def test_module_paths_below_unpad(path):
    module = importlib.import_module(f"unpad.{path}")
    for name in PATHS[path]:
        assert hasattr(module, name)
    names = {}
    exec(f"from unpad.{path} import {', '.join(PATHS[path])}", names)
    exec(f"import unpad.{path} as module", names)
    assert names["module"] is module


def test_both_homes_of_pad_sequences_are_one():
    assert keras.utils.pad_sequences is keras.preprocessing.sequence.pad_sequences


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("applications", "unpad.applications: not here: images are out of scope."),
        ("remat", "unpad.remat: not here: torch.utils.checkpoint.checkpoint"),
        ("Sequentail", "unpad.Sequentail: not here. Did you mean Sequential?"),
        ("xyz", "unpad.xyz: not here. unpad has what sequences need."),
    ],
)
def test_parts_that_are_not_here(name, text):
    with says(text, AttributeError):
        getattr(keras, name)


def test_what_does_the_work_of_a_part_that_is_not_here():
    assert absent("layers.ConvLSTM1D").endswith("of vectors: LSTM, Conv1D.")


# --- the hook ------------------------------------------------------------------------------------

ROOTS = ["keras", "tensorflow.keras", "tensorflow.python.keras", "tf_keras"]


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("path", PATHS)
def test_imports_give_unpad(root, path):
    with keras.as_keras():
        module = importlib.import_module(f"{root}.{path}")
        for name in PATHS[path]:
            assert getattr(module, name) is getattr(importlib.import_module(f"unpad.{path}"), name)
        exec(f"from {root}.{path} import {', '.join(PATHS[path])}", {})


def test_imports_give_unpad_in_any_form():
    names = {}
    with keras.as_keras() as given:
        assert given is keras
        exec("import keras", names)
        exec("import tensorflow as tf", names)
        exec("from keras import backend as K, layers", names)
        exec("import keras.layers.core as core", names)
        exec("from keras.layers import *", names)
        exec("from keras.utils.np_utils import to_categorical", names)
        exec("from keras.engine.topology import Layer", names)
        exec("tf.random.set_seed(3)\nfrom tensorflow.keras import Sequential", names)
    assert names["keras"].Sequential is names["tf"].keras.Sequential is keras.Sequential
    assert names["K"].cast is keras.backend.cast
    assert names["core"].Dense is names["Dense"] is layers.Dense
    assert names["Layer"] is keras.Layer
    assert "LSTM" in dir(names["layers"])


def test_what_was_imported_before_is_there_again():
    before, keys = sys.modules.copy(), set(sys.modules)
    finders = list(sys.meta_path)
    with keras.as_keras():
        importlib.import_module("keras.layers")
        assert sys.modules["keras"] is not before.get("keras")
        with keras.as_keras():
            importlib.import_module("keras.losses")
        assert sys.modules["keras.layers"].LSTM is layers.LSTM
    packages = ("keras", "tensorflow", "tf_keras")
    for name in keys | set(sys.modules):
        if name.partition(".")[0] in packages:
            assert sys.modules.get(name) is before.get(name)
    assert sys.meta_path == finders


def test_called_alone_it_stays():
    active = keras.as_keras()
    try:
        import keras as theirs

        assert theirs.Sequential is keras.Sequential
    finally:
        active.end()
        active.end()  # a second time changes nothing
    assert getattr(sys.modules.get("keras"), "Sequential", None) is not keras.Sequential


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("import keras.applications", ImportError, "keras.applications: not here: images are out"),
        ("from keras import applications", ImportError, "keras.applications: not here: images"),
        ("import keras.datasets.mnist", ImportError, "keras.datasets.mnist: not here: images"),
        ("from keras.layers import Conv2D", ImportError,
         "keras.layers.Conv2D: not here: images are out of scope."),
        ("import keras\nkeras.applications", AttributeError, "keras.applications: not here:"),
        ("import tensorflow as tf\ntf.constan(1)", AttributeError,
         "tensorflow.constan: not here: of TensorFlow there is what scripts of Keras use most. "
         "Did you mean constant or concat or cos? Tensors are torch's"),
        ("import tensorflow.lite", ImportError, "tensorflow.lite: not here: of TensorFlow"),
        ("from keras.preprocessing.image import load_img", ImportError,
         "keras.preprocessing.image: not here: images are out"),
    ],
)  # fmt: skip
def test_imports_of_what_is_not_here(code, kind, text):
    with keras.as_keras(), says(text, kind):
        exec(code, {})


def test_names_below_keras():
    assert below_keras("tensorflow.compat.v1.keras.layers") == "layers"
    assert below_keras("kerastuner") is None
    assert module_for("layers.recurrent") is layers
    assert module_for("Sequential") is None
    assert module_for("layers._private") is None


def test_a_script_runs_as_it_is(tmp_path):
    script = tmp_path / "script.py"
    (tmp_path / "beside.py").write_text("UNITS = 3\n")
    script.write_text(
        "import sys, numpy as np\nimport tensorflow as tf\nfrom beside import UNITS\n"
        "from keras.layers import LSTM\n"
        "model = tf.keras.Sequential([tf.keras.Input((None, 2)), LSTM(UNITS)])\n"
        "print(__name__, sys.argv[1:], model.predict(np.ones((1, 4, 2)), verbose=0).shape)\n"
    )
    run = [sys.executable, "-m", "unpad", str(script), "--fast"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout == "__main__ ['--fast'] (1, 3)\n"
    help_ = subprocess.run(run[:3], capture_output=True, text=True, check=False)
    assert help_.returncode == 2
    assert help_.stdout.startswith("usage: python -m unpad SCRIPT")


# --- old spellings -------------------------------------------------------------------------------


def test_one_warning_at_the_line_that_spells_so(told):
    for _ in range(2):
        layers.Dense(3, input_dim=2)
    (only,) = told
    assert str(only.message) == (
        "Dense: input_dim= is how older Keras spelt it; write keras.Input(shape=(2,)) before the "
        "first layer."
    )
    assert only.category is FutureWarning
    assert only.filename == __file__


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: layers.LSTM(3, input_shape=(7, 2)), (None, 7, 2)),
        (lambda: layers.LSTM(3, batch_input_shape=(8, None, 2)), (None, None, 2)),
        (lambda: layers.LSTM(3, input_dim=2), (None, None, 2)),
        (lambda: layers.LSTM(3, input_dim=2, input_length=7), (None, 7, 2)),
        (lambda: layers.Dense(3, input_dim=2), (None, 2)),
        (lambda: layers.Bidirectional(layers.LSTM(3), input_shape=(7, 2)), (None, 7, 2)),
        (lambda: layers.Embedding(9, 3, input_length=7), (None, 7)),
        (lambda: layers.Embedding(9, 3, input_shape=(None,)), (None, None)),
    ],
)
def test_the_first_layer_tells_what_comes_in(told, make, shape):
    model = keras.Sequential()
    model.add(make())
    assert model.built
    assert model.input.shape == shape
    again = keras.Sequential.from_config(model.get_config())
    assert again.input.shape == shape
    # With an Input in front nothing is told twice.
    assert keras.Sequential([keras.Input(shape[1:]), make()]).input.shape == shape


def test_a_later_layer_is_told_in_vain(told):
    model = keras.Sequential([layers.LSTM(5, return_sequences=True, input_shape=(7, 2))])
    model.add(layers.LSTM(3, input_shape=(7, 5)))  # what comes: nothing to say
    model.add(layers.Dense(1, input_shape=(9,)))
    assert texts(told)[1:] == [
        "Dense: built with input_shape=(9,), but it gets (batch, 3), and that is what counts. Only "
        "a model's first layer says what comes in: leave input_shape out."
    ]


def test_embedding_knows_its_length(told):
    ids = keras.Input((None,))
    flat = layers.Flatten()(layers.Embedding(9, 3, mask_zero=True, input_length=7)(ids))
    assert flat.shape == (None, 21)
    assert texts(told)[0] == (
        "Embedding: input_length= is how older Keras spelt it; write keras.Input(shape=(7,)) "
        "before it."
    )


def test_arguments_of_no_layer():
    with says("LSTM: got an unexpected keyword argument 'unitz'.", TypeError):
        layers.LSTM(3, unitz=5)
    with says("Dense: input_length= says too little of the input.", TypeError):
        layers.Dense(3, input_length=5)
    with says("Dense: expected input_shape as a tuple of sizes, got 5."):
        layers.Dense(3, input_shape=5)


def test_shapes_and_masks_of_layers(told):
    x = keras.Input((7, 2))
    steps = layers.Masking()(x)
    last = layers.LSTM(3)(steps)
    keras.Model(x, last)
    masking, lstm = steps.node.layer, last.node.layer
    assert masking.input_mask is None
    assert repr(masking.output_mask) == "<Symbol 'output mask of masking' (batch, 7)>"
    assert lstm.input_mask.dtype == torch.bool
    assert lstm.output_mask is None
    assert not told  # there is no better word for a mask
    assert (lstm.input_shape, lstm.output_shape) == ((None, None, 2), (None, 3))
    assert texts(told) == [
        "LSTM: input_shape is how older Keras spelt it; write layer.input.shape.",
        "LSTM: output_shape is how older Keras spelt it; write layer.output.shape.",
    ]
    # The mask is part of a graph: a model gives it.
    mask = keras.Model(x, lstm.input_mask)(torch.tensor([[[1.0, 2.0]] * 3 + [[0.0, 0.0]] * 4]))
    assert mask.tolist() == [[True] * 3 + [False] * 4]


def test_shapes_of_models(told):
    x = keras.Input((7, 2))
    for model in (
        keras.Model(x, layers.LSTM(3)(x)),
        keras.Sequential([keras.Input((7, 2)), layers.LSTM(3)]),
    ):
        assert (model.input_shape, model.output_shape) == ((None, 7, 2), (None, 3))
        assert model.input_mask is None


def test_masks_of_several_inputs():
    a, b = keras.Input((3,)), keras.Input((3, 4), ragged=True)
    joined = layers.Concatenate()([layers.Embedding(9, 2, mask_zero=True)(a), b])
    found = joined.node.layer.input_mask
    assert [mask.shape for mask in found] == [(None, 3), (None, 3)]


def test_a_layer_outside_of_a_graph_has_no_mask():
    with says(
        "LSTM: there is no one input: the layer stands in a graph 0 times. A Sequential is a graph "
        "when it begins with keras.Input.",
        AttributeError,
    ):
        print(layers.LSTM(3).input_mask)


def test_layers_keep_attributes_of_these_names():
    class Mine(keras.Layer):
        def __init__(self):
            super().__init__()
            self.input_shape = "mine"

    assert Mine().input_shape == "mine"
    assert layers.Lambda(abs, output_shape=(3,)).output_shape == (3,)


def trained(metrics, **options):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=metrics)
    x = np.random.default_rng(0).normal(size=(12, 2))
    return model, model.fit(x, x[:, 0] > 0, verbose=0, validation_split=0.5, **options)


def test_acc_is_accuracy(told):
    _, history = trained(["accuracy"])
    assert history.history["acc"] == history.history["accuracy"]
    assert history.history["val_acc"] == history.history.get("val_accuracy")
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.history.get("auc") is None
    with pytest.raises(KeyError, match="val_auc"):
        history.history["val_auc"]
    assert texts(told) == [
        "logs: 'acc' is how older Keras spelt it; write 'accuracy'.",
        "logs: 'val_acc' is how older Keras spelt it; write 'val_accuracy'.",
    ]


def test_accuracy_is_acc_where_that_was_compiled():
    _, history = trained(["acc"])
    assert set(history.history) == {"loss", "acc", "val_loss", "val_acc"}
    assert history.history["acc"] == history.history["accuracy"]


def test_callbacks_find_acc_in_their_logs(told):
    seen = []

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((logs.get("acc"), logs["val_acc"]))
            logs["mine"] = 5.0

    stop = keras.callbacks.EarlyStopping("val_acc", patience=1)
    _, history = trained(["accuracy"], epochs=2, callbacks=[Stop(), stop])
    assert seen == list(
        zip(history.history["accuracy"], history.history["val_accuracy"], strict=True)
    )
    assert history.history["mine"] == [5.0, 5.0]


def test_nb_epoch(told):
    assert trained([], nb_epoch=3)[1].epoch == [0, 1, 2]
    assert texts(told) == ["fit: nb_epoch= is how older Keras spelt it; write epochs=."]
    with says("fit: nb_epoch= is epochs=, which is given too.", TypeError):
        trained([], nb_epoch=3, epochs=3)


def test_model_of_input_and_output(told):
    x = keras.Input((2,))
    model = keras.Model(input=x, output=layers.Dense(3)(x))
    assert model.output.shape == (None, 3)
    assert sorted(texts(told)) == [
        "Functional: input= is how older Keras spelt it; write inputs=.",
        "Functional: output= is how older Keras spelt it; write outputs=.",
    ]


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("sum", "Add"), ("mul", "Multiply"), ("ave", "Average"), ("max", "Maximum"),
     ("concat", "Concatenate"), ("dot", "Dot"), ("cos", "Dot")],
)  # fmt: skip
def test_merge(told, mode, kind):
    a, b = torch.rand(3, 4), torch.rand(3, 4)
    options = {"axes": -1, "normalize": mode == "cos"} if kind == "Dot" else {}
    torch.testing.assert_close(layers.merge([a, b], mode), getattr(layers, kind)(**options)([a, b]))
    (text,) = texts(told)
    assert text.endswith(f"write layers.{kind}()(x).")


def test_merge_of_no_known_mode():
    with says("merge: unknown mode 'plus'; Known are: ave, concat, cos, dot, max, mul, sum."):
        layers.merge([], "plus")


# --- predict_classes -----------------------------------------------------------------------------


def tagger(units, activation):
    return keras.Sequential(
        [keras.Input((4,)), layers.Embedding(9, 5, mask_zero=True),
         layers.LSTM(6, return_sequences=True), layers.Dense(units, activation=activation)]
    )  # fmt: skip


def test_predict_classes_is_argmax_where_there_is_a_step(told):
    model = tagger(3, "softmax")
    ids = np.array([[1, 2, 3, 0], [0, 0, 0, 0], [4, 0, 5, 0]])
    found = model.predict_classes(ids)
    np.testing.assert_array_equal(
        found[ids != 0], model.predict(ids, verbose=0).argmax(-1)[ids != 0]
    )
    assert (found[ids == 0] == -1).all()
    assert (model.predict_classes(ids, fill=7)[ids == 0] == 7).all()
    assert texts(told) == [
        "Sequential: predict_classes(x) is how older Keras spelt it; write predict(x).argmax(-1)."
    ]


def test_predict_classes_of_lists_and_of_rows(told):
    model = tagger(3, "softmax")
    sequences = [np.array([1, 2, 3]), np.array([], int), np.array([4, 5])]
    found = model.predict_classes(sequences)
    for part, ids in zip(found, sequences, strict=True):
        np.testing.assert_array_equal(part, model.predict([ids], verbose=0)[0].argmax(-1))
    rows = keras.Sequential([keras.Input((2,)), layers.Dense(3, activation="softmax")])
    x = np.random.default_rng(0).normal(size=(5, 2)).astype("float32")
    np.testing.assert_array_equal(rows.predict_classes(x), rows.predict(x, verbose=0).argmax(-1))


def test_predict_classes_of_one_output(told):
    model = tagger(1, "sigmoid")
    ids = np.array([[1, 2, 3, 0]])
    found = model.predict_classes(ids)
    assert found.shape == (1, 4, 1)
    np.testing.assert_array_equal(
        found[0, :3], (model.predict(ids, verbose=0)[0, :3] > 0.5).astype(int)
    )
    assert found[0, 3] == -1


def test_predict_proba_is_predict(told):
    model = tagger(3, "softmax")
    ids = np.array([[1, 2, 3, 0]])
    np.testing.assert_array_equal(model.predict_proba(ids), model.predict(ids, verbose=0))
    assert texts(told) == [
        "Sequential: predict_proba(x) is how older Keras spelt it; write predict(x)."
    ]


def test_one_target_for_several_outputs_is_compared_with_each(told):
    """As in Keras, which says nothing: labels given to mse."""
    metric = keras.metrics.MeanSquaredError()
    predicted = torch.tensor([[0.0, 1.0, 2.0]])
    metric.update(torch.tensor([1.0]), predicted)
    assert float(metric.compute()) == pytest.approx(2 / 3)
    assert texts(told) == [
        "mean_squared_error: there is one target a step for 3 outputs, and each of them is "
        "compared with it. Of integer labels that says nothing: use sparse_categorical_accuracy."
    ]


# --- pad_sequences, to_categorical ---------------------------------------------------------------

pad = keras.utils.pad_sequences


def test_pad_sequences_is_undone_at_the_door():
    sequences = [[1, 2, 3], [], [4]]
    for side in ("pre", "post"):
        ragged = keras.Ragged.from_padded(pad(sequences, padding=side), padding=0)
        assert [part.tolist() for part in ragged] == sequences
    assert pad(keras.Ragged.from_list([[1], [2, 3]])).tolist() == [[0, 1], [2, 3]]
    assert pad([]).shape == (0, 0)
    assert pad([[], []], maxlen=2).tolist() == [[0, 0], [0, 0]]
    assert pad([["a"], []], dtype=object, value="-").tolist() == [["a"], ["-"]]


def test_pad_sequences_cuts_no_fraction_off():
    with says(
        "pad_sequences: 0.5 in sequence 1, step 2, would be 0 as int32. For numbers that are no "
        "ids: dtype='float32'."
    ):
        pad([[1.0, 2.0], [1.0, 3.0, 0.5]], maxlen=2)
    assert pad([[1.0, 2.0]]).dtype == np.int32


@pytest.mark.parametrize(
    ("sequences", "options", "text"),
    [
        (5, {}, "pad_sequences: expected a list of sequences, got int."),
        ([[1], 2], {}, "pad_sequences: expected a list of sequences, got int as sequence 1."),
        (
            [[[1, 2]], [[3]]],
            {},
            "pad_sequences: sequence 1 has steps of shape (1,), the first (2,)",
        ),
        ([[1]], {"padding": "past"}, "pad_sequences: unknown padding 'past'; did you mean 'post'?"),
        (
            [[1]],
            {"truncating": "x"},
            "pad_sequences: unknown truncating 'x'; Known are: post, pre.",
        ),
        ([[1]], {"value": "-"}, "pad_sequences: value='-' is text, dtype='int32' is not."),
    ],
)
def test_pad_sequences_says(sequences, options, text):
    with says(text):
        pad(sequences, **options)


def test_to_categorical_of_any_form():
    to_categorical = keras.utils.to_categorical
    assert to_categorical(torch.tensor([[2], [0]])).tolist() == [[0, 0, 1], [1, 0, 0]]
    rows = to_categorical(keras.Ragged.from_list([[0, 1], [], [1]]))
    assert [part.tolist() for part in rows] == [[[1, 0], [0, 1]], [], [[0, 1]]]
    with says(
        "to_categorical: class -1 in sequence 0, step 1 is none of 3. Steps without a label: leave "
        "them out, as Ragged, or use sparse_categorical_crossentropy with ignore_class."
    ):
        to_categorical([[2, -1]])
    with says("to_categorical: class 3 in sequence 1 is none of 3. Give num_classes=4."):
        to_categorical([0, 3], 3)
