"""Keras's shapes: `build(shape)`, `compute_output_shape`, `compute_output_spec`, Input's batch."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad.core.spec import Spec

from ..messages import says

LAYERS = {
    "Dense": (lambda: keras.layers.Dense(4), (2, 3), (2, 4)),
    "Dense of steps": (lambda: keras.layers.Dense(4), (None, None, 3), (None, None, 4)),
    "LSTM": (lambda: keras.layers.LSTM(4), (2, 5, 3), (2, 4)),
    "LSTM of steps": (lambda: keras.layers.LSTM(4, return_sequences=True), (2, 5, 3), (2, 5, 4)),
    "Conv1D": (lambda: keras.layers.Conv1D(4, 3), (2, 5, 3), (2, 3, 4)),
    "Embedding": (lambda: keras.layers.Embedding(9, 4), (2, 5), (2, 5, 4)),
    "Dropout": (lambda: keras.layers.Dropout(0.5), (2, 5), (2, 5)),
    "Bidirectional": (
        lambda: keras.layers.Bidirectional(keras.layers.GRU(4)), (None, 5, 3), (None, 8),
    ),
    "BatchNormalization": (lambda: keras.layers.BatchNormalization(), (2, 3), (2, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_built_for_a_shape(name):
    """As by its first call, and it is called then as one that was."""
    make, shape, out = LAYERS[name]
    layer, called = make(), make()
    assert layer.compute_output_shape(shape) == out
    assert not layer.built
    layer.build(shape)
    assert layer.built
    x = torch.ones(*[n or 2 for n in shape])
    x = x.long() if name == "Embedding" else x
    called(x)
    assert [tuple(w.shape) for w in layer.weights] == [tuple(w.shape) for w in called.weights]
    assert tuple(layer(x).shape) == tuple(n or 2 for n in out)
    assert layer.compute_output_shape(list(shape)) == out


def test_layers_of_several_inputs():
    layer = keras.layers.Concatenate()
    layer.build([(2, 3), (2, 5)])
    assert layer.compute_output_shape([(2, 3), (2, 5)]) == (2, 8)
    attention = keras.layers.MultiHeadAttention(2, 4)
    attention.build((None, 5, 3), (None, 6, 3))
    assert attention.compute_output_shape((2, 5, 3), (2, 6, 3)) == (2, 5, 3)


def test_a_layer_of_ones_own_builds_what_it_holds():
    class Two(keras.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = keras.layers.Dense(4), keras.layers.Dense(2)

        def build(self, input_shape):
            self.first.build(input_shape)
            self.second.build((*input_shape[:-1], 4))
            super().build(tuple(input_shape))

        def call(self, x):
            return self.second(self.first(x))

    for layer in (Two(), Two()):
        if layer.built:
            continue
        layer.build((None, 3))
        assert layer.first.built
        assert layer.second.kernel.shape == (4, 2)
        assert layer(torch.ones(2, 3)).shape == (2, 2)
    fresh = Two()
    assert fresh(Ragged.from_list([torch.ones(2, 3)])).feature == (2,)


def test_the_spec_of_what_would_come():
    layer = keras.layers.Dense(4)
    symbol = keras.Input((None, 3), ragged=True)
    found = layer.compute_output_spec(symbol)
    assert found.spec == Spec((4,), True)
    assert found.node is None
    assert not layer.built
    assert layer.compute_output_spec(torch.ones(2, 3)).shape == (None, 4)


def test_refusals_are_the_layers_own():
    with says("LSTM: expected "):
        keras.layers.LSTM(4).build((2,))
    layer = keras.layers.Dense(4)
    layer.build((None, 3))
    with says("Dense: built for 3 features, got (batch, 5)."):
        layer.compute_output_shape((None, 5))


def test_the_batch_of_an_input():
    x = keras.Input(batch_shape=(2, None, 3))
    assert x.shape == (2, None, 3)
    assert x.again().shape == (2, None, 3)
    assert keras.Input((3,), batch_size=4).shape == (4, 3)
    assert keras.Input((3,)).shape == (None, 3)
    model = keras.Model(x, keras.layers.LSTM(2)(x))
    assert model(torch.ones(5, 4, 3)).shape == (5, 2)  # a batch of another size works
    with says("Input: batch_shape is the whole shape, with the batch, got (2, 3) beside"):
        keras.Input((3,), batch_shape=(2, 3))


def test_an_input_by_its_other_name():
    model = keras.Sequential([keras.layers.InputLayer((None, 3)), keras.layers.LSTM(2)])
    assert model.built
    assert model(torch.ones(5, 4, 3)).shape == (5, 2)
    assert keras.models.model_from_json(model.to_json()).to_json() == model.to_json()


def test_shapes_by_the_arguments_that_they_are_of():
    """Keras names the shape of `query` `query_shape`, to `build` and to `compute_output_shape`."""
    heads = keras.layers.MultiHeadAttention(2, 3)
    heads.build(query_shape=(None, 4, 5), value_shape=(None, 6, 7))
    assert heads.built
    assert heads.compute_output_shape((2, 4, 5), (2, 6, 7), None) == (2, 4, 5)
    said = keras.layers.Dense(3).compute_output_shape(input_shape=(2, 5))
    assert said == (2, 3)


def test_a_table_is_made_without_a_shape():
    for kind in (keras.layers.Embedding, keras.layers.ReversibleEmbedding):
        layer = kind(4, 2)
        layer.build()
        assert layer.built and layer.embeddings.shape == (4, 2)
    table = np.arange(8.0).reshape(4, 2)
    assert keras.layers.Embedding(4, 2, weights=[table]).embeddings.tolist() == table.tolist()


def test_keras_tensor_is_a_symbol_of_a_shape():
    """`keras.KerasTensor(shape, dtype)`, as `compute_output_spec` is asked with in Keras."""
    tensor = keras.KerasTensor((None, 4), "float64", name="x")
    assert (tensor.shape, tensor.dtype, tensor.name) == ((None, 4), torch.float64, "x")
    assert isinstance(keras.Input((3,)), keras.KerasTensor)
    found = keras.layers.Dense(3).compute_output_spec(keras.KerasTensor((None, 4)))
    assert isinstance(found, keras.KerasTensor) and found.shape == (None, 3)
    assert keras.ops.exp(keras.KerasTensor((None, 7, 4))).shape == (None, 7, 4)
    with pytest.raises(ValueError, match="KerasTensor: expected shape"):
        keras.KerasTensor((None, -1))


def test_the_size_of_an_input_may_be_numpys():
    longest = np.array([3, 7, 5]).max()
    assert keras.Input((longest, 4), sparse=False).shape == (None, 7, 4)
    for size in (np.float64(7), np.int64(-1), True):
        with says("Input: expected shape as a tuple of sizes, as (None,) for ids, or "):
            keras.Input((size,))
    with says("Input: sparse=True is not supported. Leave it out."):
        keras.Input((3,), sparse=True)
