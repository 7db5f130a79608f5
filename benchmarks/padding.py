"""The time of a real step while padding grows: a wider grid with the same sentences in it.

    python benchmarks/padding.py            some 3 minutes on two cores
    python benchmarks/padding.py --quick    does it run?

A tagger (Embedding with mask_zero, one Bidirectional LSTM(100), softmax; Adam; batches of 32)
trains on sentences of 20 words that lie in grids of 20 to 400 slots: 0 to 95 % of a grid is
padding. Every contender starts from the same weights, and the first epoch's loss must be the same
for all of them in every grid; torch-padded's only where nothing is padded, since its backward
direction begins in the padding. Then the grids are timed in turn, round after round.

Two times are told apart. The door is what is paid once for a data set: for unpad finding the real
steps in the grid, for the others whatever comes before the first epoch. A step is what is paid in
every epoch. The drawing, padding.png beside the results, shows steps; the table has both.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import Any

import harness
import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

LENGTH = 20
BATCH = 32
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95)
FLAT = 1.10
TOLERANCE = 1e-3  # of the loss: Adam and float32 over a few batches
UNMASKED = "torch-padded"


def main() -> int:
    """Run from the command line; the exit status."""
    from contenders import grids

    parser = harness.parser(__doc__)
    parser.add_argument("--only", nargs="+", choices=grids.NAMES, default=grids.NAMES)
    options = parser.parse_args()
    if options.measure:
        return harness.answer(lambda: measured(**options.measure))
    console, machine = Console(), harness.machine()
    settings = {"batches": 8, "epochs": 2, "rounds": 7}
    if options.quick:
        settings = {"batches": 2, "epochs": 1, "rounds": 1}
    found, versions = {}, {}
    for name in (name for name in grids.NAMES if name in options.only):
        with console.status(f"{name}: training on every grid"):
            result = harness.apart(__file__, {"contender": name, **settings})
        if "missing" in result:
            harness.say(console, f"{name}: skipped, {result['missing']} is not installed")
        else:
            versions |= result.pop("versions")
            found[name] = result
    failures = failed_checks(found)
    for failure in failures:
        harness.say(console, failure, "red")
    if failures:
        return 1
    console.print(table(found))
    growth = {name: max(of["step_us"]) / min(of["step_us"]) for name, of in found.items()}
    report = {
        "contenders": found,
        "machine": machine,
        "settings": {**settings, "batch": BATCH, "length": LENGTH, "shares": SHARES},
        "slowest_over_fastest": {name: round(value, 3) for name, value in growth.items()},
        "targets": [
            harness.at_most(
                "unpad's slowest grid over its fastest, a step", FLAT, growth.get("unpad"),
                not options.quick,
            )
        ],
        "versions": versions,
    }  # fmt: skip
    path = harness.RESULTS / f"padding{'-quick' if options.quick else ''}.png"
    harness.RESULTS.mkdir(parents=True, exist_ok=True)
    draw(found, path)
    harness.say(console, f"Drawn: {path.relative_to(harness.HERE)}")
    return harness.finish(console, "padding", report, options.quick)


# In a process of its own


def measured(contender: str, batches: int, epochs: int, rounds: int) -> dict[str, Any]:
    """Microseconds of a real step, and of the door for a real step, in each grid: medians."""
    from contenders import grids

    tagger = grids.create(contender)
    data = [padded(share, batches * BATCH) for share in SHARES]
    losses = []
    for x, y in data:
        tagger.reset()
        losses.append(tagger.fit(x, y, BATCH, 1).loss)  # here a library compiles
    steps = batches * BATCH * LENGTH
    times: list[list[tuple[float, float]]] = [[] for _ in data]
    for number in range(rounds):
        order = [(number + i) % len(data) for i in range(len(data))]
        for i in order:
            fitted = tagger.fit(*data[i], BATCH, epochs)
            times[i].append((fitted.seconds / epochs / steps, fitted.door_seconds / steps))
    middle = [[median(column) * 1e6 for column in zip(*of_grid, strict=True)] for of_grid in times]
    return {
        "door_us": [round(door, 3) for _, door in middle],
        "first_loss": losses,
        "step_us": [round(step, 3) for step, _ in middle],
        "versions": harness.versions(),
    }


def padded(share: float, sentences: int) -> tuple[np.ndarray, np.ndarray]:
    """Ids and tags, (sentences, slots) int32; `share` of the slots is padding on the right."""
    from contenders import grids

    random = np.random.default_rng(0)
    ids = random.integers(1, grids.VOCAB_SIZE, (sentences, LENGTH), dtype="int32")
    tags = random.integers(0, grids.NUM_TAGS, (sentences, LENGTH), dtype="int32")
    x, y = np.zeros((2, sentences, slots(share)), "int32")
    x[:, :LENGTH], y[:, :LENGTH] = ids, tags
    return x, y


def slots(share: float) -> int:
    return round(LENGTH / (1 - share))


# What was found


def failed_checks(found: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each grid in which a contender's loss is not everybody's."""
    lines = []
    expected = median(result["first_loss"][0] for result in found.values()) if found else 0.0
    for name, result in found.items():
        for share, loss in zip(SHARES, result["first_loss"], strict=True):
            if name == UNMASKED and share:
                continue
            if not abs(loss - expected) <= TOLERANCE * expected:
                lines.append(
                    f"{name}: loss {loss:.5f} with {share:.0%} padding, not {expected:.5f}"
                )
    return lines


def table(found: dict[str, dict[str, Any]]) -> Table:
    table = Table(
        title="Training: microseconds a real step (and the door, once for the data)",
        caption="Last row: the slowest grid's step over the fastest's",
        box=SIMPLE,
        padding=0,
    )
    for title in ("padding", "slots", *found):
        table.add_column(title, justify="right", no_wrap=True)
    for i, share in enumerate(SHARES):
        cells = (f"{r['step_us'][i]:.1f} ({r['door_us'][i]:.2f})" for r in found.values())
        table.add_row(f"{share:.0%}", str(slots(share)), *cells)
    growth = (f"{max(r['step_us']) / min(r['step_us']):.2f}" for r in found.values())
    table.add_row("growth", "", *growth)
    return table


def draw(found: dict[str, dict[str, Any]], path: Any) -> None:
    """One line a contender, microseconds a real step over the share of padding."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.2), layout="constrained")
    percent = [100 * share for share in SHARES]
    for name, result in found.items():
        wide = 2.6 if name == "unpad" else 1.4
        (line,) = axes.plot(percent, result["step_us"], marker="o", markersize=4, linewidth=wide)
        axes.annotate(
            name, (percent[-1], result["step_us"][-1]), (6, 0), textcoords="offset points",
            va="center", color=line.get_color(), weight="bold" if name == "unpad" else None,
        )  # fmt: skip
    axes.set_yscale("log")
    axes.set_xlim(-3, 120)
    axes.set_xticks(percent, [f"{value:.0f}" for value in percent])
    axes.set_xlabel("share of the grid that is padding, %")
    axes.set_ylabel("microseconds a real step (log)")
    axes.set_title("Training a BiLSTM tagger on the same sentences in wider grids", fontsize=11)
    axes.grid(visible=True, alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


if __name__ == "__main__":
    sys.exit(main())
