"""A class of one's own whose model is a graph is made again of its data, and of its file."""

import numpy as np
import pytest
import torch

import unpad as keras

L = keras.layers


class Scaled(keras.Model):
    """As Keras's example of masked words: a train_step of one's own, over a graph."""

    def train_step(self, data):
        x, y = data
        loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
        self.zero_grad()
        loss.backward()
        with torch.no_grad():
            self.optimizer.apply([w.grad for w in self.trainable_weights], self.trainable_weights)
        return {"loss": loss.detach()}


def scaled():
    words = keras.Input((None,), dtype="int32")
    return Scaled(words, L.Dense(2)(L.GRU(3)(L.Embedding(9, 4, mask_zero=True)(words))), name="s")


def test_it_is_made_of_its_data():
    again = Scaled.from_config(scaled().get_config())
    assert isinstance(again, Scaled) and again.name == "s" and len(again.layers) == 4


@pytest.mark.parametrize("name", ["s.keras"])
def test_it_comes_back_from_its_file(tmp_path, name):
    model = scaled()
    model.compile("sgd", "mse")
    x, y = np.array([[1, 2, 0], [3, 0, 0]]), np.ones((2, 2))
    model.fit(x, y, verbose=0)
    model.save(tmp_path / name)
    again = keras.models.load_model(tmp_path / name, custom_objects={"Scaled": Scaled})
    assert isinstance(again, Scaled)
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


def test_a_layer_inside_need_not_have_the_batch_in_front():
    class Nodes(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.relu = keras.layers.Activation("relu")

        def call(self, x):  # (nodes, batch, features)
            return self.relu(x[[2, 0, 1]])

    class Turns(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.nodes = Nodes()

        def call(self, x):
            return keras.ops.transpose(self.nodes(keras.ops.transpose(x, (1, 0, 2))), (1, 0, 2))

    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, Turns()(inputs))
    x = torch.arange(24.0).reshape(2, 3, 4)
    assert torch.equal(model(x), x[:, [2, 0, 1]])


class Times(keras.layers.Layer):
    """Nobody has registered it, and its constructor takes no name."""

    def __init__(self, factor=2):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {"factor": self.factor}


@pytest.mark.parametrize("again", ["graph", "chain"])
def test_a_layer_that_nobody_has_registered_is_made_by_its_name(again):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, Times(3)(inputs))
    if again == "chain":
        model = keras.Sequential([inputs, Times(3)])
    made = type(model).from_config(model.get_config(), custom_objects={"Times": Times})
    assert made(torch.ones(1, 4)).eq(3).all()
