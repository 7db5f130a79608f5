"""`.keras` with classes and functions of one's own, models in models, and what is only here."""

import importlib
import inspect
import json
import zipfile

import keras
import numpy as np
import pytest
import torch
from drawn_cases import shaken
from test_weights_files import same
from tests.cases import CASES
from tests.formats.graphs import tensors

import unpad
from unpad.models.keras_operations import CALLED_WITH, HOMES

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
X = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 1]])


# --- registered, in both libraries under one name -------------------------------------------------


def registered(k):
    """A layer with a layer inside, a function, a loss and a metric of one's own."""
    register = k.saving.register_keras_serializable

    @register("of_one_s_own")
    class Gated(k.layers.Layer):
        def __init__(self, inner, power=1, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.power = inner, power

        def build(self, input_shape):
            self.gate = self.add_weight(name="gate", shape=(input_shape[-1],), initializer="ones")
            self.inner.build(input_shape)

        def call(self, x):
            return self.inner(x * self.gate**self.power)

        def get_config(self):
            inner = k.saving.serialize_keras_object(self.inner)
            return {**super().get_config(), "inner": inner, "power": self.power}

        @classmethod
        def from_config(cls, config):
            inner = k.saving.deserialize_keras_object(config.pop("inner"))
            return cls(inner, **config)

    @register("of_one_s_own", name="halved")
    def activation(x):
        return x / 2

    @register("of_one_s_own", name="error")
    def loss(y_true, y_pred):
        return k.ops.mean(k.ops.square(y_true - y_pred), axis=-1)

    @register("of_one_s_own")
    class Largest(k.metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            return super().update_state(k.ops.max(y_pred, axis=-1))

    return Gated, activation, loss, Largest


@pytest.fixture(scope="module")
def own():
    return {k: registered(k) for k in (keras, unpad)}


def of_own_classes(k, own):
    gated, activation, loss, largest = own[k]
    model = k.Sequential([
        k.Input((None,)), k.layers.Embedding(9, 4), gated(k.layers.Dense(3), power=2),
        k.layers.GRU(3, activation=activation), k.layers.Dense(2),
    ])  # fmt: skip
    model.compile("adam", loss, metrics=[largest()])
    return model


def fitted(model):
    model.fit(X, np.ones((3, 2)), epochs=2, verbose=0, shuffle=False)
    return model


def test_registered_classes_go_both_ways(own, tmp_path):
    """No `custom_objects`: each library finds its own class by the name in the file."""
    theirs = fitted(shaken(of_own_classes(keras, own)))
    theirs.save(tmp_path / "a.keras")
    ours = unpad.saving.load_model(tmp_path / "a.keras")
    same(ours, theirs, X)
    same(fitted(ours), fitted(theirs), X)
    ours.save(tmp_path / "b.keras")
    back = keras.models.load_model(tmp_path / "b.keras")
    same(ours, back, X)
    want = back.evaluate(X, np.ones((3, 2)), verbose=0)
    assert ours.evaluate(X, np.ones((3, 2)), verbose=0) == pytest.approx(want, 1e-5)


def test_custom_objects_and_a_scope(own, tmp_path):
    """Given by hand they are preferred, by a scope too."""
    theirs = shaken(of_own_classes(keras, own))
    theirs.save(tmp_path / "a.keras")
    kind, *_ = own[unpad]

    other = type("Gated", (kind,), {})  # another class of the same configuration
    given = {"of_one_s_own>Gated": other}
    ours = unpad.saving.load_model(tmp_path / "a.keras", custom_objects=given)
    assert type(ours.layers[1]) is other
    with unpad.saving.custom_object_scope(given):
        ours = unpad.saving.load_model(tmp_path / "a.keras")
    assert type(ours.layers[1]) is other
    same(ours, theirs, X)


# --- models in models -----------------------------------------------------------------------------


def nested(k):
    """A graph of two outputs, used twice, in a Sequential in a graph."""
    row = k.Input((4,))
    split = k.Model(row, [k.layers.Dense(2)(row), k.layers.Dense(2)(row)], name="split")
    head = k.Sequential([k.Input((4,)), k.layers.Dense(4), k.layers.Dense(4)], name="head")
    words = k.Input((None,), name="words")
    steps = k.layers.Embedding(9, 4)(words)
    walk = k.layers.Bidirectional(k.layers.LSTM(2))
    a, b = split(head(walk(steps)))
    c, _ = split(walk(steps * 2 + k.ops.tanh(steps)))
    return k.Model(words, {"sum": k.layers.Add()([a, c]), "b": b})


def test_models_in_models_go_both_ways(tmp_path):
    theirs = shaken(nested(keras))
    theirs.save(tmp_path / "a.keras")
    ours = unpad.saving.load_model(tmp_path / "a.keras")
    same(ours, theirs, X)
    assert len(ours.get_weights()) == len(theirs.get_weights())  # what is shared stands once
    shaken(ours, 3).save(tmp_path / "b.keras")
    same(ours, keras.models.load_model(tmp_path / "b.keras"), X)


def of_functions(k):
    words = k.Input((None,))
    x = k.layers.Embedding(9, 4)(words)
    ops = k.ops
    x = ops.where(ops.greater(x, 0.1), ops.leaky_relu(x, negative_slope=0.3), ops.clip(x, -1, 0.5))
    x = ops.concatenate([x, ops.square(x) + ops.sqrt(abs(x)), ops.softmax(x, axis=-1)], axis=-1)
    x = x - ops.mean(x, axis=-1, keepdims=True) + ops.logsumexp(x, axis=2, keepdims=True)
    row = k.layers.GRU(4)(ops.repeat(x, 2, axis=-1))
    return k.Model(words, ops.maximum(row, 0.2) / ops.expand_dims(ops.sum(row, axis=1), 1))


def test_functions_in_a_graph_go_both_ways(tmp_path):
    theirs = shaken(of_functions(keras))
    theirs.save(tmp_path / "a.keras")
    same(unpad.saving.load_model(tmp_path / "a.keras"), theirs, X)
    ours = shaken(of_functions(unpad), 3)
    ours.save(tmp_path / "b.keras")
    same(ours, keras.models.load_model(tmp_path / "b.keras"), X)
    again = unpad.saving.load_model(tmp_path / "b.keras")
    assert np.array_equal(again.predict(X, verbose=0), ours.predict(X, verbose=0))


def test_functions_are_written_as_keras_s_classes():
    """Each has a class in the module that is said, with the arguments that are not called with."""
    for module, names in HOMES.items():
        home = importlib.import_module(f"keras.src.ops.{module}")
        for name in names:
            kind = getattr(home, "".join(p[0].upper() + p[1:] for p in name.split("_")))
            ours = inspect.signature(getattr(unpad.ops, name)).parameters
            called = [n for n in ours if n in CALLED_WITH]
            assert called == [n for n in inspect.signature(kind.call).parameters if n != "self"]
            own = inspect.signature(kind.__init__).parameters
            assert set(ours) - set(called) <= set(own), name


# --- what it is trained with ----------------------------------------------------------------------


def compiled(k):
    words, size = k.Input((None,), name="words"), k.Input((2,), name="size")
    h = k.layers.GRU(3)(k.layers.Embedding(9, 4)(words))
    tag = k.layers.Dense(3, activation="softmax", name="tag")(h)
    much = k.layers.Dense(1, name="much")(k.layers.Concatenate()([h, size]))
    model = k.Model([words, size], {"tag": tag, "much": much})
    model.compile(
        k.optimizers.AdamW(0.02, weight_decay=0.1, clipvalue=0.5),
        {"tag": "sparse_categorical_crossentropy", "much": k.losses.LogCosh("sum")},
        loss_weights={"tag": 2.0, "much": 0.5},
        metrics={"tag": ["accuracy", k.metrics.SparseTopKCategoricalAccuracy(2, name="two")]},
        weighted_metrics={"much": [k.metrics.MeanSquaredError(name="square")]},
    )
    return model


def test_all_of_compile_s_arguments_come_along(tmp_path):
    """What `evaluate` says, by names, with weights, before and after more training."""
    x = [X, np.linspace(0, 1, 6).reshape(3, 2).astype("float32")]
    y = {"tag": np.array([0, 2, 1]), "much": np.array([[0.1], [2.0], [-1.0]])}
    weights = {"tag": np.array([1.0, 0.5, 2.0]), "much": np.array([0.1, 3.0, 1.0])}

    def says(model):
        return model.evaluate(x, y, sample_weight=weights, return_dict=True, verbose=0)

    def more(model):
        model.fit(x, y, sample_weight=weights, epochs=2, verbose=0, shuffle=False, batch_size=2)
        return says(model)

    theirs = shaken(compiled(keras))
    more(theirs)
    theirs.save(tmp_path / "a.keras")
    ours = unpad.saving.load_model(tmp_path / "a.keras")
    assert says(ours) == pytest.approx(says(theirs), 1e-5)
    assert more(ours) == pytest.approx(more(theirs), 1e-5)
    ours.save(tmp_path / "b.keras")
    back = keras.models.load_model(tmp_path / "b.keras")
    assert says(back) == pytest.approx(says(ours), 1e-5)
    assert more(back) == pytest.approx(more(ours), 1e-5)
    assert ours.optimizer.iterations == int(back.optimizer.iterations) == 12


# --- what is only here ----------------------------------------------------------------------------

#: A case of each layer that Keras has not.
ONLY_HERE = {
    case.layer: name for name, case in reversed(CASES.items())
    if not hasattr(keras.layers, case.layer) and case.layer not in ("MGUCell", "TorchModule")
}  # fmt: skip


@pytest.mark.parametrize("kind", ONLY_HERE)
def test_our_own_layers_stand_under_our_name(kind, tmp_path):
    """Keras says in its own words that it does not know the class; here it is the same model."""
    case = CASES[ONLY_HERE[kind]]
    inputs = [
        unpad.Input(what if kind == "rows" else (None,) if kind == "ids" else (None, *what))
        for kind, what in case.inputs
    ]
    layer = case.make(unpad)
    model = unpad.Model(inputs, case.run(layer, inputs))
    if kind in ("Grid", "Varlen"):  # which holds a torch module
        with pytest.raises(TypeError, match="cannot be written"):
            model.save(tmp_path / "a.keras")
        return
    shaken(model).save(tmp_path / "a.keras")
    text = zipfile.ZipFile(tmp_path / "a.keras").read("config.json")
    layers = json.loads(text)["config"]["layers"]
    assert {"unpad.layers"} == {e["module"] for e in layers if e["class_name"] == kind}
    with pytest.raises(TypeError, match=f"Could not locate class '{kind}'"):
        keras.models.load_model(tmp_path / "a.keras")
    again = unpad.saving.load_model(tmp_path / "a.keras")
    x = [b.to(dtype=torch.float32) if b.dtype == torch.float64 else b for b in case.batch()]
    for a, b in zip(tensors(again(*x)), tensors(model(*x)), strict=True):
        assert torch.equal(a, b)
