"""A process that is killed ends the others by name; torchrun starts them again where they were."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from . import programs

PROGRAM = "tests.processes.programs"
ROOT = Path(__file__).parents[2]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def test_the_others_hear_who_is_gone(tmp_path):
    # The environment that torchrun, accelerate and their like make.
    told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", PROGRAM, "", str(tmp_path / "none")],
            env={**os.environ, **told, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            cwd=ROOT,
            stderr=subprocess.DEVNULL if rank else subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    assert ranks[1].wait(120) == -9
    start = time.monotonic()
    _, text = ranks[0].communicate(timeout=60)
    assert ranks[0].returncode == 1
    assert time.monotonic() - start < 30
    last = text.strip().splitlines()[-1]
    assert re.search(
        r"RuntimeError: fit: rank 1 of 2 \(process \d+ on .+\) does not answer: it was ended, or "
        r"has raised an error of its own. Start all again: with fit\(backup=...\) they go on from "
        r"the last state. \(.+\)$",
        last,
    )
    assert not (tmp_path / "none").exists()


def test_torchrun_goes_on(pair, tmp_path):
    out = tmp_path / "out.json"
    run = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"),
            *(f"--master-port={free_port()}", "--max-restarts=1", "--monitor-interval=0.2"),
            *("-m", PROGRAM, str(tmp_path / "backup"), str(out)),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    assert "Signal 9" in run.stderr or "SIGKILL" in run.stderr or "-9" in run.stderr
    peace = json.loads(json.dumps(pair.run(programs.long_fit)[0]))
    assert json.loads(out.read_text()) == peace
