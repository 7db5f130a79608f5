"""Nothing in a file is trusted: each lie is told with the file and the place, or is no lie."""

import json
import os
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import unpad as keras
from unpad import layers as L
from unpad.formats.checkpoint import read_state, write_state
from unpad.saving import DamagedFile, FileError, RefusedFile
from unpad.training.state import taken_apart

from ..examples import TIMES
from .hostile import ENDINGS, X, configured, honest, mutated, parts, put, tagger


@pytest.fixture(params=ENDINGS)
def path(request, tmp_path):
    path = tmp_path / f"a{request.param}"
    honest(path)
    return path


def refused(path, match, kind=FileError):
    with pytest.raises(kind, match=match) as caught:
        keras.load(path)
    assert str(caught.value).startswith(str(path))


# --- changed at random ----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:load_model. .* The optimizer begins anew:UserWarning")
@pytest.mark.parametrize("ending", [".h5", ".weights.h5", "weights .h5"])
def test_a_changed_file_is_told_or_is_a_model(tmp_path, ending):
    """Seeds are kept, and at night there are fifty times as many.

    What has a checksum is the same model, or told; HDF5 has none, so that in a file that Keras
    wrote a changed number is another number.
    """
    first = tmp_path / f"a{ending.replace('weights ', '')}"
    weights = ending.startswith(("weights", ".weights"))
    model = None
    if ending == ".weights.h5":
        model = tagger()
        model.save_weights(first)
    else:
        honest(first)
        model = keras.load(first)
    data, expected = first.read_bytes(), model.predict(X, verbose=0)
    changed = first.with_name(f"b{first.name[1:]}")
    known = model.get_weights()
    for seed in range(60 * TIMES):
        changed.write_bytes(mutated(data, seed))
        start = time.process_time()
        try:
            if weights:
                model.set_weights(known)
                model.load_weights(changed)
                found = model
            else:
                found = keras.load(changed)
        except FileError as error:
            told = str(error)
            assert told.startswith(str(changed)), seed
        else:
            if first.name != "a.h5":
                assert np.array_equal(found.predict(X, verbose=0), expected), seed
        assert time.process_time() - start < 5, seed


def test_a_checksum_that_is_gone_is_missed(tmp_path):
    """Bytes that change a weight and the checksum's own mark: found by 3,000 changed files."""
    path = tmp_path / "a.weights.h5"
    model = tagger()
    model.save_weights(path)
    data = path.read_bytes()
    weight = model.get_weights()[0].tobytes()
    for changed in (data[:-1], data[:-70], data.replace(b"unpad sha256", b"unpad sha255")):
        path.write_bytes(changed.replace(weight, bytes(len(weight))))
        with pytest.raises(DamagedFile, match="the checksum behind it is gone"):
            model.load_weights(path)
    path = tmp_path / "a.safetensors"
    model.save(path)
    path.write_bytes(path.read_bytes().replace(b'"sha256":', b'"sha255":'))
    refused(path, "its bytes are not those that were written", DamagedFile)


def test_a_changed_state_is_told_or_is_the_same(tmp_path):
    path = tmp_path / "a.safetensors"
    write_state(path, taken_apart({"weights": torch.arange(99.0), "epoch": 3}), "fit")
    data, before = path.read_bytes(), read_state(path, "fit")
    for seed in range(100 * TIMES):
        path.write_bytes(mutated(data, seed))
        try:
            found = read_state(path, "fit")
        except FileError as error:
            told = str(error)
            assert told.startswith(f"fit: {path} "), seed
        else:
            assert found.structure == before.structure, seed


# --- what is made to harm -------------------------------------------------------------------------


def test_a_configuration_without_end(path):
    configured(path, lambda text: '{"a":' * 10_000 + "1" + "}" * 10_000)
    refused(path, r"nested 10000 deep; 200 is the most", RefusedFile)


def test_a_name_that_stands_twice(path):
    configured(path, lambda text: '{"class_name": "Lambda", ' + text[1:])
    refused(path, r"no JSON: the name 'class_name' stands twice", DamagedFile)


@pytest.mark.parametrize(
    "size", ["NaN", "Infinity", "-1", "0", "1e400", "1000000000000", "9" * 400, '"a"', "[3]", "{}"]
)
def test_sizes_that_lie(path, size):
    configured(path, lambda text: text.replace('"units": 3', f'"units": {size}'))
    refused(path, r"units|more numbers than the file|expected")


@pytest.mark.parametrize("shape", ["[null, -3]", "[null, NaN]", "[null, 1e30]", "[]", '"a"', "{}"])
def test_inputs_that_lie(path, shape):
    configured(path, lambda text: text.replace("[null, null]", shape))
    try:
        keras.load(path)
    except FileError as error:
        told = str(error)
        assert told.startswith(str(path))


def test_a_lambda(tmp_path):
    """Code is refused; the function that is meant is given under the layer's name."""
    code = {"class_name": "__lambda__", "config": {"code": "4wE=", "defaults": None}}
    model = keras.Sequential([keras.Input((3,)), L.Lambda(torch.tanh, name="squash")])
    for ending in (".keras", ".safetensors"):
        path = tmp_path / f"a{ending}"
        other = keras.Sequential([keras.Input((3,)), L.Activation("relu", name="squash")])
        other.save(path)

        def change(text):
            data = json.loads(text)
            layer = data["config"]["layers"][1]
            layer["class_name"], layer["config"] = "Lambda", {"name": "squash", "function": code}
            return json.dumps(data)

        configured(path, change)
        for safe in (True, False):
            with pytest.raises(DamagedFile, match=r"custom_objects=\{'squash': function\}"):
                keras.saving.load_model(path, safe_mode=safe)
        x = np.ones((2, 3), "float32")
        loaded = keras.saving.load_model(path, custom_objects={"squash": torch.tanh})
        assert np.array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def members(path, **changes):
    with zipfile.ZipFile(path) as file:
        found = {name: file.read(name) for name in file.namelist()}
    return {**found, **changes}


