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
