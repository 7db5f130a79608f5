"""Strings into a model: `keras.Input((1,), dtype="string")` before a text layer, as in Keras."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged, layers

from ..messages import says

TEXTS = ["the cat sat", "a dog", "", "the dog sat down é"]
Y = np.array([[0.0], [1.0], [0.0], [1.0]], "float32")


def vectorizer(**options):
    layer = layers.TextVectorization(**options)
    layer.adapt(TEXTS)
    return layer


def classifier(vectorize, shape=(1,)):
    texts = keras.Input(shape, dtype="string", name="texts")
    steps = layers.Embedding(20, 4, mask_zero=True)(vectorize(texts))
    return keras.Model(texts, layers.Dense(1)(layers.LSTM(3)(steps)))


@pytest.mark.parametrize("shape", [(), (1,)])
@pytest.mark.parametrize("length", [None, 6])
def test_a_model_of_texts_is_that_of_their_ids(shape, length):
    vectorize = vectorizer(output_sequence_length=length)
    model = classifier(vectorize, shape)
    assert model.inputs[0].shape == (None, *shape)
    found = model.predict(TEXTS, verbose=0)
    rest = keras.Sequential(model.layers[2:])
    np.testing.assert_allclose(found, rest.predict(vectorize(TEXTS), verbose=0), rtol=1e-6)
    for form in (np.array(TEXTS), np.array(TEXTS, object)[:, None], [[text] for text in TEXTS]):
        np.testing.assert_array_equal(model.predict(form, verbose=0), found)
    np.testing.assert_allclose(model(TEXTS).detach(), found, rtol=1e-6)
    np.testing.assert_allclose(model.predict(TEXTS[1:2], verbose=0), found[1:2], rtol=1e-6)


def test_it_is_trained_from_memory_and_from_batches():
    vectorize = vectorizer()
    first, second = classifier(vectorize), classifier(vectorize)
    second.set_weights(first.get_weights())
    for model in (first, second):
        model.compile(keras.optimizers.SGD(0.1), "mse")
    first.fit(np.array(TEXTS), Y, batch_size=2, epochs=2, shuffle=False, verbose=0)
    cut = [(TEXTS[:2], Y[:2]), (np.array(TEXTS[2:])[:, None], Y[2:])]
    second.fit(lambda: iter(cut), epochs=2, verbose=0)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert first.evaluate(TEXTS, Y, verbose=0) == pytest.approx(second.evaluate(cut, verbose=0))


@pytest.mark.parametrize("ending", ["keras", "safetensors"])
def test_it_is_saved_with_its_words(tmp_path, ending):
    model = classifier(vectorizer())
    model.save(tmp_path / f"m.{ending}")
    again = keras.models.load_model(tmp_path / f"m.{ending}")
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))


def test_in_sequential_within_a_layer_and_beside_numbers():
    vectorize = vectorizer(output_mode="multi_hot")
    start = keras.Input((1,), dtype="string")
    chain = keras.Sequential([start, vectorize, layers.Dense(2)])
    assert chain(TEXTS).shape == chain.predict(TEXTS, verbose=0).shape == (4, 2)

    class Reads(layers.Layer):
        def __init__(self):
            super().__init__()
            self.words = vectorize

        def call(self, texts):
            return self.words(texts)

    texts, tone = keras.Input((1,), dtype="string", name="a"), keras.Input((3,), name="b")
    joined = layers.Concatenate()([Reads()(texts), tone])
    model = keras.Model({"a": texts, "b": tone}, joined)
    out = model.predict({"a": TEXTS, "b": np.ones((4, 3))}, verbose=0)
    np.testing.assert_array_equal(out[:, :-3], vectorize(TEXTS))


def test_tokens_by_a_lookup():
    lookup = layers.StringLookup(vocabulary=["cat", "dog"])
    tokens = keras.Input((None,), dtype="string")
    model = keras.Model(tokens, layers.Embedding(5, 3)(lookup(tokens)))
    rows = [["cat", "?"], [], ["dog"]]
    found = model.predict(rows, verbose=0)
    assert [len(row) for row in found] == [2, 0, 1]
    one = keras.Input((1,), dtype="string")
    assert keras.Model(one, lookup(one)).predict(["dog", "x"], verbose=0).tolist() == [[2], [0]]


def test_several_texts_a_row():
    """As keras.io's recommendations have them: the films of a sequence, by their names."""
    lookup = layers.StringLookup(vocabulary=["cat", "döög", "é"])
    films = keras.Input((3,), dtype="string", name="films")
    model = keras.Model(films, layers.Embedding(5, 2)(lookup(films)))
    assert films.shape == (None, 3) and model.outputs[0].shape == (None, 3, 2)
    rows = [["cat", "", "döög"], ["?", "é", "cat"], ["", "", ""]]
    want = layers.Embedding(5, 2, weights=model.get_weights())(lookup(np.array(rows))).detach()
    for form in (rows, np.array(rows), np.array(rows, object), np.array(rows).tolist()):
        np.testing.assert_array_equal(model.predict(form, verbose=0), want)
    np.testing.assert_array_equal(model(rows).detach(), want)
    again = keras.Model.from_config(model.get_config())
    assert again.inputs[0].shape == (None, 3)
    closed = layers.StringLookup(vocabulary=["cat", "dog"], num_oov_indices=0)
    of_known = keras.Model(films, closed(films))
    assert of_known.predict([["dog", "cat", "cat"]], verbose=0).tolist() == [[1, 0, 0]]
    with says("StringLookup: 'x' in place 1 is not in the vocabulary, and num_oov_indices is 0."):
        of_known.predict([["dog", "x", "cat"]], verbose=0)
    with says("Input 'films': expected 3 texts a row, got 2 in row 1."):
        model.predict([rows[0], ["a", "b"]], verbose=0)
    with says("Input 'films': expected 3 texts a row, got 1 in row 0."):
        model.predict(["a", "b"], verbose=0)
    assert model.predict(np.zeros((0, 3), "U1"), verbose=0).shape == (0, 3, 2)


