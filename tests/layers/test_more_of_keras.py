"""Layers of Keras 3 that prepare numbers and words, wrap others, and pool by windows.

What hashes give is pinned: the numbers are those that Keras's documentation shows on TensorFlow.
"""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad.layers.text.siphash import siphash

from ..messages import says

L = keras.layers
WORDS = np.array([["A"], ["B"], ["C"], ["D"], ["E"]])


def test_hashes_are_keras_s():
    assert L.Hashing(3)(WORDS).flatten().tolist() == [1, 0, 1, 1, 2]
    assert L.Hashing(3)(WORDS.tolist()).flatten().tolist() == [1, 0, 1, 1, 2]
    assert L.Hashing(3, salt=[133, 137])(WORDS).flatten().tolist() == [1, 2, 1, 0, 2]
    assert L.Hashing(3, salt=133)(WORDS).flatten().tolist() == [0, 0, 2, 1, 0]
    assert L.Hashing(3)([0, 1, 2, 3, 4]).tolist() == [1, 0, 1, 0, 2]
    assert L.Hashing(3)(torch.tensor([[0, 1], [2, 3]])).tolist() == [[1, 0], [1, 0]]
    masked = L.Hashing(3, mask_value="")([["A"], ["B"], [""], ["C"], ["D"]])
    assert masked.flatten().tolist() == [1, 1, 0, 2, 2]
    assert L.Hashing(1)(WORDS).unique().tolist() == [0]


def test_siphash_is_that_of_its_paper():
    key = int.from_bytes(bytes(range(8)), "little"), int.from_bytes(bytes(range(8, 16)), "little")
    assert siphash(bytes(range(15)), key) == 0xA129CA6149BE45E5
    assert siphash(b"", key) == 0x726FDB47DD0E0E31


def test_hashed_sequences():
    ids = L.Hashing(3)([["A", "B", "C"], [], ["E"]])
    assert ids.lengths.tolist() == [3, 0, 1]
    assert ids.values.tolist() == [1, 0, 1, 2]
    vectors = L.Hashing(3, output_mode="count")([["A", "B", "C"], [], ["E"]])
    assert vectors.tolist() == [[1, 2, 0], [0, 0, 0], [0, 0, 1]]
    symbol = keras.Input((None,), dtype="int64", ragged=True)
    model = keras.Model(symbol, L.Hashing(5)(symbol))
    batch = Ragged.from_list([torch.tensor([7, 8]), torch.tensor([], dtype=torch.int64)])
    assert torch.equal(model(batch).values, L.Hashing(5)(batch).values)


def test_crossed_features_have_keras_s_numbers():
    letters, numbers = np.array(["A", "B", "A", "B", "A"]), np.array([101, 101, 101, 102, 102])
    assert L.HashedCrossing(5)([letters, numbers]).tolist() == [1, 4, 1, 1, 3]
    column = L.HashedCrossing(5)([letters[:, None], numbers[:, None]])
    assert column.tolist() == [[1], [4], [1], [1], [3]]
    rows = L.HashedCrossing(5, output_mode="one_hot")([letters, numbers])
    assert rows.argmax(-1).tolist() == [1, 4, 1, 1, 3]


def test_numbers_by_a_vocabulary():
    layer = L.IntegerLookup()
    layer.adapt([1, 1, 1, 2, 2, 3])
    assert layer.get_vocabulary() == [-1, 1, 2, 3]
    assert layer([1, 2, 4]).tolist() == [1, 2, 0]
    assert layer([[1, 2, 4], [2]]).to_list()[1].tolist() == [2]
    batch = Ragged.from_list([torch.tensor([3, 9]), torch.tensor([], dtype=torch.int64)])
    assert layer(batch).values.tolist() == [3, 0]
    several = L.IntegerLookup(vocabulary=[5, 6], num_oov_indices=2, mask_token=0)
    assert several([0, 7, 8, 5]).tolist() == [0, 2, 1, 3]
    weighed = L.IntegerLookup(output_mode="tf_idf")
    weighed.adapt([1, 1, 1, 2, 2, 3])
    np.testing.assert_allclose(weighed([1, 2, 4]), [1.133732, 0.916291, 1.098612, 0], rtol=1e-5)
    back = L.IntegerLookup(vocabulary=[5, 6], invert=True)
    assert back([1, 2, 0]).tolist() == [5, 6, -1]
    assert back(layer(batch)).values.tolist() == [-1, -1]


def test_a_vocabulary_of_numbers_in_a_model():
    symbol = keras.Input((None,), dtype="int64", ragged=True)
    ids = L.IntegerLookup(vocabulary=[5, 2])(symbol)
    model = keras.Model(symbol, L.Embedding(3, 4)(ids))
    out = model(Ragged.from_list([torch.tensor([2, 5, 9]), torch.tensor([], dtype=torch.int64)]))
    assert torch.equal(out.values, model.layers[-1].embeddings[[2, 1, 0]])
    again = keras.models.model_from_json(model.to_json())
    assert again.to_json() == model.to_json()


