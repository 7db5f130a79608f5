"""What a class of one's own stores in its own way: numbers, files, arguments."""

from pathlib import Path

import numpy as np
import pytest

import unpad as keras


@keras.saving.register_keras_serializable("own storing")
class Counting(keras.layers.Layer):
    """Counts its calls in an array, and keeps a note in a file."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.times = float(factor)  # no attribute of the argument's name
        self.calls, self.note = np.zeros(1), "nothing"

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, inputs):
        return inputs * self.scale * self.times

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["calls"] = self.calls

    def load_own_variables(self, store):
        super().load_own_variables(store)
        if store["calls"][0] < 0:
            raise ValueError("no number of calls")
        self.calls = np.array(store["calls"])

    def save_assets(self, folder):
        Path(folder, "notes").mkdir()
        Path(folder, "notes", "note.txt").write_text(self.note)

    def load_assets(self, folder):
        self.note = Path(folder, "notes", "note.txt").read_text()


def model():
    made = keras.Sequential([keras.Input((2,)), Counting(3), keras.layers.Dense(1)])
    made.layers[0].calls, made.layers[0].note = np.array([7.0]), "seven"
    made.layers[0].scale.assign(2.0)
    return made


def test_an_archive_holds_what_a_layer_says(tmp_path):
    model().save(tmp_path / "m.keras")
    layer = keras.saving.load_model(tmp_path / "m.keras").layers[0]
    found = layer.calls.tolist(), layer.note, layer.scale.numpy().item(), layer.times
    assert found == ([7.0], "seven", 2.0, 3.0)


@pytest.mark.parametrize("ending", ["weights.h5", "safetensors"])
def test_a_weights_file_holds_its_numbers(tmp_path, ending):
    model().save_weights(tmp_path / f"m.{ending}")
    other = model()
    other.layers[0].calls, other.layers[0].note = np.zeros(1), "nothing"
    other.load_weights(tmp_path / f"m.{ending}")
    assert (other.layers[0].calls.tolist(), other.layers[0].note) == ([7.0], "nothing")


def test_weights_come_out_of_an_archive(tmp_path):
    model().save(tmp_path / "m.keras")
    other = model()
    other.layers[0].scale.assign(0.0)
    other.load_weights(tmp_path / "m.keras")
    assert other.layers[0].scale.numpy() == 2.0


def test_what_a_layer_refuses_leaves_the_model_as_it_was(tmp_path):
    bad = model()
    bad.layers[0].calls = np.array([-1.0])
    bad.layers[1].kernel.assign(np.ones((2, 1)))
    bad.save_weights(tmp_path / "m.weights.h5")
    other = model()
    before = other.get_weights()
    with pytest.raises(ValueError, match="no number of calls"):
        other.load_weights(tmp_path / "m.weights.h5")
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_files_beside_weights_need_an_archive(tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.keras"):
        model().save(tmp_path / "m.safetensors")


def test_a_words_file_is_keras_s(tmp_path):
    lookup = keras.layers.StringLookup()
    lookup.adapt([["b", "a", "b"]])
    lookup.save_assets(tmp_path)
    assert (tmp_path / "vocabulary.txt").read_text() == "b\na"
    other = keras.layers.StringLookup()
    other.load_assets(tmp_path)
    assert other.get_vocabulary() == ["[UNK]", "b", "a"]


def test_an_older_word_for_the_format(tmp_path):
    model().save(tmp_path / "m.keras", save_format="keras")
    with pytest.raises(ValueError, match="`save_format` argument is deprecated"):
        model().save(tmp_path / "m.keras", save_format="tf")