@pytest.mark.parametrize("name", ["../a.txt", "/a.txt", "a/../../b", "C:\\a", "a\\..\\..\\b"])
def test_paths_that_climb(tmp_path, name):
    path = tmp_path / "a.keras"
    honest(path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(name, "x")
    refused(path, "a path that leads out of the archive", RefusedFile)


def test_a_member_that_stands_twice(tmp_path):
    path = tmp_path / "a.keras"
    honest(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "a") as file:
            file.writestr("config.json", "{}")
    refused(path, "config.json: there are two of this name", DamagedFile)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "assets/a/vocabulary.txt"])
def test_a_bomb_is_not_unpacked(tmp_path, name):
    path = tmp_path / "a.keras"
    honest(path)
    found = members(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for each, data in found.items():
            file.writestr(each, data if each != name else bytes(1 << 26))
        if name not in found:
            file.writestr(name, bytes(1 << 26))
    refused(path, "bytes would become 67108864", RefusedFile)


def test_a_header_of_tensors_that_lies(tmp_path):
    path = tmp_path / "a.safetensors"
    honest(path)
    header, body = parts(path)
    whole = path.read_bytes()
    path.write_bytes((1 << 62).to_bytes(8, "little") + whole[8:])
    refused(path, "header has 4611686018427387904 bytes: it is cut", DamagedFile)
    name = next(n for n in header if n != "__metadata__")
    text = json.dumps(header)
    put(path, f'{{"{name}": {json.dumps(header[name])}, {text[1:]}', body)
    refused(path, f"header: no JSON: the name '{name}' stands twice", DamagedFile)
    for lie in ([1 << 40, 4], [-1, 4], [2**63, 2**63]):
        put(path, json.dumps({**header, name: {**header[name], "shape": lie}}), body)
        refused(path, r"a\.safetensors: ", DamagedFile)
    for lie in ([0, 1 << 50], [-8, 0], [64, 0]):
        put(path, json.dumps({**header, name: {**header[name], "data_offsets": lie}}), body)
        refused(path, r"a\.safetensors: ", DamagedFile)


def _external(file):
    del file["model_weights/e/e/w0:0"]
    file["model_weights/e/e/w0:0"] = h5py.ExternalLink("/etc/passwd", "/a")


def _filtered(file):
    del file["model_weights/e/e/w0:0"]
    file.create_dataset("model_weights/e/e/w0:0", data=np.zeros((9, 4)), compression="gzip")


def _elsewhere(file):
    del file["model_weights/e/e/w0:0"]
    file.create_dataset("model_weights/e/e/w0:0", (9, 4), "f4", external=[("/etc/passwd", 0, 144)])


@pytest.mark.parametrize("change", [_external, _filtered, _elsewhere])
def test_what_reaches_out_of_hdf5(tmp_path, change):
    path = tmp_path / "a.h5"
    honest(path)
    with h5py.File(path, "r+") as file:
        change(file)
    refused(path, "model_weights/e/e.*is not read from a file", RefusedFile)
    model = keras.Sequential([keras.Input((None,)), L.Embedding(9, 4), L.GRU(3)])
    with pytest.raises(RefusedFile, match="is not read from a file"):
        model.load_weights(path)


#: Loads an honest file, then others; prints what the first and what the largest took at the most.
PROGRAM = """
import gc, re, sys
from pathlib import Path
import unpad as keras
from unpad.saving import FileError
def now(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
def taken(path):
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = now("VmRSS")
    try:
        keras.load(path)
    except FileError as error:
        assert str(path) in str(error)
    return now("VmHWM") - before
for folder in sys.argv[1:]:
    first, *others = sorted(Path(folder).iterdir())
    taken(first)
    honest = taken(first)
    print(honest, max(map(taken, others)), first.stat().st_size)
"""


#: Each array has pages of its own, which go back when it is freed. Else glibc keeps those of the
#: load before, the next one uses them, and its memory is not seen to grow.
GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="asks Linux for the peak")
def test_memory_is_within_twice_an_honest_file_s(tmp_path):
    """The most that loading has held, of a large honest file and of changed ones."""
    for ending in ENDINGS:
        folder = tmp_path / ending[1:]
        folder.mkdir()
        honest(folder / f"a{ending}", 60_000)
        data = (folder / f"a{ending}").read_bytes()
        for seed in range(2 if TIMES == 1 else 6):
            (folder / f"b{seed}{ending}").write_bytes(mutated(data, seed))
        for size in ("1000000000", "100000000000000", "60001"):
            lies = folder / f"c{size}{ending}"
            lies.write_bytes(data)
            configured(lies, lambda text, s=size: text.replace('"units": 3', f'"units": {s}'))
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    command += [str(tmp_path / ending[1:]) for ending in ENDINGS]
    environment = {**os.environ, **GIVEN_BACK}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert not done.returncode, done.stderr
    for line in done.stdout.splitlines():
        one, most, size = map(int, line.split())
        assert one > size / 2000
        assert most <= 2 * one, done.stdout
