"""Every file is there whole or not at all: what was there before outlives a write that fails."""

import os
import subprocess
import sys

from unpad.formats.writing import write_whole


def test_a_file_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    done = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda place: (done.append("onto disk"), sync(place)))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("in place"), replace(a, b)))
    path = tmp_path / "new" / "a.bin"
    write_whole(path, lambda to: done.append(to.write_bytes(b"whole")), 5, "test")
    assert done == [5, "onto disk", "in place", "onto disk"]
    assert path.read_bytes() == b"whole"


def test_a_disk_without_room_leaves_the_old_file(tmp_path):
    """The system itself refuses more than 1 MB here, in the middle of the file."""
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from unpad.formats.writing import write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "write = lambda to: to.write_bytes(bytes(4_000_000))\n"
        "write_whole(Path(sys.argv[1]), write, 4_000_000, 'test')\n"
    )
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True
    )
    assert f"OSError: test: {path} could not be written: " in done.stderr
    assert done.stderr.endswith("What was there before is as it was.\n")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


FULL = """
import resource, sys
from pathlib import Path
import torch
import unpad as keras
from unpad.callbacks import BackupAndRestore
L = keras.layers
folder = Path(sys.argv[1])
model = keras.Sequential([keras.Input((None,)), L.Embedding(9999, 9), L.GRU(3), L.Dense(1)])
model.compile("adam", "mse")
x = keras.Ragged.from_list([[1, 2], [3]], dtype=torch.int64)
def fit(epochs):
    kept = BackupAndRestore(folder / "state", delete_checkpoint=False)
    model.fit(x, torch.ones(2, 1), epochs=epochs, verbose=0, callbacks=[kept])
WRITE = [
    *(lambda n=n: model.save(folder / n) for n in ("a.keras", "a.safetensors")),
    *(lambda n=n: model.save_weights(folder / n) for n in ("b.weights.h5", "b.safetensors")),
    *(lambda n=n: model.export(folder / n) for n in ("a.onnx", "a.pt2")),
    lambda: model.save_pretrained(folder / "hub"),
]
fit(1)
for write in WRITE:
    write()
def found():
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
before = found()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for write in [*WRITE, lambda: fit(3)]:
    try:
        write()
    except OSError as error:
        assert str(error).endswith("What was there before is as it was."), error
    else:
        raise SystemExit("it was written")
    assert found() == before
print(len(before))
"""


def test_a_disk_without_room_leaves_the_old_file_of_every_format(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", FULL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert int(done.stdout) >= 9
