"""`.h5`, the format of Keras before 3, as Keras 3.15.1 still writes it: models go on training."""

import re

import keras
import numpy as np
import pytest
from test_keras_files import COMPILED, X, alike, fitted, several, tagger
from test_weights_files import held, same

import unpad
from unpad.saving import OtherModel, WrongFormat

# Keras makes arrays of its variables in numpy 1's way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def told(text, kind):
    return pytest.raises(kind, match=re.escape(text))


# Keras gives two of its Adafactor's arrays one name, which its own writer refuses.
@pytest.mark.parametrize("name", [n for n in COMPILED if n != "Adafactor"])
def test_training_goes_on(name, tmp_path):
    theirs, y = tagger(keras)
    theirs.compile(**COMPILED[name](keras))
    fitted(theirs, X, y)
    theirs.save(tmp_path / "a.h5")
    ours = unpad.saving.load_model(tmp_path / "a.h5")
    same(ours, theirs, X)
    for model in (ours, theirs):
        fitted(model, X, y)
    alike(ours, theirs)


def test_several_inputs_and_outputs_shared_nested_and_arithmetic(tmp_path):
    theirs, y = several(keras)
    x = {"words": X, "size": np.ones((3, 2))}
    theirs.compile("adam", {"a": "mse", "c": "mae"}, loss_weights={"a": 0.5, "c": 1.0})
    fitted(theirs, x, y)
    theirs.save(tmp_path / "a.h5")
    ours = unpad.saving.load_model(tmp_path / "a.h5")
    for model in (theirs, ours):
        fitted(model, x, y)
    same(ours, theirs, x)
    alike(ours, theirs)


def test_what_a_class_of_one_s_own_holds(tmp_path):
    """A layer of one's own stands by its name: its weights lie in Keras's order."""
    x = np.array([[1, 2, 3], [4, 5, 6]])
    theirs, ours = (keras.Sequential([held(keras).inner]), unpad.Sequential([held(unpad).inner]))
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    for model in (theirs, ours):
        model.predict(x, verbose=0)
    theirs.save(tmp_path / "a.h5")
    ours.load_weights(tmp_path / "a.h5")
    same(ours, theirs, x)


def test_by_name(tmp_path):
    """Layers whose names the file has are given its weights, whatever stands between them."""

    def model(k, names):
        return k.Sequential([k.Input((3,)), *[k.layers.Dense(3, name=n) for n in names]])

    theirs, ours = model(keras, ["a", "b", "c"]), model(unpad, ["c", "new", "a"])
    theirs.save(tmp_path / "a.h5")
    new = ours.get_layer("new").get_weights()
    ours.load_weights(tmp_path / "a.h5", by_name=True)
    for name in ("a", "c"):
        for a, b in zip(
            ours.get_layer(name).get_weights(), theirs.get_layer(name).weights, strict=True
        ):
            assert np.array_equal(a, b.value.detach())
    for a, b in zip(ours.get_layer("new").get_weights(), new, strict=True):
        assert np.array_equal(a, b)
    other = model(unpad, ["x"])
    with told("no layer has a name of the file's: a, b, c.", OtherModel):
        other.load_weights(tmp_path / "a.h5", by_name=True)
    with told("expected weights of 1 layers (x), the file has those of 3", OtherModel):
        other.load_weights(tmp_path / "a.h5")


def test_skip_mismatch(tmp_path):
    def model(k, size):
        return k.Sequential([
            k.Input((3,)), k.layers.Dense(4, name="a"), k.layers.Dense(size, name="b"),
        ])  # fmt: skip

    theirs, ours = model(keras, 2), model(unpad, 5)
    theirs.save(tmp_path / "a.h5")
    before = ours.get_weights()
    with told("a.h5: b: expected weight 0 as (4, 5), the file has (4, 2).", OtherModel):
        ours.load_weights(tmp_path / "a.h5")
    for a, b in zip(ours.get_weights(), before, strict=True):
        assert np.array_equal(a, b)
    for by_name in (False, True):
        with pytest.warns(UserWarning, match=r"b: expected weight 0 as \(4, 5\)"):
            ours.load_weights(tmp_path / "a.h5", skip_mismatch=True, by_name=by_name)
        assert np.array_equal(ours.get_weights()[0], theirs.layers[0].kernel.value.detach())


def test_names_are_not_looked_for_in_newer_files(tmp_path):
    ours = unpad.Sequential([unpad.Input((3,)), unpad.layers.Dense(2)])
    ours.save_weights(tmp_path / "a.weights.h5")
    with told("its weights are found by their place in the model.", WrongFormat):
        ours.load_weights(tmp_path / "a.weights.h5", by_name=True)
