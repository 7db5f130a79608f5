"""Whole models in files: the same bits, or one of a closed list, whatever becomes of the bytes."""

import re
import time

import numpy as np
import pytest
import torch

import unpad as keras
from unpad.__main__ import main
from unpad.formats.filling import put
from unpad.saving import FileError, WrongFormat

from ..examples import TIMES
from .hostile import X, Y, honest, tagger

ENDINGS = (".keras", ".safetensors")


@pytest.mark.parametrize("optimizer", ["adam", "lamb", "schedulefreeadamw", "adafactor", "muon"])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_model_is_what_its_file_says(tmp_path, ending, optimizer):
    model = tagger(optimizer=optimizer)
    model.save(tmp_path / f"a{ending}")
    again = keras.load(tmp_path / f"a{ending}")
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    for each in (model, again):
        each.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(a, b)
    assert again.metrics_names == model.metrics_names


def test_weights_alone(tmp_path):
    model, other = tagger(), tagger()
    model.save_weights(tmp_path / "a.safetensors")
    other.load_weights(tmp_path / "a.safetensors")
    assert np.array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    with pytest.raises(WrongFormat, match=r"a\.safetensors: it holds weights and no model: model"):
        keras.load(tmp_path / "a.safetensors")
    with pytest.raises(FileError, match=r"expected weight 0 as \(9, 5\), the file has \(9, 4\)"):
        tagger(5).load_weights(tmp_path / "a.safetensors")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_changed_file_is_told_or_is_the_same_model(tmp_path, ending):
    """Flipped, cut, overwritten: seeds are kept, and at night there are fifty times as many."""
    path = tmp_path / f"a{ending}"
    model = tagger()
    model.save(path)
    honest, expected = path.read_bytes(), model.predict(X, verbose=0)
    for seed in range(100 * TIMES):
        draw = np.random.default_rng(seed)
        data = bytearray(honest)
        for _ in range(draw.choice([1, 1, 2, 8])):
            place = int(draw.integers(len(data)))
            data[place] = int(draw.integers(256))
        if draw.random() < 0.2:
            del data[draw.integers(len(data)) :]
        elif draw.random() < 0.2:
            place = int(draw.integers(len(data)))
            data[place:place] = data[place : place + int(draw.integers(99))]
        changed = tmp_path / f"b{ending}"
        changed.write_bytes(data)
        start = time.process_time()
        try:
            found = keras.load(changed)
        except FileError as error:
            told = str(error)
            assert told.startswith(str(changed)), seed
        else:
            assert np.array_equal(found.predict(X, verbose=0), expected), seed
        assert time.process_time() - start < 5, seed


def test_files_are_shown_and_converted(tmp_path, capsys):
    model = tagger()
    model.save(tmp_path / "a.keras")
    assert main(["convert", str(tmp_path / "a.keras"), str(tmp_path / "b.safetensors")]) == 0
    again = keras.load(tmp_path / "b.safetensors")
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert main(["show", str(tmp_path / "b.safetensors")]) == 0
    shown = capsys.readouterr().out
    assert "embedding" in shown
    assert "opens" in shown
    assert "trained by Adam, 1 updates so far; loss: mse" in shown
    (tmp_path / "b.safetensors").write_bytes(b"no")
    assert main(["show", str(tmp_path / "b.safetensors")]) == 2
    assert "this is no safetensors file." in capsys.readouterr().err


def test_every_format_is_shown(tmp_path, capsys):
    """Of weights alone and of a training's state the arrays, of all else the model."""
    model = tagger()
    model.fit(X, Y, verbose=0, callbacks=[keras.callbacks.BackupAndRestore(
        tmp_path / "state", delete_checkpoint=False)])  # fmt: skip
    model.save_weights(tmp_path / "a.weights.h5")
    model.save_weights(tmp_path / "a.safetensors")
    honest(tmp_path / "b.h5")
    files = {
        "a.weights.h5": r"layers/dense/vars/0 +float32  \(6, 3\)",
        "a.safetensors": r"layers/dense/vars/0 +float32  \(6, 3\)",
        "b.h5": r"trained by Adam, 3 updates so far; loss: mse",
        "state/state.safetensors": r"no model: [\d,]+ numbers, [\d,]+ bytes in the file",
    }
    for name, match in files.items():
        assert main(["show", str(tmp_path / name)]) == 0
        assert re.search(match, capsys.readouterr().out), name
    assert main(["show", str(tmp_path / "none.onnx")]) == 2


def test_what_is_not_written_says_the_way_out(tmp_path):
    with pytest.raises(ValueError, match=r"read here, not written\. Save as '\.keras'"):
        tagger().save(tmp_path / "a.h5")


def test_adafactor_goes_on_where_it_stopped(tmp_path):
    """A second `fit` is no other training: what is kept of rows is no weight of another shape."""
    tagger(optimizer="adafactor").save(tmp_path / "a.safetensors")
    whole, parts = (keras.load(tmp_path / "a.safetensors") for _ in range(2))
    whole.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    for _ in range(2):
        parts.fit(X, Y, verbose=0, shuffle=False)
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        assert np.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("kind", ["float32", "float64", "bfloat16", "float16"])
def test_numbers_of_any_type_and_order_are_put_into_weights(kind):
    """Also where they lie otherwise in memory; whoever kept what was there knows of the change."""
    weight = torch.nn.Parameter(torch.zeros(3, 2, dtype=getattr(torch, kind)).T)
    array = np.arange(6.0).reshape(2, 3).astype(">f8")
    before = weight._version
    put(weight, array)
    assert weight._version > before
    assert np.array_equal(weight.detach().float(), array)
    put(weight, np.full((2, 3), 1e300))