def test_sequential_that_begins_with_texts_needs_no_input():
    """keras.io's model for inference: a vectorizer before a model that is trained."""
    vectorize = vectorizer(output_mode="multi_hot")
    trained = keras.Sequential([keras.Input((8,)), layers.Dense(2)])
    model = keras.Sequential([vectorize, trained])
    want = trained.predict(vectorize(TEXTS), verbose=0)
    for form in (TEXTS, np.array(TEXTS), np.array(TEXTS, object)[:, None]):
        np.testing.assert_allclose(model.predict(form, verbose=0), want, rtol=1e-6)
    np.testing.assert_allclose(model(TEXTS).detach(), want, rtol=1e-6)
    model.compile("sgd", "mse")
    model.fit(np.array(TEXTS), np.zeros((4, 2)), verbose=0)
    tokens = keras.Sequential([layers.StringLookup(vocabulary=["cat"]), layers.Embedding(3, 2)])
    assert [len(r) for r in tokens.predict([["cat", "?"], [], ["cat"]], verbose=0)] == [2, 0, 1]
    with says("TextVectorization: takes strings, and got (batch, 3)."):
        keras.Sequential([vectorizer()]).predict(np.ones((2, 3)), verbose=0)


def test_what_takes_numbers_is_told():
    texts = keras.Input((1,), dtype="string", name="texts")
    for layer in (layers.Embedding(5, 3), layers.Discretization([1.0])):
        with says(f"{layer.who}: Input 'texts' is of texts, and it takes numbers. Put a layer"):
            layer(texts)
    with says("Dense: Input 'texts' is of texts, and it takes numbers."):
        keras.Sequential([texts, layers.Dense(2)])
    with says(
        "Input: expected shape as (1,) or () for one text a row, (3,) for three, (None,) for"
    ):
        keras.Input((3, 4), dtype="string")
    with says("TextVectorization: takes strings, and got (batch, 3). Texts come into a model by"):
        vectorizer()(keras.Input((3,)))
    model = classifier(vectorizer())
    with says("Input 'texts': expected texts, got"):
        model.predict(keras.Ragged.from_list([np.ones((2, 1))]), verbose=0)
    with says("Input 'texts': expected strings, got ndarray."):
        model.predict(np.ones((2, 1)), verbose=0)


