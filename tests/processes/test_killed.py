"""A process that is killed ends the others by name; torchrun starts them again where they were."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from ..examples import TIMES
from . import cases, programs

PROGRAM = "tests.processes.programs"
ROOT = Path(__file__).parents[2]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


# Starting two processes takes long: by day one is killed, at night one hangs as well.
@pytest.mark.parametrize("how", ["killed", "hangs"] if TIMES > 1 else ["killed"])
def test_the_others_hear_who_is_gone(tmp_path, how):
    # The environment that torchrun, accelerate and their like make.
    told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", PROGRAM, how, str(tmp_path / "none")],
            env={**os.environ, **told, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=ROOT,
            stderr=subprocess.DEVNULL if rank else subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    if how == "killed":
        assert ranks[1].wait(300) == -9
    start = time.monotonic()
    _, text = ranks[0].communicate(timeout=300)
    if how == "hangs":
        ranks[1].kill()
        ranks[1].wait()
    assert ranks[0].returncode == 1
    assert how == "hangs" or time.monotonic() - start < 30
    last = text.strip().splitlines()[-1]
    assert re.search(
        r"RuntimeError: fit: rank 1 of 2 \(process \d+ on .+\) does not answer: it was ended, or "
        r"has raised an error of its own. Start all again: with fit\(backup=...\) they go on from "
        r"the last state. \(.+\)$",
        last,
    )
    assert not (tmp_path / "none").exists()


def test_torchrun_goes_on(pair, tmp_path):
    """Killed as it learns from memory, and once more as it reads Parquet files."""
    out, files = tmp_path / "out.json", tmp_path / "rows"
    files.mkdir()
    x, y = cases.sequences()
    parquet.write_table(pa.table({"words": x, "tags": y}), files / "all.parquet", row_group_size=6)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"),
            *(f"--master-port={free_port()}", "--max-restarts=2", "--monitor-interval=0.2"),
            *("-m", PROGRAM, "goes on", str(out), str(tmp_path / "backup"), str(files)),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr
    assert len(re.findall(r"exitcode: -9|Signal 9|SIGKILL", run.stderr)) >= 2
    for found, folder in zip(json.loads(out.read_text()), (None, str(files)), strict=True):
        peace = pair.run(partial(programs.long_fit, folder=folder))[0]
        assert found == json.loads(json.dumps(peace))
