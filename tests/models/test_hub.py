"""Models in folders and on a hub: the same bits, by their own class, and a card that says what."""

import json

import numpy as np
import pytest

import unpad as keras
from unpad import layers as L
from unpad.saving import DamagedFile

from ..messages import says

X = [[1, 2, 3], [4, 5], [6]]
Y = np.ones((3, 2))


def tagger():
    return keras.Sequential([
        keras.Input((None,)), L.Embedding(9, 4, mask_zero=True), L.LSTM(3), L.Dense(2),
    ], name="tagger")  # fmt: skip


class Tagger(keras.Model):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.words, self.walk = L.Embedding(9, size), L.GRU(2)

    def call(self, inputs):
        return self.walk(self.words(inputs))


def test_a_folder_holds_the_model(tmp_path):
    model = tagger()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=0)
    assert model.save_pretrained(tmp_path / "a") is None
    assert {p.name for p in (tmp_path / "a").iterdir()} == {
        "model.safetensors", "config.json", "README.md",
    }  # fmt: skip
    again = keras.Model.from_pretrained(tmp_path / "a")
    assert isinstance(again, keras.Sequential)
    for a, b in zip(again.predict(X, verbose=0), model.predict(X, verbose=0), strict=True):
        assert np.array_equal(a, b)
    for each in (model, again):
        each.fit(X, Y, verbose=0, shuffle=False)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(a, b)
    assert json.loads((tmp_path / "a" / "config.json").read_text())["class_name"] == "Sequential"
    assert not keras.Model.from_pretrained(tmp_path / "a", compile=False).compiled


def test_a_class_of_one_s_own_is_built_from_the_file(tmp_path):
    """Never left with random weights: the file says what it is made with, and what for."""
    model = Tagger(5)
    model.predict(X, verbose=0)
    model.save_pretrained(tmp_path)
    again = Tagger.from_pretrained(tmp_path)
    assert type(again) is Tagger
    assert again.built
    assert again.size == 5
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(a, b)
    with pytest.raises(DamagedFile, match="unknown class_name 'Tagger'"):
        keras.Model.from_pretrained(tmp_path)
    assert type(keras.Model.from_pretrained(tmp_path, custom_objects={"Tagger": Tagger})) is Tagger
    tagger().save_pretrained(tmp_path)
    with says(f"Tagger.from_pretrained: {tmp_path} holds a Sequential. Load it as keras.Model."):
        Tagger.from_pretrained(tmp_path)


def test_the_card(tmp_path):
    model = tagger()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.save_pretrained(
        tmp_path,
        model_card_kwargs={"description": "Tags words.", "license": "mit", "datasets": ["ewt"]},
    )
    text = (tmp_path / "README.md").read_text()
    assert text.startswith(
        '---\nlibrary_name: "unpad"\ndatasets: ["ewt"]\nlicense: "mit"\ntags: ["unpad"]\n---\n\n'
        "# tagger\n\nTags words.\n\n## Layers\n\n| layer | output | weights | sequences |\n"
    )
    assert "| embedding | (batch, steps\\*, 4) | 36 | opens |\n" in text
    assert "* embedding opens: it decides which slots of a padded grid are steps" in text
    assert "* lstm reduces: it gives one row for each sequence.\n" in text
    assert "* Adam, 1 updates; loss: mse\n" in text
    assert "* Data: 3 sequences of 1 to 3 steps, 6 in all\n* Data sets: ewt\n" in text
    # What it was trained on stands in the file, whoever writes the next card.
    again = keras.Model.from_pretrained(tmp_path)
    again.save_pretrained(tmp_path / "b")
    assert "3 sequences of 1 to 3 steps" in (tmp_path / "b" / "README.md").read_text()
    again.save(tmp_path / "c.keras")
    assert keras.load(tmp_path / "c.keras").trained_on["steps"] == 6
    fresh = tagger()
    fresh.save_pretrained(tmp_path / "d")
    assert "it is not known what it was" in (tmp_path / "d" / "README.md").read_text()
    fresh.compile("sgd", "mse")
    fresh.fit(iter([(np.ones((2, 3), int), np.ones((2, 2)))]), verbose=0, steps_per_epoch=1)
    assert "stream" in fresh.trained_on


class Api:
    """Stands in for huggingface_hub's HfApi."""

    def __init__(self):
        self.asked = []

    def create_repo(self, **options):
        self.asked.append(options)

    def upload_folder(self, **options):
        self.asked.append({**options, "files": {
            p.name: p.read_bytes() for p in options["folder_path"].iterdir()
        }})  # fmt: skip
        return "https://hub/someone/tagger"


def test_pushed_to_a_hub(tmp_path):
    model, api = tagger(), Api()
    said = {"license": "mit"}
    found = model.push_to_hub("someone/tagger", model_card_kwargs=said, private=True, api=api)
    assert found == "https://hub/someone/tagger"
    made, sent = api.asked
    assert made == {"repo_id": "someone/tagger", "private": True, "exist_ok": True}
    assert sent["repo_id"] == "someone/tagger"
    assert sent["files"].keys() == {"model.safetensors", "config.json", "README.md"}
    for name, data in sent["files"].items():
        (tmp_path / name).write_bytes(data)
    again = keras.Sequential.from_pretrained(tmp_path)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(a, b)
    (tmp_path / "own.txt").write_text("mine")
    model.save_pretrained(tmp_path, push_to_hub=True, repo_id="x/y", api=api, branch="b")
    assert api.asked[-1]["revision"] == "b"
    assert set(api.asked[-1]["allow_patterns"]) == sent["files"].keys()


def test_a_name_on_the_hub_is_fetched(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    tagger().save_pretrained(tmp_path)
    asked = []

    def fetched(name, file, **options):
        asked.append((name, file, options["revision"], options["local_files_only"]))
        return str(tmp_path / file)

    monkeypatch.setattr(hub, "hf_hub_download", fetched)
    keras.Model.from_pretrained("someone/tagger", revision="v1", local_files_only=True)
    assert asked == [("someone/tagger", "model.safetensors", "v1", True)]


def test_what_cannot_be_says_why(tmp_path):
    with says(f"Model.from_pretrained: there is no model.safetensors in {tmp_path}.", OSError):
        keras.Model.from_pretrained(tmp_path)
    with says("save: Sequential is not built", ValueError):
        keras.Sequential([L.Dense(2)]).save_pretrained(tmp_path)
    with says("save_pretrained: expected model_card_kwargs as a dict of base_model, datasets"):
        tagger().save_pretrained(tmp_path, model_card_kwargs={"colour": "red"})
    with says("save_pretrained: private= is for the hub: give push_to_hub=True.", TypeError):
        tagger().save_pretrained(tmp_path, private=True)
