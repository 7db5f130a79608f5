"""`.keras`: Keras's files are loaded here, ours by Keras; both go on training."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tests.cases.recurrent as recurrent
import tests.cases.reshaping as reshaping
from drawn_cases import WRITTEN, data, drawn, parts, shaken
from test_weights_files import same

import unpad
from unpad.formats.mask_differences import LETS_GO

# Keras makes arrays of its variables in numpy 1's way.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Layer .* does not support masking:UserWarning"),
    pytest.mark.filterwarnings("ignore:load_model. .* masks, and in Keras:UserWarning"),
    pytest.mark.filterwarnings("ignore:(.|\n)*You are using a softmax over axis:UserWarning"),
]

#: What Keras's functions and classes of the cases are called there.
THEIRS = {"Minimal": recurrent.MinimalCell, "Counting": recurrent.CountingCell}
FUNCTIONS = {
    n: v for n, v in vars(reshaping).items()
    if callable(v) and getattr(v, "__module__", "") == reshaping.__name__
}  # fmt: skip
OURS = {kind.__name__: kind for kind in THEIRS.values()}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_case_goes_both_ways(name, tmp_path):
    path, back = tmp_path / "a.keras", tmp_path / "b.keras"
    theirs = shaken(drawn(keras, name))
    theirs.save(path)
    ours = unpad.saving.load_model(path, custom_objects={**THEIRS, **FUNCTIONS})
    same(ours, theirs, data(name))
    theirs.save(tmp_path / "a.h5")  # in the format of Keras 2
    older = unpad.saving.load_model(tmp_path / "a.h5", custom_objects={**THEIRS, **FUNCTIONS})
    for a, b in zip(older.get_weights(), ours.get_weights(), strict=True):
        assert np.array_equal(a, b)
    for a, b in zip(parts(older.predict(data(name))), parts(ours.predict(data(name))), strict=True):
        assert np.array_equal(a, b)
    ours = shaken(drawn(unpad, name), 2)
    ours.save(back)
    again = unpad.saving.load_model(back, custom_objects={**OURS, **FUNCTIONS})
    for a, b in zip(parts(again.predict(data(name))), parts(ours.predict(data(name))), strict=True):
        assert np.array_equal(a, b)
    if "own cell" in name:
        return  # of a class of unpad's
    same(ours, keras.models.load_model(back, custom_objects=FUNCTIONS), data(name))


X = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 1]])


def tagger(k):
    return k.Sequential([
        k.Input((None,)), k.layers.Embedding(9, 4), k.layers.LSTM(3, return_sequences=True),
        k.layers.BatchNormalization(), k.layers.Dense(2, activation="softmax"),
    ]), np.array([[0, 1, 1], [1, 0, 0], [1, 1, 0]])  # fmt: skip


def several(k):
    words, size = k.Input((None,), name="words"), k.Input((2,), name="size")
    embed, walk = k.layers.Embedding(9, 4), k.layers.GRU(3)
    inner = k.Sequential([k.Input((3,)), k.layers.Dense(3), k.layers.Dense(2)], name="inner")
    h = walk(embed(words) * 2 + 1)
    a, b = inner(h), inner(walk(embed(words)))
    c = k.layers.Dense(2, name="c")(k.layers.Concatenate()([a - b, size]))
    model = k.Model({"words": words, "size": size}, {"a": a, "c": c})
    y = {"a": np.ones((3, 2)), "c": np.zeros((3, 2))}
    return model, y


OPTIMIZERS = {
    "SGD": {"momentum": 0.9, "nesterov": True}, "Adam": {"amsgrad": True}, "AdamW": {},
    "Adamax": {}, "Nadam": {}, "RMSprop": {"momentum": 0.5, "centered": True}, "Adagrad": {},
    "Adadelta": {}, "Lion": {}, "Ftrl": {}, "Lamb": {}, "Adafactor": {}, "Muon": {},
}  # fmt: skip
COMPILED = {
    **{
        name: lambda k, name=name, o=options: {
            "optimizer": getattr(k.optimizers, name)(0.01, **o),
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
        }
        for name, options in OPTIMIZERS.items()
    },
    "a schedule, averages, clipping": lambda k: {
        "optimizer": k.optimizers.Adam(
            k.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), use_ema=True, clipnorm=1.0
        ),
        "loss": k.losses.SparseCategoricalCrossentropy(),
        "weighted_metrics": [k.metrics.SparseCategoricalAccuracy(name="right")],
    },
    "plain": lambda k: {"optimizer": "sgd", "loss": "sparse_categorical_crossentropy"},
}


def fitted(model, x, y, epochs=2):
    model.fit(x, y, epochs=epochs, verbose=0, shuffle=False, batch_size=2)


def alike(ours, theirs):
    for a, b in zip(ours.trainable_weights, theirs.trainable_weights, strict=True):
        b = getattr(b, "value", b)
        np.testing.assert_allclose(a.detach(), b.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", COMPILED)
def test_training_goes_on_in_the_other_library(name, tmp_path):
    """Optimiser's state, learning rate, losses and metrics: two epochs there, two here."""
    (theirs, y), (ours, _) = tagger(keras), tagger(unpad)
    for model, k in ((theirs, keras), (ours, unpad)):
        model.compile(**COMPILED[name](k))
    fitted(theirs, X, y)
    theirs.save(tmp_path / "a.keras")
    loaded = unpad.saving.load_model(tmp_path / "a.keras")
    same(loaded, theirs, X)
    fitted(loaded, X, y)
    loaded.save(tmp_path / "b.keras")
    fitted(theirs, X, y)
    alike(loaded, theirs)
    back = keras.models.load_model(tmp_path / "b.keras")
    same(loaded, back, X)
    fitted(back, X, y)
    fitted(loaded, X, y)
    alike(loaded, back)
    again = unpad.saving.load_model(tmp_path / "b.keras")
    fitted(again, X, y)
    alike(again, back)


