"""A state's file: what was written comes back, and what is not whole is told."""

import errno

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from unpad.formats.checkpoint import Stored, read_state, write_state
from unpad.saving import DamagedFile, WrongFormat
from unpad.training.state import State, put_together, taken_apart

from ..examples import draws
from ..messages import says

DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.builds(
        lambda dtype, shape: (torch.arange(6).reshape(shape) % 2).to(dtype),
        st.sampled_from(DTYPES),
        st.sampled_from([(6,), (2, 3), (1, 6, 1)]),
    ),
    st.just(torch.zeros(0, 3)),
    st.just(torch.tensor(2.5)),
    st.just(np.arange(4, dtype=np.uint32)),
)
KEYS = st.one_of(
    st.text(max_size=3), st.integers(0, 9), st.tuples(st.integers(0, 2), st.text("a$.", max_size=2))
)
NESTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
    ),
    max_leaves=12,
)


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and (a == b).all()
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


@draws(40)
@given(parts=st.dictionaries(st.text(max_size=3), NESTS, max_size=3))
def test_what_was_written_comes_back(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("state") / "a.safetensors"
    write_state(path, State(parts).to_data(), "test")
    assert same(dict(State.from_data(read_state(path, "test")).parts), parts)


def test_tensors_that_share_their_memory_come_back_each():
    base = torch.arange(6.0)
    stored = taken_apart({"all": base, "some": base[2:4], "again": base})
    assert same(put_together(stored), {"all": base, "some": base[2:4], "again": base})


def test_what_is_no_data_is_told_with_its_place():
    with says("callbacks.Mine.file: a object cannot be kept in a state", TypeError):
        taken_apart({"callbacks": {"Mine": {"file": object()}}})


def written(tmp_path):
    path = tmp_path / "a.safetensors"
    write_state(path, taken_apart({"weights": torch.arange(8.0), "epoch": 3}), "fit: backup")
    return path


def test_no_byte_can_change_unseen(tmp_path):
    path = written(tmp_path)
    whole, start = path.read_bytes(), f"fit: backup: {path} "
    unseen, told = [], []
    for i in range(len(whole)):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :])
        try:
            read_state(path, "fit: backup")
        except ValueError as error:
            told.append(str(error))
        else:
            unseen.append(whole[i : i + 1])
    # What fills the header up to a multiple of eight says nothing.
    assert set(unseen) <= {b" "}
    assert {text[: len(start)] for text in told} == {start}


@pytest.mark.parametrize("kept", [0, 4, 8, 100, -1])
def test_a_file_that_was_cut_is_told(tmp_path, kept):
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with says(f"fit: backup: {path} is not whole: ", DamagedFile):
        read_state(path, "fit: backup")


def test_other_files_are_told(tmp_path):
    path = tmp_path / "weights.safetensors"
    with says(f"test: there is no state {path}.", FileNotFoundError):
        read_state(path, "test")
    safetensors.torch.save_file({"a": torch.zeros(2)}, path)
    with says(f"test: {path} holds tensors, but is no state of a training.", WrongFormat):
        read_state(path, "test")


def test_a_state_of_a_later_format_is_told(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    monkeypatch.setattr("unpad.formats.checkpoint.FORMAT", "unpad state 99")
    write_state(path, Stored({}, {}), "test")
    monkeypatch.undo()
    with says(f"test: {path} is of format 'unpad state 99', this version reads 'unpad state 2'."):
        read_state(path, "test")


def test_a_full_disk_leaves_the_state_before(tmp_path, monkeypatch):
    path = written(tmp_path)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with says(f"fit: backup: {path} could not be written: ", OSError):
        write_state(path, taken_apart({"epoch": 4}), "fit: backup")
    monkeypatch.undo()
    assert read_state(path, "fit: backup").structure["epoch"] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_the_state_before_stands_beside(tmp_path):
    path, before = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for epoch in range(3):
        write_state(path, taken_apart({"epoch": epoch}), "test", before)
    assert [read_state(p, "test").structure["epoch"] for p in (path, before)] == [2, 1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]
