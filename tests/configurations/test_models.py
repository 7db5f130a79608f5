"""Law 8 of models: through JSON and back the same bits, once the weights are loaded."""

import copy
import json

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad import layers as L
from unpad.models import clone_model, model_from_config, model_from_json
from unpad.saving import custom_object_scope, deserialize_keras_object, serialize_keras_object
from unpad.serialization import read

from ..messages import says

WORDS = torch.tensor([[3, 5, 0], [1, 0, 0], [0, 0, 0], [2, 4, 6]])
CAPS = torch.tensor([[1.0, 0.5], [0.0, 1.0], [0.0, 0.0], [2.0, 1.0]])


def tagger():
    return keras.Sequential(
        [
            keras.Input((None,), name="words"),
            L.Embedding(9, 4, mask_zero=True),
            L.Bidirectional(L.LSTM(3, return_sequences=True, dropout=0.25, seed=3)),
            L.Dense(5, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.5)),
        ],
        name="tagger",
    )


def without_an_input():
    return keras.Sequential([L.Embedding(9, 4, mask_zero=True), L.GRU(3), L.Dense(2)])


def shared():
    words, others = keras.Input((None,), name="words"), keras.Input((None,), name="others")
    embed, walk = L.Embedding(9, 4, mask_zero=True), L.LSTM(3)
    a, b = walk(embed(words)), walk(embed(others))
    return keras.Model([words, others], L.Dense(1)(L.Concatenate()([a, b, a * b - 1])))


def several():
    words, caps = keras.Input((None,), name="words"), keras.Input((2,), name="caps")
    h = L.Embedding(9, 4, mask_zero=True)(words)
    h = L.Add()([h, L.Dense(4)(caps)])
    tags, kind = L.Dense(3, name="tags")(h), L.Dense(2, name="kind")(L.GlobalMaxPooling1D()(h))
    return keras.Model({"words": words, "caps": caps}, {"tags": tags, "kind": kind}, name="two")


def nested():
    words = keras.Input((None,))
    return keras.Model(words, L.Dense(2)(keras.Sequential([tagger(), L.LSTM(2)])(words)))


def states():
    words = keras.Input((None,))
    h, *state = L.GRU(4, return_sequences=True, return_state=True)(L.Embedding(9, 4)(words))
    out = L.GRU(4)(h, initial_state=state)
    return keras.Model(words, torch.tanh(out[:, 1:3]) @ torch.ones(2, 2) / 2)


def attended():
    words, others = keras.Input((None,)), keras.Input((None,))
    embed = L.Embedding(9, 4, mask_zero=True)
    a, b = embed(words), embed(others)
    h = L.MultiHeadAttention(2, 3)(a, b)
    return keras.Model([words, others], [L.RepeatVector(like=a)(L.LSTM(2)(h)), h])


class Own(keras.Model):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.words, self.walk = L.Embedding(9, size, mask_zero=True), L.LSTM(size)

    def call(self, inputs):
        return self.walk(self.words(inputs))


class Scale(L.Layer):
    def __init__(self, by, inner=None, **kwargs):
        super().__init__(**kwargs)
        self.by, self.inner = by, inner

    def call(self, x):
        return x * self.by

    def get_config(self):
        config = {"by": self.by, "inner": keras.layers.serialize(self.inner)}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config):
        config["inner"] = keras.layers.deserialize(config["inner"])
        return cls(**config)


def with_own_layer():
    return keras.Sequential([keras.Input((2,)), Scale(3.0, L.Dense(2)), L.Dense(1)])


MODELS = {
    "tagger": (tagger, WORDS),
    "without an input": (without_an_input, WORDS),
    "shared": (shared, [WORDS, WORDS.flip(0)]),
    "several": (several, {"words": WORDS, "caps": CAPS}),
    "nested": (nested, WORDS),
    "states": (states, WORDS),
    "attended": (attended, [WORDS, WORDS.flip(0)]),
    "own": (lambda: Own(3, name="mine"), WORDS),
    "own layer": (with_own_layer, CAPS),
}
OWN = {"Own": Own, "Scale": Scale}


def values(outputs):
    if isinstance(outputs, dict):
        outputs = [outputs[name] for name in sorted(outputs)]
    parts = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return [p.values if isinstance(p, Ragged) else p for p in parts]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_what_its_file_says(name):
    make, inputs = MODELS[name]
    model = make().eval()
    before = values(model(inputs))
    text = model.to_json()
    again = model_from_json(text, custom_objects=OWN).eval()
    assert type(again) is type(model)
    assert again.to_json() == text
    again(inputs)
    again.load_state_dict(model.state_dict())
    for a, b in zip(before, values(again(inputs)), strict=True):
        assert torch.equal(a, b)
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


