"""Layers written for grids, of one input and of several: their masks, and how wide they are."""

import numpy as np
import torch

import unpad as keras
from unpad import Ragged, ops

QUERY = Ragged.from_list([np.ones((3, 2)), np.ones((1, 2))])
OTHER = Ragged.from_list([np.ones((1, 2)), np.ones((4, 2))])
SEEN = {}


class Decoder(keras.layers.Layer):
    """As Keras's examples write it: the mask is that of the first input."""

    def call(self, inputs, encoder_outputs, mask=None):
        SEEN.update(inputs=inputs, other=encoder_outputs, mask=mask)
        return inputs + 1


class Both(keras.layers.Layer):
    """Asks for the masks by the names of the inputs."""

    def call(self, query, value, query_mask=None, value_mask=None):
        SEEN.update(query=query_mask, value=value_mask)
        return query


def test_the_first_input_s_mask_is_the_mask():
    out = Decoder()(QUERY, OTHER)
    assert out.lengths.tolist() == [3, 1] and out.values.eq(2).all()
    assert SEEN["mask"].tolist() == [[True] * 3 + [False], [True] + [False] * 3]
    assert SEEN["inputs"].shape == SEEN["other"].shape == (2, 4, 2)  # one beside the other


def test_an_input_by_its_name_is_laid_out_too():
    Decoder()(QUERY, encoder_outputs=OTHER)
    assert SEEN["other"].shape == (2, 4, 2) and SEEN["mask"].sum(1).tolist() == [3, 1]


def test_masks_by_the_names_of_the_inputs():
    out = Both()(QUERY, OTHER)
    assert out.lengths.tolist() == [3, 1]
    assert SEEN["query"].sum(1).tolist() == [3, 1] and SEEN["value"].sum(1).tolist() == [1, 4]


def test_grids_have_no_masks():
    grid = torch.ones(2, 3, 2)
    assert torch.equal(Decoder()(grid, grid), grid + 1)
    assert SEEN["mask"] is None


def test_a_mask_that_says_what_the_steps_say_is_taken():
    class Reads(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.embed = keras.layers.Embedding(9, 4, mask_zero=True)
            self.walk = keras.layers.GRU(3)

        def call(self, ids):
            return self.walk(self.embed(ids), mask=self.embed.compute_mask(ids))

    ids = torch.tensor([[3, 5, 0], [7, 0, 0]])
    layer = Reads()
    assert torch.equal(layer(ids), layer.walk(layer.embed(ids)))


def test_a_layer_may_halve_its_grid():
    class Halves(keras.layers.Layer):
        def call(self, inputs):
            return ops.split(inputs, 2, axis=1)

        def compute_mask(self, inputs, mask=None):
            return None if mask is None else ops.split(mask, 2, axis=1)

    left, right = Halves()(Ragged.from_list([np.ones((4, 2)), np.ones((1, 2))]))
    assert left.lengths.tolist() == [2, 1] and right.lengths.tolist() == [2, 0]


def test_keras_s_name_of_the_mask():
    assert QUERY._keras_mask.tolist() == QUERY.mask.tolist()
    words = keras.Input((None,), dtype="int32")
    h = keras.layers.Embedding(9, 4, mask_zero=True)(words)
    assert h._keras_mask is not None and keras.layers.GRU(2)(h)._keras_mask is None


def test_layers_may_be_set_before_the_constructor_has_run():
    class Early(keras.layers.Layer):
        def __init__(self):
            self.parts = [keras.layers.Dense(2), keras.layers.Dense(2)]
            self.last = keras.layers.Dense(1)
            assert len(self.parts) == 2
            super().__init__()

        def call(self, x):
            return self.last(self.parts[1](self.parts[0](x)))

    layer = Early()
    layer(torch.ones(2, 3))
    assert len(layer.trainable_weights) == 6
