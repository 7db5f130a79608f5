"""Data sets of TensorFlow's: of a small stand-in, and of TensorFlow where it is installed."""

import importlib.util

import numpy as np
import pytest
import torch

import unpad as keras
from unpad.data.source.tensors import read_out

L = keras.layers
IDS = [[3, 4, 5], [6, 7], [8], [1, 2, 3, 4]]
TAGS = [[1, 0, 1], [0, 0], [1], [0, 1, 0, 1]]


def of_tensorflow(kind):
    """As the class of TensorFlow's of this name: told by its module, which is not imported."""
    kind.__module__ = "tensorflow.python.framework"
    return kind


@of_tensorflow
class Tensor:
    def __init__(self, values):
        self.values = np.asarray(values)

    def numpy(self):
        return self.values


@of_tensorflow
class RaggedTensor:
    def __init__(self, rows):
        deep = any(isinstance(x, list) for row in rows for x in row)
        flat = [x for row in rows for x in row]
        self.values = RaggedTensor(flat) if deep else Tensor(flat)
        self.row_splits = Tensor(np.cumsum([0, *map(len, rows)]))


@of_tensorflow
class SparseTensor:
    pass


@of_tensorflow
class BatchDataset:
    element_spec = None

    def __init__(self, batches, count=None):
        self.batches, self.count = batches, len(batches) if count is None else count

    def cardinality(self):
        return Tensor(self.count).numpy()

    def __iter__(self):
        while True:
            yield from self.batches
            if self.count != -1:
                return


def padded(rows):
    return Tensor([row + [0] * (4 - len(row)) for row in rows])


def tagger():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [L.Embedding(9, 4, mask_zero=True), L.LSTM(4, return_sequences=True), L.Dense(2)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    return model


def test_ragged_and_padded_batches_train_as_lists_do():
    ragged = BatchDataset([(RaggedTensor(IDS[i : i + 2]), RaggedTensor(TAGS[i : i + 2]))
                           for i in (0, 2)])  # fmt: skip
    grids = BatchDataset([(padded(IDS[i : i + 2]), padded(TAGS[i : i + 2])) for i in (0, 2)])
    found = []
    for data in (ragged, grids, [(IDS[i : i + 2], TAGS[i : i + 2]) for i in (0, 2)]):
        model = tagger()
        losses = model.fit(data, epochs=3, verbose=0).history["loss"]
        found.append((losses, model.evaluate(data, verbose=0)))
    np.testing.assert_allclose(found[0][0], found[2][0])
    np.testing.assert_allclose(found[1][0], found[2][0])
    np.testing.assert_allclose(found[0][1], found[2][1])


def test_predictions_of_ragged_batches():
    data = BatchDataset([RaggedTensor(IDS)])
    assert [len(p) for p in tagger().predict(data, verbose=0)] == [3, 2, 1, 4]
    assert len(tagger().predict(RaggedTensor(IDS), verbose=0)[1]) == 2


def test_several_inputs_by_name_and_data_without_an_end():
    words, row = keras.Input((None,), name="words"), keras.Input((2,), name="row")
    h = L.GRU(3)(L.Embedding(9, 3, mask_zero=True)(words))
    model = keras.Model([words, row], L.Dense(1)(L.Concatenate()([h, row])))
    model.compile("sgd", "mse")
    batch = {"words": RaggedTensor(IDS), "row": Tensor(np.ones((4, 2)))}, Tensor(np.ones((4, 1)))
    assert len(model.fit(BatchDataset([batch]), epochs=2, verbose=0).history["loss"]) == 2
    endless = BatchDataset([batch], -1)
    assert model.fit(endless, steps_per_epoch=3, verbose=0).history["loss"]
    with pytest.raises(ValueError, match=r"fit: the BatchDataset .*steps_per_epoch"):
        model.fit(endless, verbose=0)


def test_layers_learn_from_it():
    texts = BatchDataset([Tensor(np.array([b"the cat", b"a cat"], dtype=object))])
    words = L.TextVectorization()
    words.adapt(texts)
    assert words.get_vocabulary()[2] == "cat"
    scale = L.Normalization()
    scale.adapt(BatchDataset([Tensor([[1.0], [3.0]])]))
    assert float(scale.mean) == 2


def test_what_tensors_hold():
    deep = read_out(RaggedTensor([[[1, 2], [3]], [[4]]]))
    assert deep.levels == 2 and deep.lengths.tolist() == [2, 1]
    assert read_out(RaggedTensor([["a"], ["b", "c"], []])) == [["a"], ["b", "c"], []]
    assert read_out(RaggedTensor([["a"], []])) == [["a"], []]
    assert read_out(Tensor(np.array([[b"a"]], dtype=object))).tolist() == [["a"]]
    assert read_out({"a": [torch.ones(1), 2]}) == {"a": [torch.ones(1), 2]}
    with pytest.raises(ValueError, match="batch 0 of epoch 1: expected tensors, got a SparseTen"):
        tagger().fit(BatchDataset([(SparseTensor(), Tensor([1]))]), verbose=0)


@pytest.mark.skipif(not importlib.util.find_spec("tensorflow"), reason="needs TensorFlow")
def test_tensorflow_itself():
    import tensorflow as tf

    given = tf.ragged.constant(IDS), tf.ragged.constant(TAGS)
    ragged = tf.data.Dataset.from_tensor_slices(given).batch(2)
    grids = tf.data.Dataset.from_generator(
        lambda: zip(IDS, TAGS, strict=True),
        output_signature=(tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None,), tf.int32)),
    ).padded_batch(2)
    found = []
    for data in (ragged, grids, [(IDS[i : i + 2], TAGS[i : i + 2]) for i in (0, 2)]):
        model = tagger()
        losses = model.fit(data, epochs=2, verbose=0).history["loss"]
        found.append((losses, model.evaluate(data, verbose=0)))
    for losses, numbers in found[:2]:
        np.testing.assert_allclose(losses, found[2][0])
        np.testing.assert_allclose(numbers, found[2][1])
    predicted = tagger().predict(ragged.map(lambda x, y: x), verbose=0)
    assert [len(p) for p in predicted] == [3, 2, 1, 4]
    words = L.TextVectorization()
    words.adapt(tf.data.Dataset.from_tensor_slices(["the cat", "a cat"]).batch(2))
    assert words.get_vocabulary()[2] == "cat"
    assert read_out(tf.ragged.constant([[[1, 2], [3]], [[4]]])).levels == 2