@pytest.mark.parametrize("name", MODELS)
def test_a_clone_shares_nothing(name):
    make, inputs = MODELS[name]
    model = make()
    model(inputs)
    clone = clone_model(model)
    clone(inputs)
    mine = {id(w) for w in model.parameters()}
    assert mine.isdisjoint(map(id, clone.parameters()))
    assert len(list(clone.parameters())) == len(mine)


def test_a_clone_of_other_layers():
    def dropped(layer):
        return L.Dropout(0.5) if layer.name == "dense" else layer

    model = clone_model(tagger(), clone_function=dropped)
    assert isinstance(model.layers[-1], L.Dropout)
    graph = clone_model(shared(), clone_function=copy.deepcopy)
    assert len(graph.layers) == len(shared().layers)


def with_noise(layer, *inputs, **options):
    out = layer(*inputs, **options)
    return L.GaussianNoise(0.1)(out) if isinstance(layer, L.Dense) else out


def test_a_clone_whose_calls_draw_more():
    x = keras.Input((3,))
    first = L.Dense(4)
    model = keras.Model(x, L.Dense(2)(first(x)) * 2)
    noisy = clone_model(model, clone_function=lambda layer: layer, call_function=with_noise)
    kinds = [type(layer).__name__ for layer in noisy.layers]
    assert kinds == ["InputLayer", *["Dense", "GaussianNoise"] * 2]
    batch = torch.randn(5, 3)
    assert noisy.layers[1] is first and torch.equal(noisy.eval()(batch), model(batch))
    with says("clone_model: expected model as a graph for call_function, got "):
        clone_model(keras.Sequential([L.Dense(2)]), call_function=with_noise)


@pytest.mark.parametrize("recursive", [False, True])
def test_a_clone_goes_into_models_within(recursive):
    x = keras.Input((3,))
    inner = keras.Model(x, keras.Sequential([keras.Input((3,)), L.Dense(3)])(L.Dense(3)(x)))
    model = keras.Sequential([keras.Input((3,)), inner, L.Dense(1)])
    met = []

    def fresh(layer):
        met.append(type(layer).__name__)
        return type(layer).from_config(layer.get_config())

    clone = clone_model(model, clone_function=fresh, recursive=recursive)
    assert sorted(met) == (["Dense"] * 3 if recursive else ["Dense", "Functional"])
    clone.set_weights(model.get_weights())
    batch = torch.randn(5, 3)
    assert torch.equal(clone(batch), model(batch))


def test_a_clone_of_other_inputs():
    a, b = keras.Input((3,)), keras.Input((3,))
    model = keras.Model({"a": a, "b": b}, L.Dense(2)(a + b))
    again = clone_model(model, {"b": keras.Input((3,)), "a": keras.Input((3,), name="first")})
    assert list(again.input) == ["a", "b"] and again.input["a"].name == "first"
    with says("Functional: expected input_tensors as symbols in the form of its inputs, got "):
        clone_model(model, keras.Input((3,)))
    chain = keras.Sequential([keras.Input((3,)), L.Dense(2)])
    chain = clone_model(chain, keras.Input((None, 3), name="steps"))
    assert chain.input.name == "steps" and chain.output.shape == (None, None, 2)
    with says("Sequential: expected input_tensors as the symbol of its input, got [1]."):
        clone_model(chain, [1])


def test_what_is_set_later_is_written():
    model = tagger()
    model.layers[-1].activation = torch.sigmoid
    again = model_from_json(model.to_json())
    assert again.layers[-1].activation is torch.sigmoid


def test_own_classes_by_decorator_scope_and_table():
    data = json.loads(with_own_layer().to_json())
    with says("deserialize: unknown class_name 'Scale'; A class of your own: custom_objects="):
        model_from_config(data)
    with custom_object_scope(OWN):
        assert model_from_config(data).layers[0].by == 3.0

    @keras.saving.register_keras_serializable(package="tests", name="Double")
    class Twice(L.Layer):
        def call(self, x):
            return x * 2

    written = serialize_keras_object(Twice(name="t"))
    assert written["registered_name"] == "tests>Double"
    assert type(deserialize_keras_object(written)) is Twice
    assert keras.saving.get_registered_name(Twice) == "tests>Double"
    assert keras.saving.get_registered_object("tests>Double") is Twice


class Missing(keras.Model):
    def __init__(self, size):
        super().__init__()
        self.walk = L.LSTM(len(size))


