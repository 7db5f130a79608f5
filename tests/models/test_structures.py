"""Inputs and outputs in lists, tuples and dicts: what is given, what comes out, what is saved."""

from collections import namedtuple

import numpy as np
import pytest

import unpad as keras

from ..messages import says

Both = namedtuple("Both", ["tags", "score"])


def drawn():
    words, extra = keras.Input((None,), name="words"), keras.Input((2,), name="extra")
    steps = keras.layers.Embedding(9, 4, mask_zero=True)(words)
    tags, last = keras.layers.Dense(3, name="tags")(steps), keras.layers.LSTM(4)(steps)
    score = keras.layers.Dense(1, name="score")(keras.layers.Concatenate()([last, extra]))
    return words, extra, tags, score


X = {"text": np.array([[3, 4, 0], [5, 0, 0]]), "more": (np.ones((2, 2), "float32"),)}
Y = {"steps": [np.ones((2, 3, 3))], "whole": np.ones((2, 1))}


def nested():
    words, extra, tags, score = drawn()
    inputs, outputs = {"text": words, "more": (extra,)}, {"steps": [tags], "whole": score}
    return keras.Model(inputs, outputs)


def test_a_model_takes_and_gives_what_it_was_drawn_with():
    model = nested()
    out = model.predict({"more": X["more"], "text": X["text"]}, verbose=0)
    assert out["steps"][0].shape == (2, 3, 3)
    assert out["whole"].shape == (2, 1)
    assert model.output_names == ["steps/tags", "whole"]
    model.compile("sgd", {"steps": ["mse"], "whole": "mae"}, metrics={"whole": ["mse"]})
    logs = model.fit(X, Y, epochs=1, verbose=0).history
    assert list(logs) == ["loss", "steps/tags_loss", "whole_loss", "whole_mse"]


def test_a_form_goes_through_a_file(tmp_path):
    model = nested()
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    a, b = (m.predict(X, verbose=0) for m in (model, again))
    np.testing.assert_array_equal(a["steps"][0], b["steps"][0])


@pytest.mark.parametrize("form", [tuple, list, lambda parts: Both(*parts)])
def test_a_tuple_stays_one(form):
    words, extra, tags, score = drawn()
    model = keras.Model([words, extra], form([tags, score]))
    found = model.predict([X["text"], X["more"][0]], verbose=0)
    assert type(found) is type(form([tags, score]))


def test_a_list_of_one_output_is_that_output():
    words, _, tags, _ = drawn()
    model = keras.Model(words, [tags])
    assert model.predict(X["text"], verbose=0).shape == (2, 3, 3)


def test_targets_may_be_those_of_the_only_output_with_a_loss():
    words, extra, tags, score = drawn()
    model = keras.Model([words, extra], [tags, score])
    model.compile("sgd", [None, "mse"])
    found = model.evaluate([X["text"], X["more"][0]], np.ones((2, 1)), 2, 0, return_dict=True)
    assert list(found) == ["loss", "score_loss"]


def test_another_form_is_refused():
    with says("predict: x: unknown input 'texts'"):
        nested().predict({"texts": X["text"], "more": X["more"]}, verbose=0)