def test_hashes_within_a_model(tmp_path):
    """The ids that the layers give by themselves; trained on, saved, one text alone."""
    texts = np.array([["a"], ["bb"], ["ccc"], [""]])
    for options in ({}, {"mask_value": ""}, {"salt": [3, 4]}, {"output_mode": "one_hot"}):
        alone = layers.Hashing(10, **options)
        start = keras.Input((1,), dtype="string")
        ids = layers.Hashing(10, **options)(start)
        want = alone(texts)
        assert ids.shape[1:] == want.shape[1:]
        assert ids.dtype == want.dtype
        model = keras.Model(start, ids)
        assert np.array_equal(model.predict(texts, verbose=0), want)
        assert np.array_equal(model.predict(texts[1:2], verbose=0), want[1:2])
    start = keras.Input((1,), dtype="string")
    model = keras.Model(
        start, layers.Dense(1)(layers.Flatten()(layers.Embedding(10, 4)(layers.Hashing(10)(start))))
    )
    model.compile("adam", "mse")
    model.fit(texts, np.ones((4, 1)), verbose=0)
    want = model.predict(texts, verbose=0)
    model.save(tmp_path / "hashed.keras")
    again = keras.saving.load_model(tmp_path / "hashed.keras")
    assert np.array_equal(again.predict(texts, verbose=0), want)


def test_hashes_of_sequences_of_texts():
    tokens = keras.Input((None,), dtype="string")
    model = keras.Model(tokens, layers.Hashing(10)(tokens))
    batch = [["a", "bb"], [], ["ccc"]]
    found = model.predict(batch, verbose=0)
    assert [list(ids) for ids in found] == [ids.tolist() for ids in layers.Hashing(10)(batch)]
    whole = keras.Sequential([layers.Hashing(10), layers.Embedding(10, 4)])
    assert whole.predict(np.array([["a", "b"], ["bb", "c"]]), verbose=0).shape == (2, 2, 4)


def test_bytes_that_are_numbers_are_hashed_as_numbers():
    codes = Ragged.from_list([np.array([3, 4], np.uint8), np.array([7], np.uint8)])
    by_number = layers.Hashing(10)(codes.to(dtype=torch.int64))
    found = layers.Hashing(10)(codes)
    assert found.to_list()[0].tolist() == by_number.to_list()[0].tolist()


def test_crossings_within_a_model():
    a, b, n = (keras.Input((1,), dtype=kind) for kind in ("string", "string", "int64"))
    texts, numbers = np.array([["a"], ["bb"], ["c"]]), np.array([[3], [4], [3]])
    crossed = layers.HashedCrossing(20)((a, b))
    assert crossed.shape == (None, 1)
    with_number = layers.HashedCrossing(20, output_mode="one_hot")([a, n])
    model = keras.Model([a, b, n], [crossed, with_number])
    ids, vectors = model.predict([texts, texts[::-1], numbers], verbose=0)
    assert np.array_equal(ids, layers.HashedCrossing(20)((texts, texts[::-1])))
    assert np.array_equal(
        vectors, layers.HashedCrossing(20, output_mode="one_hot")([texts, numbers])
    )
    with says("HashedCrossing: expected two features or more, each (batch,) or (batch, 1), got "):
        layers.HashedCrossing(20)([a, keras.Input((None,), dtype="string")])
