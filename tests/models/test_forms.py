"""Dicts and lists of lists into layers and models of one's own, as Keras lets people write them."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged, layers

X = {
    "words": [np.full((n, 4), n, "float32") for n in (3, 1, 2, 4)],
    "tone": np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3),
}
Y = np.array([[0.0], [1.0], [0.0], [1.0]], "float32")


@keras.saving.register_keras_serializable("forms")
class Both(layers.Layer):
    """Of a sequence and of a row beside it, by their names."""

    def __init__(self, **options):
        super().__init__(**options)
        self.read, self.heard = layers.LSTM(5), layers.Dense(5)

    def call(self, inputs):
        read, heard = self.read(inputs["words"]), self.heard(inputs["tone"])
        return {"sum": read + heard, "difference": read - heard}


class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.both, self.last = Both(), layers.Dense(1)

    def call(self, inputs):
        assert sorted(inputs) == ["tone", "words"]
        return self.last(self.both(inputs)["sum"])


def batch():
    return {"words": Ragged.from_list(X["words"]), "tone": torch.tensor(X["tone"])}


def test_a_layer_takes_a_dict_and_gives_one():
    layer = Both()
    out = layer(batch())
    assert list(out) == ["sum", "difference"] and out["sum"].shape == (4, 5)
    assert layer.read.built and layer.heard.built
    again = layer(dict(reversed(batch().items())))
    assert torch.equal(again["sum"], out["sum"])


def test_nested_structures_are_taken_as_they_are():
    class Nested(layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight("scale", (shape["a"][1][-1],), "ones")

        def call(self, inputs):
            first, second = inputs["a"]
            return (first + inputs["b"]["c"], second * self.scale)

    a, b = torch.ones(2, 3), torch.full((2, 4), 2.0)
    first, second = Nested()({"a": (a, b), "b": {"c": a}})
    assert torch.equal(first, 2 * a) and torch.equal(second, b)


def test_in_a_graph_which_is_saved(tmp_path):
    words, tone = keras.Input((None, 4), name="words"), keras.Input((3,), name="tone")
    out = Both()({"words": words, "tone": tone})
    assert list(out) == ["sum", "difference"]
    model = keras.Model({"words": words, "tone": tone}, out)
    there = model.predict(X, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras").predict(X, verbose=0)
    assert list(there) == list(again) == ["sum", "difference"]
    for name in there:
        np.testing.assert_array_equal(there[name], again[name])


def test_a_model_of_ones_own_is_trained_on_a_dict():
    model = Model()
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["mae"])
    history = model.fit(X, Y, batch_size=2, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    whole = model.predict(X, verbose=0)
    assert whole.shape == (4, 1)
    alone = model.predict({name: part[1:2] for name, part in X.items()}, verbose=0)
    np.testing.assert_allclose(alone[0], whole[1], rtol=1e-6)
    assert model.evaluate(X, Y, verbose=0)[0] == pytest.approx(((whole - Y) ** 2).mean(), rel=1e-5)
    from_batches = model.evaluate([(X, Y)], verbose=0)
    assert from_batches == pytest.approx(model.evaluate(X, Y, verbose=0))


def test_its_outputs_in_a_dict_have_losses_by_name():
    class Two(keras.Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(1), layers.Dense(1)

        def call(self, inputs):
            return {"low": self.a(inputs["tone"]), "high": self.b(inputs["tone"])}

        def train_step(self, data):
            x, y = data
            assert sorted(x) == ["tone"] and sorted(y) == ["high", "low"]
            return super().train_step(data)

    model = Two()
    model.compile("sgd", {"low": "mse", "high": "mae"}, metrics={"high": ["mse"]})
    x, y = {"tone": X["tone"]}, {"low": Y, "high": 1 - Y}
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert set(history) == {"loss", "low_loss", "high_loss", "high_mse"}
    assert list(model.predict(x, verbose=0)) == ["low", "high"]


def test_what_is_missing_is_told():
    model = Model()
    model.predict(X, verbose=0)
    with pytest.raises(ValueError, match="predict: x: input 'tone' is missing"):
        model.predict({"words": X["words"]}, verbose=0)
    with pytest.raises(TypeError, match="expected a Ragged or a tensor, got dict"):
        layers.Dense(3)({"a": torch.ones(2, 3)})
