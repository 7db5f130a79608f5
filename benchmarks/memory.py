"""Peak memory of a training step: as the longest sequence grows, and as the real steps do.

    python benchmarks/memory.py            some 4 minutes on two cores
    python benchmarks/memory.py --quick    does it run?

A tagger (Embedding, one Bidirectional LSTM(100), softmax; Adam) takes one step on 128 sequences,
25,600 real steps in all. One sequence is the longest, the others share what is left. unpad gets a
list of arrays, the others the grid that they need.

Every figure is a process of its own: the growth of its peak resident memory over what importing,
building and a step on a small batch needed. The loss of the step, from the same weights, must be
the same for all; torch-padded's only where nothing is padded, since its backward direction begins
in the padding. A grid that would not fit into a quarter of the machine's memory, going by the one
before it, is left out.
"""

from __future__ import annotations

import os
import sys
from statistics import median
from typing import Any

import harness
import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

NAMES = ("unpad", "keras-jax", "torch-padded")
UNMASKED = "torch-padded"
SEQUENCES = 128
STEPS = 25_600
LONGEST = (200, 400, 800, 1600, 3200, 12_800)
TIMES_STEPS = (1, 2, 4)  # of unpad's steps, where all sequences are equal
QUICK = {"steps": 2_560, "longest": (20, 160), "times": (1, 2)}
WITHIN = 1.15
TOLERANCE = 1e-3


def main() -> int:
    """Run from the command line; the exit status."""
    options = harness.parser(__doc__).parse_args()
    if options.measure:
        return harness.answer(lambda: measured(**options.measure))
    console, machine = Console(), harness.machine()
    sizes = {"steps": STEPS, "longest": LONGEST, "times": TIMES_STEPS}
    sizes = QUICK if options.quick else sizes
    found: dict[str, list[dict[str, Any] | None]] = {}
    versions: dict[str, str] = {}
    for name in NAMES:
        with console.status(f"{name}: as the longest sequence grows"):
            results = as_longest_grows(name, sizes["steps"], sizes["longest"])
        if results and "missing" in results[0]:
            harness.say(console, f"{name}: skipped, {results[0]['missing']} is not installed")
        else:
            found[name] = results
            versions |= results[0]["versions"]
    with console.status("unpad: as the steps grow"):
        steps = [times * sizes["steps"] for times in sizes["times"]]
        more = [point("unpad", n, n // SEQUENCES) for n in steps]
    failures = failed_checks(found, sizes["longest"])
    for failure in failures:
        harness.say(console, failure, "red")
    if failures:
        return 1
    console.print(table(found, sizes))
    growth = {name: [r and round(r["growth_mb"], 1) for r in rs] for name, rs in found.items()}
    a_step = [r["growth_mb"] * 1e3 / n for r, n in zip(more, steps, strict=True)]
    for n, kb in zip(steps, a_step, strict=True):
        harness.say(console, f"unpad, {n:,} steps in equal sequences: {kb:.1f} kB a step")
    checked = not options.quick
    ours = growth["unpad"]
    report = {
        "growth_mb": growth,
        "machine": machine,
        "settings": {**sizes, "sequences": SEQUENCES},
        "targets": [
            harness.at_most(
                "unpad's largest growth over that with equal sequences", WITHIN,
                max(ours) / ours[0], checked,
            ),
            harness.at_most(
                "unpad's memory a step, most over least, as the steps grow", WITHIN,
                max(a_step) / min(a_step), checked,
            ),
        ],
        "unpad_kb_a_step": {str(n): round(kb, 2) for n, kb in zip(steps, a_step, strict=True)},
        "versions": versions,
    }  # fmt: skip
    return harness.finish(console, "memory", report, options.quick)


def as_longest_grows(
    name: str, steps: int, longest: tuple[int, ...]
) -> list[dict[str, Any] | None]:
    """A result for each longest sequence; None from where on the grid would not fit."""
    results: list[dict[str, Any] | None] = []
    limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 4 / 2**20
    last, last_time = 0.0, longest[0]
    for time in longest:
        expected = 0.0 if name == "unpad" else last * time / last_time
        if expected > limit:
            results.append(None)
            continue
        result = point(name, steps, time)
        results.append(result)
        if "missing" in result:
            break
        last, last_time = result["growth_mb"], time
    return results


def point(name: str, steps: int, longest: int) -> dict[str, Any]:
    return harness.apart(__file__, {"contender": name, "steps": steps, "longest": longest})


# In a process of its own


def measured(contender: str, steps: int, longest: int) -> dict[str, Any]:
    """The growth of the peak in one step of training, and its loss."""
    from contenders import grids

    tagger = grids.create(contender)
    as_list = contender == "unpad"
    x, y = data(np.full(SEQUENCES, 2), as_list)
    tagger.fit(x, y, SEQUENCES, 1)
    tagger.reset()
    x, y = data(lengths(steps, longest), as_list)
    before = harness.peak_mb()
    loss = tagger.fit(x, y, SEQUENCES, 1).loss
    return {
        "growth_mb": harness.peak_mb() - before,
        "loss": loss,
        "versions": harness.versions(),
    }


def lengths(steps: int, longest: int) -> np.ndarray:
    """(SEQUENCES,) lengths that add up to `steps`, the first `longest`, the others alike."""
    share, over = divmod(steps - longest, SEQUENCES - 1)
    return np.array([longest, *[share + (i < over) for i in range(SEQUENCES - 1)]])


def data(lengths: np.ndarray, as_list: bool) -> tuple[Any, Any]:
    """Ids and tags: arrays of these lengths, or grids padded with zeros on the right."""
    from contenders import grids

    random = np.random.default_rng(0)
    ids = random.integers(1, grids.VOCAB_SIZE, lengths.sum(), dtype="int32")
    tags = random.integers(0, grids.NUM_TAGS, lengths.sum(), dtype="int32")
    parts = [np.split(flat, lengths.cumsum()[:-1]) for flat in (ids, tags)]
    if as_list:
        return parts[0], parts[1]
    grid = np.zeros((2, len(lengths), lengths.max()), "int32")
    for filled, part in zip(grid, parts, strict=True):
        for row, sequence in zip(filled, part, strict=True):
            row[: len(sequence)] = sequence
    return grid[0], grid[1]


# What was found


def failed_checks(found: dict[str, Any], longest: tuple[int, ...]) -> list[str]:
    """A line for each step whose loss is not that of the other contenders."""
    lines = []
    for i, time in enumerate(longest):
        row = {name: results[i] for name, results in found.items() if results[i]}
        if i:
            row.pop(UNMASKED, None)
        expected = median(result["loss"] for result in row.values())
        for name, result in row.items():
            if not abs(result["loss"] - expected) <= TOLERANCE * expected:
                lines.append(
                    f"{name}: loss {result['loss']:.5f} where the longest has {time} steps, the"
                    f" others' is {expected:.5f}"
                )
    return lines


def table(found: dict[str, Any], sizes: dict[str, Any]) -> Table:
    table = Table(
        title=f"Peak memory of a training step, MB more than before; {sizes['steps']:,} real steps",
        caption="-: would not fit into a quarter of the memory",
        box=SIMPLE,
        padding=0,
    )
    for title in ("longest", "slots", *found):
        table.add_column(title, justify="right", no_wrap=True)
    for i, time in enumerate(sizes["longest"]):
        cells = ("-" if rs[i] is None else f"{rs[i]['growth_mb']:,.0f}" for rs in found.values())
        table.add_row(f"{time:,}", f"{time * SEQUENCES:,}", *cells)
    return table


if __name__ == "__main__":
    sys.exit(main())
