"""HDF5 as h5py writes it, read without it: the same trees, and for the rest a closed list."""

import struct

import h5py
import numpy as np
import pytest

from unpad.formats import hdf5
from unpad.formats.problems import DamagedFile, FileError, RefusedFile, WrongFormat

from ..examples import TIMES
from ..messages import says


def same(file, group):
    assert {*group.arrays, *group.groups} == {*file}
    assert {*group.attrs} == {*file.attrs}
    for name, value in file.attrs.items():
        assert np.array_equal(value, group.attrs[name])
    for name, value in file.items():
        if isinstance(value, h5py.Group):
            same(value, group.groups[name])
        else:
            assert value.dtype == group.arrays[name].dtype
            assert np.array_equal(value[()], group.arrays[name])


TYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u4", "u8", "?", ">f4", ">i8")


def test_reads_what_h5py_writes(tmp_path):
    draw = np.random.default_rng(0)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for i in range(40):
            group = file.create_group(f"group {i}/e")
            for k, kind in enumerate(TYPES):
                group[str(k)] = draw.normal(size=(i % 4, 3)).astype(kind)
            group["number"] = 3.0
            group.attrs["text"] = "hé" * (i * 400)
            group.attrs["é"] = 3
            group.attrs["bytes"] = np.array([b"abc", b"de"])
            group.attrs["texts"] = ["a", "", "bcd"]
        file.flush()
        same(file, hdf5.read(path.read_bytes(), path))


def test_writes_what_h5py_reads(tmp_path):
    root = hdf5.Group({"a": "b"}, {"0": np.arange(6.0).reshape(2, 3)})
    root.make("x/y").arrays["1"] = np.ones((), "int32")
    root.make("x").attrs["names"] = np.array([b"abc", b"de"])
    hdf5.write(tmp_path / "a.h5", root)
    with h5py.File(tmp_path / "a.h5") as file:
        same(file, root)
        same(file, hdf5.read((tmp_path / "a.h5").read_bytes(), "a.h5"))


def external(file):
    file["x"] = h5py.ExternalLink("other.h5", "/a")


def soft(file):
    file["x"] = h5py.SoftLink("/a")


def filtered(file):
    file.create_dataset("x", data=np.zeros(1000), compression="gzip")


def chunked(file):
    file.create_dataset("x", data=np.zeros(1000), chunks=(10,))


def outside(file):
    file.create_dataset("x", (3,), "f4", external=[("other.bin", 0, 12)])


def virtual(file):
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "a", (3,))
    file.create_virtual_dataset("x", layout)


def texts(file):
    file["x"] = ["a", "b"]


def deep(file):
    file.create_group("/".join("a" * 80))


@pytest.mark.parametrize("make", [external, soft, filtered, chunked, outside, virtual, texts, deep])
def test_what_no_file_of_weights_needs_is_refused(tmp_path, make):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        make(file)
    with pytest.raises(RefusedFile, match="is not read from a file"):
        hdf5.read(path.read_bytes(), path)


def test_one_place_under_two_names_is_told(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros(3)
        file["b"] = file["a"]
    with pytest.raises(DamagedFile, match="has two names"):
        hdf5.read(path.read_bytes(), path)


def test_newer_layouts_and_other_files_are_told(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file["a"] = np.zeros(3)
    with says(f"{path}: HDF5's newer layout (libver='latest') is not read", RefusedFile):
        hdf5.read(path.read_bytes(), path)
    with says("b.h5: this is no HDF5 file.", WrongFormat):
        hdf5.read(b"PK" + bytes(100), "b.h5")


def test_changed_bytes_end_in_the_closed_list(tmp_path):
    """Addresses and sizes that lie, cut files, flipped bytes: an error, or a tree."""
    path = tmp_path / "a.h5"
    root = hdf5.Group()
    for i in range(6):
        root.make(f"layers/dense_{i}/vars").arrays["0"] = np.zeros((3, 4), "f4")
        root.make(f"layers/dense_{i}/vars").attrs["name"] = f"dense_{i}"
    hdf5.write(path, root)
    honest = path.read_bytes()
    for seed in range(300 * TIMES):
        draw = np.random.default_rng(seed)
        data = bytearray(honest)
        for _ in range(draw.choice([1, 1, 2, 8])):
            place = int(draw.integers(len(data)))
            if draw.random() < 0.5:
                data[place] = int(draw.integers(256))
            else:
                words = [0, 1, 2**64 - 1, 2**63, len(data), int(draw.integers(len(data))), 96]
                place = min(place // 8 * 8, len(data) - 8)
                data[place : place + 8] = struct.pack("<Q", words[draw.integers(len(words))])
        if draw.random() < 0.1:
            del data[draw.integers(len(data)) :]
        try:
            found = hdf5.read(bytes(data), path)
        except FileError as error:
            told = str(error)
        else:
            told = f"{path}: "
            assert sum(a.nbytes for _, g in found.walk() for a in g.arrays.values()) <= len(data)
        assert told.startswith(f"{path}: ")
