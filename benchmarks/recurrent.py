"""One recurrent layer, forward and backward: unpad against torch.nn padded and packed.

    python benchmarks/recurrent.py            144 batches, some 6 minutes on two cores
    python benchmarks/recurrent.py --quick    12 of them, once

For every cell, hidden size, batch size and law of lengths the three contenders get the same weights
and the same batch. First their outputs and every gradient are compared; then they are timed in
turn, round after round, in one process with torch's threads.

`padded` is given a right-padded grid, `packed` packs that grid (`enforce_sorted=False`) each time
and leaves its outputs packed. Neither pays for a mask or a loss: the gradient of the outputs is
given to all three, zero where there is padding. A step of training is the forward pass and the
gradients of the inputs and of every weight.

A peer that is plainly out of the race keeps the time of its first steps (`recurrent_layers.py`).
The table shows the better peer's time divided by unpad's: above 1 unpad is faster.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import harness
from rich.box import MARKDOWN, SIMPLE
from rich.console import Console
from rich.table import Table

CELLS = ("lstm", "gru", "simple_rnn")
HIDDEN = (32, 128, 512)
LAWS = ("equal", "uniform", "log-normal", "one long")
# Steps of a sequence on average, by batch: a step of training takes tens of milliseconds, a few
# hundred at hidden 512.
MEAN_STEPS = {1: 128, 8: 64, 32: 32, 256: 16}
QUICK = {"hidden": (32,), "batches": (8,)}
PEERS = ("padded", "packed")
LEAST = 1 / 1.05  # never slower than the better peer by more than 5 %


def main() -> int:
    """Run from the command line; the exit status."""
    parser = harness.parser(__doc__)
    parser.add_argument("--seconds", type=float, help="least time for a batch (default 1.2)")
    options = parser.parse_args()
    if options.measure:
        import recurrent_layers

        return harness.answer(lambda: recurrent_layers.measured(**options.measure))
    seconds = options.seconds or (0.0 if options.quick else 1.2)
    console, machine = Console(), harness.machine()
    hidden_sizes = QUICK["hidden"] if options.quick else HIDDEN
    batches = QUICK["batches"] if options.quick else tuple(MEAN_STEPS)
    cells: dict[str, Any] = {}
    versions: dict[str, str] = {}
    for cell in CELLS:
        for hidden in hidden_sizes:
            with console.status(f"{cell}, hidden {hidden}"):
                request = {"cell": cell, "hidden": hidden, "seconds": seconds}
                request["lengths"] = [(b, MEAN_STEPS[b], law) for b in batches for law in LAWS]
                found = harness.apart(__file__, request)
            versions |= found["versions"]
            by_batch = cells.setdefault(cell, {}).setdefault(str(hidden), {})
            for (batch, _, law), result in zip(request["lengths"], found["results"], strict=True):
                by_batch.setdefault(str(batch), {})[law] = result
            harness.say(console, f"{cell}, hidden {hidden}: answers agree, timed")
    ratios = {where: ratio(result) for where, result in each(cells)}
    console.print(table(cells, markdown=False))
    show_summary(console, cells, ratios)
    worst = min(ratios.values())
    report = {
        "cells": cells,
        "machine": machine,
        "settings": {"mean_steps": MEAN_STEPS, "quick": options.quick, "seconds": seconds},
        "summary": {"batches": len(ratios), "met": sum(r >= LEAST for r in ratios.values())},
        "targets": [
            harness.at_least(
                "worst case, the better peer's time over unpad's", LEAST, worst, not options.quick
            )
        ],
        "versions": versions,
    }
    if not options.quick:
        write_markdown(cells)
    return harness.finish(console, "recurrent", report, options.quick)


def each(cells: dict[str, Any]) -> Iterator[tuple[tuple[str, str, str, str], dict[str, Any]]]:
    """Every batch with its place in the table: cell, hidden, batch, law."""
    for cell, by_hidden in cells.items():
        for hidden, by_batch in by_hidden.items():
            for batch, by_law in by_batch.items():
                for law, result in by_law.items():
                    yield (cell, hidden, batch, law), result


def better(result: dict[str, Any]) -> str:
    """The faster of the two peers."""
    return min(PEERS, key=lambda peer: result["ms"][peer])


def ratio(result: dict[str, Any]) -> float:
    return result["ms"][better(result)] / result["ms"]["unpad"]


def table(cells: dict[str, Any], markdown: bool) -> Table:
    """A row for each cell, hidden size and batch; a column for each law."""
    table = Table(
        title=None if markdown else "Forward and backward: the better peer's time over unpad's",
        caption=None if markdown else "pad, pack: which peer was the better one",
        box=MARKDOWN if markdown else SIMPLE,
        padding=(0, 1) if markdown else 0,
    )
    for title in ("cell", "hidden", "batch", *LAWS):
        table.add_column(title, justify="left" if title == "cell" else "right", no_wrap=True)
    for cell, by_hidden in cells.items():
        for hidden, by_batch in by_hidden.items():
            for batch, by_law in by_batch.items():
                entries = [by_law[law] for law in LAWS]
                table.add_row(cell, hidden, batch, *(entry(e, markdown) for e in entries))
    return table


def entry(result: dict[str, Any], plain: bool) -> str:
    times = ratio(result)
    text = f"{times:.2f} {better(result).removesuffix('ded').removesuffix('ed')}"
    return text if plain or times >= LEAST else f"[red]{text}[/red]"


def show_summary(console: Console, cells: dict[str, Any], ratios: dict[Any, float]) -> None:
    met = sum(r >= LEAST for r in ratios.values())
    harness.say(
        console,
        f"Batches: {len(ratios)}. Faster than both peers: {sum(r > 1 for r in ratios.values())};"
        f" not slower by more than 5 %: {met}; slower: {len(ratios) - met}",
    )
    results = dict(each(cells))
    for where in sorted(ratios, key=ratios.__getitem__)[:5]:
        cell, hidden, batch, law = where
        times = ", ".join(f"{name} {ms:.2f}" for name, ms in results[where]["ms"].items())
        harness.say(
            console,
            f"Worst: {ratios[where]:.2f}: {cell}, hidden {hidden}, batch {batch}, {law};"
            f" ms: {times} ({results[where]['steps']} steps, {results[where]['slots']} slots)",
        )


def write_markdown(cells: dict[str, Any]) -> None:
    """The same table for the documentation."""
    harness.RESULTS.mkdir(parents=True, exist_ok=True)
    with (harness.RESULTS / "recurrent.md").open("w", encoding="utf-8") as file:
        Console(file=file, width=120).print(table(cells, markdown=True))


if __name__ == "__main__":
    sys.exit(main())
