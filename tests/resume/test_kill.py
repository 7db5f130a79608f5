"""`kill -9` at random moments, from outside: what a run ends with is what it would have been.

In memory and from a Parquet file; two processes are killed in tests/processes/test_killed.py.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "kill.py"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_twenty_kills():
    seed = random.SystemRandom().randrange(1 << 30)
    run = subprocess.run(
        [sys.executable, BENCHMARK, "20", "--one", "--seed", str(seed)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, f"seed {seed}: {run.stderr}"
    assert run.stdout.startswith("20 kills, ")
