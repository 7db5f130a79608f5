"""The tagger's training alone, and while one busy process a core competes with it.

    python benchmarks/busy.py            some 2 minutes on two cores
    python benchmarks/busy.py --quick    does it run?

A computer is rarely its benchmark's alone: a browser, another experiment, a neighbour's container.
As many processes as there are cores spin in Python while the tagger of `tagger.py` trains on 60
batches of UD English EWT. With one busy process on every core a fair share is half of the machine:
a slowdown of 2. More than that is lost by waiting: threads that meet at a barrier after every step
of a sequence wait each time for the one whose core was taken away.

Quiet and busy timings alternate, for unpad and for packed PyTorch, each in a process of its own.
That the answers agree is checked by `tagger.py`, whose contenders these are.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import corpora
import harness
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

NAMES = ("unpad", "torch-packed")
CONDITIONS = ("quiet", "busy")
KINDS = {"train": "training", "predict": "predicting"}
MOST = 2.5
# Ends by itself if the benchmark is killed before it can end it.
SPIN = "import os\nwhile os.getppid() == {parent}:\n    for _ in range(1_000_000): pass"


def main() -> int:
    """Run from the command line; the exit status."""
    options = harness.parser(__doc__).parse_args()
    console, machine = Console(), harness.machine()
    try:
        corpora.folder("ud_english_ewt")
    except corpora.CorpusMissing as error:
        harness.say(console, str(error), "red")
        return 2
    rounds = 1 if options.quick else 3
    settings = {"batches": 8 if options.quick else 60, "seconds": 0.5 if options.quick else 3.0}
    versions: dict[str, str] = {}
    speeds = {n: {c: {k: [] for k in KINDS} for c in CONDITIONS} for n in NAMES}
    for number in range(rounds):
        for name in NAMES:
            for condition in CONDITIONS:
                with console.status(f"round {number + 1} of {rounds}: {name}, {condition}"):
                    found = measured(name, condition == "busy", **settings)
                versions |= found["versions"]
                for kind in KINDS:
                    speeds[name][condition][kind].append(round(found[kind]))
    slowdowns = {
        name: {kind: median(of["quiet"][kind]) / median(of["busy"][kind]) for kind in KINDS}
        for name, of in speeds.items()
    }
    console.print(table(speeds, slowdowns))
    report = {
        "contenders": speeds,
        "machine": machine,
        "settings": {**settings, "busy_processes": harness.threads(), "rounds": rounds},
        "slowdown": {n: {k: round(v, 2) for k, v in s.items()} for n, s in slowdowns.items()},
        "targets": [
            harness.at_most(
                "unpad's slowdown of training", MOST, slowdowns["unpad"]["train"], not options.quick
            )
        ],
        "versions": versions,
    }
    return harness.finish(console, "busy", report, options.quick)


def measured(name: str, busy: bool, batches: int, seconds: float) -> dict[str, Any]:
    """Steps a second of one of the tagger's contenders, in a fresh process."""
    script = str(Path(__file__).with_name("tagger.py"))
    arguments = [script, "--contender", name, "--task", "timing"]
    arguments += ["--timing-batches", str(batches), "--timing-seconds", str(seconds)]
    with spinning(harness.threads() if busy else 0):
        return harness.run(f"{name}: {'busy' if busy else 'quiet'}", arguments)


@contextlib.contextmanager
def spinning(count: int) -> Iterator[None]:
    """So many busy processes for as long as the block runs."""
    command = [sys.executable, "-c", SPIN.format(parent=os.getpid())]
    processes = []
    try:
        for _ in range(count):
            processes.append(subprocess.Popen(command))  # noqa: PERF401, all that began must end
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def table(speeds: dict[str, Any], slowdowns: dict[str, dict[str, float]]) -> Table:
    table = Table(
        title="Tagger on UD English EWT, steps/s, medians",
        caption="A fair share beside one busy process a core is a slowdown of 2",
        box=SIMPLE,
        padding=0,
    )
    for title in ("contender", "", "quiet", "busy", "slowdown"):
        table.add_column(title, justify="right" if title in CONDITIONS else "left", no_wrap=True)
    for name, of in speeds.items():
        for kind, title in KINDS.items():
            middle = [f"{median(of[condition][kind]):,.0f}" for condition in CONDITIONS]
            table.add_row(name, title, *middle, f"{slowdowns[name][kind]:.2f}")
    return table


if __name__ == "__main__":
    sys.exit(main())