def test_several_inputs_and_outputs_shared_and_nested(tmp_path):
    theirs, y = several(keras)
    x = {"words": X, "size": np.ones((3, 2))}
    theirs.compile("adam", {"a": "mse", "c": keras.losses.MeanAbsoluteError()},
                   loss_weights={"a": 0.5, "c": 1.0}, metrics={"a": ["mae"]})  # fmt: skip
    fitted(theirs, x, y)
    theirs.save(tmp_path / "a.keras")
    ours = unpad.saving.load_model(tmp_path / "a.keras")
    for model in (theirs, ours):
        fitted(model, x, y)
    same(ours, theirs, x)
    alike(ours, theirs)
    ours.save(tmp_path / "b.keras")
    back = keras.models.load_model(tmp_path / "b.keras")
    same(ours, back, x)


def scaled(k):
    @k.saving.register_keras_serializable(package="tests", name=f"Scaled{k.__name__}")
    class Scaled(k.Model):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)
            self.size = size
            self.embed, self.walk = k.layers.Embedding(9, size), k.layers.GRU(size)

        def call(self, inputs):
            return self.walk(self.embed(inputs))

        def get_config(self):
            return {**super().get_config(), "size": self.size}

    return Scaled


def test_a_class_of_one_s_own_is_built_from_the_file(tmp_path):
    theirs = scaled(keras)(3)
    theirs.predict(X, verbose=0)
    theirs.save(tmp_path / "a.keras")
    mine = scaled(unpad)
    own = {"Scaled": mine, "tests>Scaledkeras": mine}
    ours = unpad.saving.load_model(tmp_path / "a.keras", custom_objects=own)
    same(ours, theirs, X)
    ours.save(tmp_path / "b.keras")
    again = unpad.saving.load_model(tmp_path / "b.keras")
    assert np.array_equal(again.predict(X, verbose=0), ours.predict(X, verbose=0))
    assert again.size == 3
    with pytest.raises(unpad.saving.DamagedFile, match=r"config\.json: .*unknown class_name"):
        unpad.saving.load_model(tmp_path / "a.keras")


def test_without_an_input(tmp_path):
    theirs = keras.Sequential([keras.layers.Embedding(9, 4), keras.layers.LSTM(3)])
    theirs.predict(X, verbose=0)
    theirs.save(tmp_path / "a.keras")
    ours = unpad.saving.load_model(tmp_path / "a.keras")
    same(ours, theirs, X)
    fresh = unpad.Sequential([unpad.layers.Embedding(9, 4), unpad.layers.LSTM(3)])
    fresh.predict(X, verbose=0)
    fresh.save(tmp_path / "b.keras")
    same(fresh, keras.models.load_model(tmp_path / "b.keras"), X)


def test_what_keras_lets_go_is_said_once(tmp_path):
    model = keras.Sequential([
        keras.Input((None,)), keras.layers.Embedding(9, 4, mask_zero=True),
        keras.layers.GlobalMaxPooling1D(name="largest"),
    ])  # fmt: skip
    model.save(tmp_path / "a.keras")
    with pytest.warns(UserWarning, match="in Keras the mask is lost at 'largest', so that padding"):
        unpad.saving.load_model(tmp_path / "a.keras")


def test_our_own_layers_stand_under_our_name(tmp_path):
    model = unpad.Sequential([unpad.Input((None, 3)), unpad.layers.CRF()])
    model.save(tmp_path / "a.keras")
    text = zipfile.ZipFile(tmp_path / "a.keras").read("config.json")
    assert json.loads(text)["config"]["layers"][1]["module"] == "unpad.layers"
    with pytest.raises(TypeError, match="CRF"):
        keras.models.load_model(tmp_path / "a.keras")
    x = np.ones((2, 4, 3), "float32")
    again = unpad.saving.load_model(tmp_path / "a.keras")
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_the_layers_that_let_a_mask_go_are_those_of_the_page():
    page = Path(__file__).parents[2] / "docs/coming-from-keras.md"
    rows = page.read_text().partition("<!-- layers -->")[2].partition("<!-- end of layers")[0]
    found = set()
    for row in rows.splitlines():
        cells = [cell.strip() for cell in row.split("|")[1:4]]
        if len(cells) == 3 and (cells[1].startswith("drops it") or "leaks in" in cells[2]):
            found.add(cells[0].strip("`"))
    assert found == LETS_GO
