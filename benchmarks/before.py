"""What a change costs: an older tree's unpad and this one's, in turn, each without its peers.

    python benchmarks/before.py ../older/src            some 25 minutes on two cores
    python benchmarks/before.py ../older/src --quick    does it run?
    python benchmarks/before.py ../older/src --only recurrent tiny

Both trees' `src/unpad/kernels` hold their own compiled library. What is timed
is what `tagger.py`, `recurrent.py`, `layers.py`, `busy.py` and `tiny.py` time of unpad: this tree's
scripts run both libraries, each in fresh processes, before and after in turn, the other one first
in every second round. That answers agree is checked by those scripts. A figure is the median over
rounds of now / before: below 1 the change made it faster.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import harness
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parents[1] / "src"
PROGRAMS = ("tagger", "recurrent", "layers", "busy", "tiny")
MOST = 1.02
#: (cell, hidden, batch, mean steps, law) of `recurrent.py`: small and large, alike and not.
RECURRENT = [
    (cell, hidden, batch, mean, law)
    for cell in ("lstm", "gru", "simple_rnn")
    for hidden in (32, 128)
    for batch, mean in ((1, 128), (32, 32))
    for law in ("equal", "log-normal")
]


def main() -> int:
    """Run from the command line; the exit status."""
    parser = harness.parser(__doc__)
    parser.add_argument("before", nargs="?", type=Path, help="the older tree's src")
    parser.add_argument("--only", nargs="+", choices=PROGRAMS, default=PROGRAMS)
    parser.add_argument("--rounds", type=int, help="default 5, 1 with --quick")
    options = parser.parse_args()
    if options.measure:
        return harness.answer(lambda: measured(**options.measure))
    if options.before is None or not (options.before / "unpad").is_dir():
        parser.error("the older tree's src is wanted, a folder with unpad in it")
    console, machine = Console(), harness.machine()
    trees = {"before": options.before.resolve(), "now": HERE}
    for tree in trees.values():
        if compiled(tree) is None:  # else PyTorch's paths would be timed without a word
            parser.error(f"{tree}/unpad/kernels: no compiled library there; build csrc into it")
    rounds = options.rounds or (1 if options.quick else 5)
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for program in options.only:
        found[program] = {name: [] for name in trees}
        for number in range(rounds):
            for name in trees if number % 2 == 0 else reversed(trees):
                with console.status(f"{program}, round {number + 1} of {rounds}: {name}"):
                    request = {"program": program, "quick": options.quick}
                    with library(trees[name]):
                        found[program][name].append(harness.apart(__file__, request)["ms"])
    ratios = {program: by_case(of) for program, of in found.items()}
    console.print(table(ratios))
    report = {
        "machine": machine,
        "ratios": ratios,
        "settings": {"rounds": rounds},
        "targets": [
            harness.at_most(f"{program}: now / before", MOST, mean(of), not options.quick)
            for program, of in ratios.items()
        ],
        "versions": harness.versions(),
    }
    return harness.finish(console, "before", report, options.quick)


def compiled(tree: Path) -> Path | None:
    """The compiled library that lies within a tree's src."""
    return next((tree / "unpad" / "kernels").glob("*unpad_kernels*"), None)


@contextmanager
def library(tree: Path) -> Iterator[None]:
    """Processes that are begun within the block import this tree's unpad."""
    wanted = {"PYTHONPATH": str(tree), "UNPAD_LIBRARY": str(compiled(tree))}
    kept = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def by_case(found: dict[str, list[dict[str, float]]]) -> dict[str, float]:
    """Now / before of each case that both have: the median over rounds."""
    rounds = list(zip(found["now"], found["before"], strict=True))
    cases = [case for case in rounds[0][0] if case in rounds[0][1]]
    return {case: round(median(now[case] / old[case] for now, old in rounds), 3) for case in cases}


def mean(ratios: dict[str, float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, ratios.values())) / len(ratios))


def table(ratios: dict[str, dict[str, float]]) -> Table:
    made = Table(
        title="now / before", box=SIMPLE, caption="medians over rounds; mean: geometric, of cases"
    )
    for title in ("program", "cases", "least", "mean", "most", "which"):
        made.add_column(title, justify="left" if title in ("program", "which") else "right")
    for program, of in ratios.items():
        worst = max(of, key=of.__getitem__)
        figures = (min(of.values()), mean(of), of[worst])
        made.add_row(program, str(len(of)), *(f"{n:.3f}" for n in figures), worst)
    return made


# --- in a process of its own ---------------------------------------------------------------------


def measured(program: str, quick: bool) -> dict[str, Any]:
    """Milliseconds of each case of a program."""
    return {"ms": MEASURES[program](quick)}


def least(prepare: Callable[[], Callable[[], Any]], seconds: float) -> float:
    """Milliseconds of a step that nothing interrupted: a tenth of all steps are faster.

    Args:
        prepare: makes a step, which is timed; its own time is not.
        seconds: for all steps, of which there are five at least.
    """
    prepare()()
    times: list[float] = []
    start = time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < seconds:
        step = prepare()
        begun = time.perf_counter()
        step()
        times.append(time.perf_counter() - begun)
    return 1e3 * sorted(times)[len(times) // 10]


def tagger(quick: bool, busy_processes: int = 0) -> dict[str, float]:
    import busy as beside
    import contenders
    import corpora
    import measure

    task, threads = corpora.english_ewt(), harness.threads()
    with beside.spinning(busy_processes):
        found = measure.timing(
            lambda: contenders.create("unpad", task, threads), task, 8 if quick else 40,
            0.5 if quick else 4.0,
        )  # fmt: skip
    return {kind: 1e3 / found[kind] for kind in ("train", "predict")}


def busy(quick: bool) -> dict[str, float]:
    return tagger(quick, harness.threads())


def recurrent(quick: bool) -> dict[str, float]:
    import recurrent_layers as of
    import torch

    torch.set_num_threads(harness.threads())
    found = {}
    for cell, hidden, batch, steps, law in RECURRENT[:: 8 if quick else 1]:
        torch.manual_seed(0)
        running = of.contenders(cell, hidden, of.draw(law, batch, steps))["unpad"]
        case = f"{cell}, hidden {hidden}, batch {batch}, {law}"
        found[case] = least(lambda step=running.step: step, 0.1 if quick else 1.5)
    return found


def layers(quick: bool) -> dict[str, float]:
    import layer_steps as of

    import unpad

    of.torch.set_num_threads(harness.threads())
    # Some may have come since the older tree.
    names = [n for n in [*of.CONTESTS][:: 12 if quick else 1] if hasattr(unpad.layers, n)]
    found = {}
    for name in names:
        of.torch.manual_seed(0)
        contest = of.CONTESTS[name]._replace(keras=False, torch=None)
        prepare = of.ours_on(contest, contest.make(unpad), 0.5)
        with getattr(unpad.kernels, "own_threads", nullcontext)():
            found[name] = least(prepare, 0.05 if quick else 0.6)
    return found


def tiny(quick: bool) -> dict[str, float]:
    import tiny as of

    return {"an epoch": min(of.measured("unpad", 1 if quick else 4)["ms"])}


MEASURES: dict[str, Callable[[bool], dict[str, float]]] = {
    "layers": layers,
    "recurrent": recurrent,
    "tagger": tagger,
    "busy": busy,
    "tiny": tiny,
}


if __name__ == "__main__":
    sys.exit(main())
