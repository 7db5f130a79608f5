"""Dataset: elements, steps, batches, epochs."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad.data import Dataset

from ..messages import says


def numbers(dataset):
    return [int(n) for n in dataset]


def test_steps_go_on_where_the_last_ended():
    ten = Dataset.range(10)
    assert numbers(ten.filter(lambda n: n % 2).map(lambda n: n * n).skip(1).take(2)) == [9, 25]
    assert numbers(ten.take(2).concatenate(ten.skip(8)).repeat(2)) == [0, 1, 8, 9] * 2
    assert [(i, int(n)) for i, n in ten.take(2).enumerate(5)] == [(5, 0), (6, 1)]
    assert numbers(ten.batch(4).unbatch()) == list(range(10))
    assert [len(b) for b in ten.batch(4, drop_remainder=True)] == [4, 4]
    counts = (len(ten.batch(4)), len(ten.batch(4, True)), ten.filter(bool).cardinality())
    assert counts == (3, 2, -2)


def test_elements_of_tuples_and_dicts():
    data = Dataset.from_tensor_slices(({"a": [[1, 2], [3]], "b": np.ones((2, 3))}, [0, 1]))
    x, y = next(iter(data.batch(2)))
    assert x["a"].lengths.tolist() == [2, 1]
    assert x["b"].shape == (2, 3)
    assert y.tolist() == [0, 1]
    pairs = Dataset.zip((Dataset.range(3), Dataset.range(5, 9)))
    assert [(int(a), int(b)) for a, b in pairs] == [(0, 5), (1, 6), (2, 7)]
    texts = Dataset.from_tensor_slices(["a b", "c"]).batch(2)
    assert next(texts.as_numpy_iterator()).tolist() == ["a b", "c"]


def test_an_order_is_drawn_anew_each_epoch_and_follows_from_the_seed():
    def orders(**options):
        data = Dataset.range(20).shuffle(20, seed=3, **options)
        return [numbers(data) for _ in range(2)]

    first, second = orders()
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert orders() == [first, second]
    same, again = orders(reshuffle_each_iteration=False)
    assert same == again == first


def test_repeated_without_end_is_drawn_anew_each_time_and_follows_from_the_epoch():
    data = Dataset.range(5).shuffle(5, seed=3).repeat()
    first, second = (numbers(data.take(15)) for _ in range(2))
    assert first == second  # each a chain of its own, from its first epoch on
    assert sorted(first[:5]) == sorted(first[5:10]) == list(range(5))
    assert first[:5] != first[5:10] != first[10:]
    some = data.take(15)
    assert [numbers(some) for _ in range(2)] != [first, first]
    some.set_epoch(0)
    assert numbers(some) == first
    assert data.batch(2).filter(bool).cardinality() == -1
    with pytest.raises(TypeError, match="never end"):
        len(data)


def model_that_notes():
    """Learns nothing, and notes what it is given in training."""

    class Noting(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = []

        def call(self, x, training=False):
            self.seen += [int(n) for n in x[:, 0]] if training else []
            return x

    noting = Noting()
    model = keras.Sequential([keras.Input((1,)), noting, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((1, 1)), np.ones((1, 1)), verbose=0)
    noting.seen.clear()
    return model, noting.seen


def test_a_fit_goes_through_it_by_epochs_and_the_next_fit_goes_on():
    def rows():
        x = np.arange(6.0)[:, None]
        return Dataset.from_tensor_slices((x, x)).shuffle(6, seed=2).batch(6)

    model, seen = model_that_notes()
    model.fit(rows(), epochs=4, verbose=0)
    orders, _ = list(seen), seen.clear()
    assert len({tuple(orders[i : i + 6]) for i in range(0, 24, 6)}) > 2
    data = rows()
    for _ in range(4):
        model.fit(data, verbose=0)
    assert seen == orders
    seen.clear()
    data = rows()
    model.fit(data, epochs=2, verbose=0)
    model.evaluate(rows(), verbose=0)
    model.fit(data, initial_epoch=2, epochs=4, verbose=0)
    assert seen == orders
    seen.clear()
    model.fit(rows, epochs=2, verbose=0)  # a function that makes one
    assert seen == orders[:12]
    with pytest.raises(ValueError, match=r"never ends\. Say how many .* steps_per_epoch=\.\.\."):
        model.fit(rows().repeat(), verbose=0)


def test_a_generators_numbers_are_of_the_types_that_are_said():
    rows = [([1, 2], {"name": "a", "weight": 1}), ([3], {"name": "b", "weight": 2})]
    types = ("int32", {"name": "string", "weight": torch.float64})
    (x, y), _ = Dataset.from_generator(lambda: iter(rows), output_types=types, output_shapes=None)
    assert (x.dtype, x.tolist(), y["name"]) == (torch.int32, [1, 2], "a")
    assert y["weight"].dtype is torch.float64
    counted = Dataset.from_generator(lambda n: iter(range(n)), "float32", args=(3,))
    assert torch.stack(list(counted)).tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="from_generator: output_types"):
        list(Dataset.from_generator(lambda: iter([1]), "float31"))


def test_a_cache_reads_once():
    read = []
    data = Dataset.from_generator(lambda: (read.append(n) or n for n in range(3))).cache()
    assert [list(data), list(data), read] == [[0, 1, 2]] * 3


@pytest.mark.parametrize("name", ["batch", "padded_batch"])
def test_a_model_trains_on_batches(name):
    data = Dataset.from_tensor_slices(([[1, 2, 3], [4], [5, 6]], [0, 1, 0]))
    layers = [keras.layers.Embedding(9, 4), keras.layers.LSTM(4), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    batches = getattr(data.shuffle(3), name)(2)
    assert len(model.fit(batches, epochs=2, verbose=0).history["loss"]) == 2


def test_what_is_wrong_is_refused():
    with pytest.raises(ValueError, match=r"arrays of \[1, 2\] rows"):
        Dataset.from_tensor_slices(([1], [1, 2]))
    with pytest.raises(AttributeError, match=r"Dataset\.interleave: not here"):
        _ = Dataset.range(3).interleave
    with pytest.raises(ValueError, match="filename"):
        Dataset.range(3).cache("file")
    with pytest.raises(TypeError, match="not known before the end"):
        len(Dataset.from_generator(lambda: iter([torch.ones(1)])))


@pytest.mark.parametrize("given", [None, 3, torch.tensor(3), np.float32(3)])
def test_slices_of_what_has_no_rows_are_refused(given):
    with says("from_tensor_slices: expected tensors as arrays, lists or a Ragged, with rows, got "):
        keras.data.Dataset.from_tensor_slices(({"a": np.ones((3, 2)), "b": given}, np.ones(3)))