def test_bounds_are_learned():
    numbers = np.random.default_rng(0).random((40, 5))
    layer = L.Discretization(num_bins=4)
    layer.adapt(numbers)
    counts = np.bincount(layer(numbers).flatten().numpy())
    assert abs(counts - 50).max() < 6
    other = L.Discretization(num_bins=4)
    other.adapt(iter(np.split(numbers, 4)), steps=4)
    np.testing.assert_allclose(other.bin_boundaries, layer.bin_boundaries, atol=0.05)
    ragged = L.Discretization(num_bins=4)
    ragged.adapt(Ragged.from_list([numbers.reshape(-1)[:50], [], numbers.reshape(-1)[50:]]))
    np.testing.assert_allclose(ragged.bin_boundaries, layer.bin_boundaries, rtol=1e-6)
    made = L.Discretization.from_config(layer.get_config())
    assert made.bin_boundaries == layer.bin_boundaries
    fresh = L.Discretization(num_bins=4)
    fresh.load_state_dict(layer.state_dict())
    assert fresh.bin_boundaries == layer.bin_boundaries


def test_a_penalty_on_what_passes_trains():
    model = keras.Sequential([L.Dense(1, use_bias=False), L.ActivityRegularization(l2=1.0)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    x = np.ones((4, 1), "float32")
    model(x)
    model.layers[0].kernel.assign([[1.0]])
    model.fit(x, x, batch_size=4, verbose=0)
    # The loss is at its smallest; the penalty, 1/4 of four squares, pulls by 2.
    assert float(model.layers[0].kernel.detach()) == pytest.approx(0.8)


def test_the_way_back_of_a_table():
    layer = L.ReversibleEmbedding(5, 3)
    rows = layer(torch.tensor([[1, 4]]))
    torch.testing.assert_close(layer(rows, reverse=True), rows @ layer.embeddings.mT)
    assert len(layer.weights) == 1
    apart = L.ReversibleEmbedding(5, 3, tie_weights=False, logit_soft_cap=2.0)
    scores = apart(apart(Ragged.from_list([torch.tensor([1, 2]), torch.tensor([3])])), reverse=True)
    assert scores.feature == (5,)
    assert len(apart.weights) == 2
    assert scores.values.abs().max() < 2


def test_a_wrapper_of_ones_own():
    class Twice(L.Wrapper):
        def call(self, x):
            return self.layer(x) * 2

    layer = Twice(L.Dense(2))
    x = Ragged.from_list([torch.ones(2, 3), torch.ones(0, 3)])
    torch.testing.assert_close(layer(x).values, layer.layer(x).values * 2)
    assert len(layer.weights) == 2
    symbol = keras.Input((3,))
    assert layer(symbol).shape == (None, 2)


def test_spectral_normalization_only_trains():
    layer = L.SpectralNormalization(L.Dense(4), power_iterations=30)
    x = torch.ones(2, 3)
    layer(x, training=False)
    before = layer.kernel.detach().clone()
    layer(x, training=False)
    assert torch.equal(before, layer.kernel)
    layer(x, training=True)
    assert float(torch.linalg.matrix_norm(layer.kernel.detach(), 2)) == pytest.approx(1, abs=1e-4)
    assert layer.kernel is layer.layer.kernel
    assert [w.requires_grad for w in layer.weights] == [True, False, True]


SAYS = [
    (lambda: L.Hashing(3, salt="x"), "Hashing: expected salt as an integer or two, got 'x'."),
    (lambda: L.Hashing(3, dtype="float32"), "Hashing: expected dtype as int32 or int64 for ids"),
    (lambda: L.HashedCrossing(3)([np.ones((2, 2), int)] * 2),
     "HashedCrossing: expected two features or more, each (batch,) or (batch, 1), got ('batch', 2"),
    (lambda: L.HashedCrossing(3)(np.ones(2)), "HashedCrossing: expected a list of features, got o"),
    (lambda: L.IntegerLookup()([1]), "IntegerLookup: there is no vocabulary yet. Learn one, layer"),
    (lambda: L.IntegerLookup(vocabulary=[1], num_oov_indices=0)([1, 5]),
     "IntegerLookup: 5 in place 1 is not in the vocabulary, and num_oov_indices is 0."),
    (lambda: L.IntegerLookup(vocabulary=[1])(["a"]), "IntegerLookup: expected whole numbers, got "),
    (lambda: L.IntegerLookup(vocabulary_dtype="int8"), "IntegerLookup: expected vocabulary_dtype "),
    (lambda: L.Discretization(), "Discretization: expected bin_boundaries or num_bins, and not bo"),
    (lambda: L.Discretization([2.0, 1.0]), "Discretization: expected bin_boundaries that rise, go"),
    (lambda: L.Discretization(num_bins=2)(torch.ones(1)), "Discretization: there are no bounds ye"),
    (lambda: L.Discretization([1.0]).adapt([1.0]), "Discretization: adapt, but bin_boundaries wer"),
    (lambda: L.AdaptiveMaxPooling1D(0), "AdaptiveMaxPooling1D: expected output_size as an integer"),
    (lambda: L.Wrapper(3), "Wrapper: expected a layer, got int."),
    (lambda: L.Pipeline("ab"), "Pipeline: expected a list of layers, got 'ab'."),
    (lambda: L.SpectralNormalization(L.Dropout(0.5))(torch.ones(1, 2)),
     "SpectralNormalization: expected a layer with a kernel or embeddings, got Dropout."),
    (lambda: L.ReversibleEmbedding(5, 3)(torch.ones(2, 4), reverse=True),
     "ReversibleEmbedding: on the way back expected 3 features, got (batch, 4)."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "text"), SAYS, ids=[text[:30] for _, text in SAYS])
def test_what_it_says(call, text):
    with says(text):
        call()
