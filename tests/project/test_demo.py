"""The demo, tiny: it runs to its end, shows what it promises, and holds words out honestly."""

from __future__ import annotations

import importlib.util
import random
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from unpad import Ragged
from unpad.doctor import examine


@pytest.fixture(scope="module")
def stress() -> ModuleType:
    path = Path(__file__).parents[2] / "examples" / "stress.py"
    spec = importlib.util.spec_from_file_location("stress", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def dictionary(stress: ModuleType) -> list:
    return stress.read()


def test_main_shows_what_it_promises(stress, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    folder = tmp_path / "new" / "folder"
    stress.main(["--words", "600", "--epochs", "2", "--out", str(folder)])
    shown = capsys.readouterr().out

    assert re.search(r"Lengths: \d+ to \d+ phonemes, \d\.\d on average", shown)
    assert re.search(r"Padded to the longest, \d\d% of the work", shown)
    assert "(batch, steps*, 3)" in shown
    assert re.search(r"Epoch 2/2 .* loss \d\.\d+ .* val_accuracy \d\.\d+", shown)
    assert re.search(r"Speed: [\d,]+ phonemes a second in training, [\d,]+ in prediction", shown)
    assert f"Picture: {folder / 'stress.png'}" in shown

    found = {}
    for name in ("nothing is stressed", "the first vowel is", "the tagger"):
        line = re.search(name + r" *" + 3 * r"│ *(\d+\.\d+)% *", shown)
        assert line is not None, name
        found[name] = [float(share) for share in line.groups()]
    phonemes, vowels, words = found["the first vowel is"]
    assert phonemes > vowels > words > 30
    assert found["nothing is stressed"][0] > 70
    assert found["the tagger"][0] > 60

    assert_picture(folder / "stress.png")


def assert_picture(path: Path) -> None:
    """A PNG of a reasonable size, with something drawn in each of its three panels."""
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert 20_000 < path.stat().st_size < 1_000_000
    pixels = imread(path)
    height, width, _ = pixels.shape
    assert width > 1200
    assert height > 400
    for panel in np.array_split(pixels, 3, axis=1):
        assert panel.std() > 0.05


def test_same_seed_same_words(stress):
    drawn = []
    for _ in range(2):
        random.seed(3)
        drawn.append(stress.split(stress.read(500)))
    assert drawn[0] == drawn[1]


def test_no_held_out_word_or_sound_is_trained_on(stress, dictionary):
    random.seed(1)
    train, held_out = stress.split(dictionary)
    words, sounds = {s.word for s in train}, {tuple(s.phonemes) for s in train}
    assert len({s.word for s in held_out}) == len({s.word for s in dictionary}) // 10
    assert len(words) > 100_000
    assert not any(s.word in words for s in held_out)
    assert not any(tuple(s.phonemes) in sounds for s in held_out)
    # Words of a family share sounds: of a few long ones most, of all words little.
    (x, y), held = stress.sequences(train), stress.sequences(held_out)
    assert examine(x, y, validation=held) == []


def test_every_word_of_the_dictionary_is_read(stress, dictionary):
    assert len({s.word for s in dictionary}) > 120_000
    for s in dictionary:
        assert len(s.phonemes) == len(s.stress) > 0
        assert all(p in stress.IDS for p in s.phonemes)
        marks = zip(s.phonemes, s.stress, strict=True)
        assert all(mark in ((0, 1, 2) if p in stress.VOWELS else (0,)) for p, mark in marks)


def test_a_word_and_its_stress(stress, dictionary):
    banana = stress.Spoken("banana", ["B", "AH", "N", "AE", "N", "AH"], [0, 0, 0, 1, 0, 0])
    assert banana in dictionary
    assert banana.marked(banana.stress) == "B AH0 N AE1 N AH0"
    assert banana.guess() == [0, 1, 0, 0, 0, 0]
    assert stress.Spoken("hm", ["HH", "M"], [0, 0]).guess() == [0, 0]


def test_padding_is_counted(stress):
    lengths = torch.tensor([1, 3, 1, 3])
    assert stress.padding(lengths, 4) == pytest.approx(1 - 8 / 12)
    assert stress.padding(lengths, 1) == 0


def test_a_word_is_right_when_every_phoneme_is(stress):
    vowel, consonant = stress.IDS["AA"], stress.IDS["B"]
    x = Ragged.from_list([[consonant, vowel], [vowel, consonant, vowel]])
    y = Ragged.from_list([[0, 1], [1, 0, 2]])
    said = Ragged.from_list([[0, 1], [1, 0, 0]])
    assert stress.scores(x, y, said) == ["80.00%", "66.67%", "50.00%"]


def test_the_curve_is_the_loss_of_each_stretch(stress):
    curve = stress.Curve()
    curve.on_train_begin()
    for epoch in range(2):
        curve.on_epoch_begin(epoch)
        losses = [4.0, 2.0, 1.0]
        for i in range(len(losses)):
            curve.on_train_batch_end(i, {"loss": sum(losses[: i + 1]) / (i + 1)})
        curve.on_epoch_end(epoch)
    assert curve.losses == pytest.approx([4, 2, 1, 4, 2, 1])
    assert curve.epochs == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2])