def test_what_cannot_be_written_is_named_with_the_way_out():
    for layer, text in (
        (L.Dense(2, activation=lambda x: x), "Dense: its argument activation: function <function"),
        (L.TorchModule(torch.nn.Linear(2, 2)), "TorchModule: its argument module: Linear"),
        (L.Lambda(lambda x: x), "Lambda: its argument function: function <function"),
        (
            L.Dense(2, kernel_regularizer=lambda w: w.sum()),
            "Dense: its argument kernel_regularizer",
        ),
    ):
        with says(text, TypeError):
            keras.Sequential([keras.Input((2,)), layer]).to_json()
    with pytest.raises(TypeError, match=r" cannot be written into a file\. Give it a name: def"):
        serialize_keras_object(L.Lambda(lambda x: x))
    with says("Missing: its argument size is no attribute of it. Keep it", NotImplementedError):
        Missing({1, 2}).to_json()


def changed(model, change):
    data = json.loads(model.to_json())
    change(data["config"])
    return data


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda c: c["layers"][1].update(class_name="Embeding"),
            "deserialize: unknown class_name 'Embeding'; did you mean 'Embedding' or",
        ),
        (
            lambda c: c["layers"][1]["config"].update(unitz=3),
            "Embedding: config: unknown argument 'unitz'",
        ),
        (
            lambda c: c["layers"][1]["config"].update(output_dim="3"),
            "Embedding: expected output_dim as a positive integer, got '3'.",
        ),
        (
            lambda c: c["layers"][1].update(config=[3]),
            "deserialize: Embedding: expected config as a dict of its arguments, got [3].",
        ),
        (
            lambda c: c["layers"][-1]["config"].update(activation="softmin"),
            "Dense: unknown activation 'softmin'; did you mean",
        ),
        (
            lambda c: c["layers"][0]["config"].update(batch_shape=3),
            "Input: expected batch_shape as a list of sizes, got 3.",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_told(change, text):
    with says(text):
        model_from_json(json.dumps(changed(tagger(), change)))


def test_a_graph_that_is_none_is_told():
    def cut(config):
        config["layers"][2]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = ["x", 0, 0]

    with says("Functional: config: layer 'embedding' needs what no layer in it gives."):
        model_from_config(changed(shared(), cut))
    with says("Functional: config: ['x', 0, 0] is the output of no layer in it."):
        model_from_config(changed(shared(), lambda c: c.update(output_layers=["x", 0, 0])))


def test_what_is_no_data_is_told():
    with says("model_from_json: this is no JSON: "):
        model_from_json("{")
    with says("model_from_json: expected json_string as what model.to_json() gives, got 3."):
        model_from_json(3)
    with says('model_from_json: expected data as a dict with "class_name" and "config"'):
        model_from_json("[]")
    with says("clone_model: expected model as a model, got 3."):
        clone_model(3)
    with (
        says("custom_object_scope: expected custom_objects as a dict of classes"),
        (
            custom_object_scope(3)  # pyright: ignore
        ),
    ):
        pass


def test_nothing_outside_of_the_tables_is_reached():
    for module, name in (("os", "system"), ("builtins", "eval"), ("unpad.config", "deserialize")):
        data = {"module": module, "class_name": name, "config": {}, "registered_name": None}
        with pytest.raises(ValueError, match=f"unknown class_name '{name}'"):
            deserialize_keras_object(data)
    for name in ("eval", "torch.load", "os.system", "get"):
        data = {"module": "builtins", "class_name": "function", "config": name}
        with says(f"deserialize: unknown function '{name}'."):
            deserialize_keras_object(data)


def test_arrays_tuples_slices_and_types_come_back():
    table = np.arange(6, dtype="float32").reshape(3, 2)
    layer = L.Embedding(3, 2, embeddings_initializer=keras.initializers.Constant(table))
    again = deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(layer))))
    again(torch.tensor([[0]]))
    assert torch.equal(again.embeddings.detach(), torch.tensor(table))
    data = {"a": (1, (2, None)), "b": slice(1, None, 2), "c": ..., "d": torch.float64}
    text = json.dumps(serialize_keras_object(data))
    assert read(json.loads(text)) == {**data, "d": "float64"}


def root_of_mean_square(y_true, y_pred):
    return keras.ops.sqrt(keras.ops.mean(keras.ops.square(y_pred - y_true), axis=-1))


def test_a_function_of_ones_own_is_written_by_its_name(tmp_path):
    model = keras.Sequential([keras.Input((2,)), L.Dense(1)])
    model.compile("sgd", loss=root_of_mean_square, metrics=[root_of_mean_square])
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="unknown function 'root_of_mean_square'"):
        keras.saving.load_model(tmp_path / "model.keras")
    own = {"root_of_mean_square": root_of_mean_square}
    again = keras.saving.load_model(tmp_path / "model.keras", custom_objects=own)
    for m in (model, again):
        m.fit(np.ones((4, 2)), np.zeros((4, 1)), verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(a, b)
