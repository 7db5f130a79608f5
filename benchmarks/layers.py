"""Every layer: the time of a training step while padding grows from 0 to 95 % of the grid.

    python benchmarks/layers.py                    some 7 minutes on two cores
    python benchmarks/layers.py --only LSTM Conv1D
    python benchmarks/layers.py --quick            does it run?

32 sequences of 32 steps of 64 features lie in grids of 32, 64, 160 and 640 slots: 0, 50, 80 and
95 % of a grid is padding, the real steps stay. A training step is the forward pass and the
gradients of the inputs and of every weight. Who gets what:

unpad       the Ragged of the grid, with a layout that no layer has seen yet: what the first layer
            of a model derives from it for all others is timed
Keras       on torch: the grid, its mask on the tensor
torch       torch's own layer, where there is one: the grid, and a mask where it takes one

Nobody pays for the door, and each one's weights are listed before the clock runs.

Answers come first: where nothing is padded, unpad's outputs and every gradient are Keras's with the
same weights; in each grid they are those without padding. (Keras's and torch's in a padded grid may
be wrong: docs/coming-from-keras.md. They are timed all the same.) Layers that draw numbers are
compared out of training and timed in training.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import Any

import harness
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

SHARES = (0.0, 0.5, 0.8, 0.95)
QUICK = (0.0, 0.5)
FLAT = 1.25
SECONDS = 5.0


def main() -> int:
    """Run from the command line; the exit status."""
    parser = harness.parser(__doc__)
    parser.add_argument("--only", nargs="+", metavar="LAYER", help="some of the layers")
    options = parser.parse_args()
    if options.measure:
        import layer_steps

        return harness.answer(lambda: layer_steps.measured(**options.measure))
    seconds, shares = (0.0, QUICK) if options.quick else (SECONDS, SHARES)
    console, machine = Console(width=max(110, Console().width)), harness.machine()
    with console.status("every layer, in every grid"):
        request = {"only": options.only, "shares": shares, "seconds": seconds}
        found = harness.apart(__file__, request)
    if "missing" in found:
        harness.say(console, f"{found['missing']} is not installed", "red")
        return 1
    layers = {name: with_ratios(ms) for name, ms in sorted(found["layers"].items())}
    console.print(table(layers, shares))
    growth = {name: of["unpad"]["relative"][-1] for name, of in layers.items()}
    worst = max(growth, key=growth.__getitem__)
    ahead = [of["keras_over_unpad"] for of in layers.values() if "keras_over_unpad" in of]
    say_summary(console, growth, ahead)
    report = {
        "layers": layers,
        "machine": machine,
        "settings": {**found["settings"], "seconds": seconds, "shares": shares},
        "targets": [
            harness.at_most(
                f"unpad's step at 95 % padding over that at 0 %, the worst layer ({worst})",
                FLAT, growth[worst], not options.quick,
            )
        ],
        "versions": found["versions"],
    }  # fmt: skip
    return harness.finish(console, "layers", report, options.quick)


def with_ratios(ms: dict[str, list[float]]) -> dict[str, Any]:
    """Each contender's times, and what is read from them."""
    result: dict[str, Any] = {
        who: {"ms": times, "relative": [round(t / times[0], 3) for t in times]}
        for who, times in ms.items()
    }
    for who in ("keras", "torch"):
        if who in ms:
            ours = ms["unpad"]
            result[f"{who}_over_unpad"] = [
                round(ms[who][at] / ours[at], 3) for at in (0, len(ours) - 1)
            ]
    return result


def table(layers: dict[str, Any], shares: tuple[float, ...]) -> Table:
    """A row for each layer: milliseconds without padding, growth, and the others' times."""
    percent = [f"{share:.0%}" for share in shares]
    table = Table(
        title="A training step while padding grows",
        caption=f"ms: unpad's, without padding. x: one's own time over that at 0 %, at "
        f"{', '.join(percent[1:])}. Others' times over unpad's: at 0 % and at {percent[-1]}.",
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    columns = ("layer", "ms", "unpad x", "Keras x", "torch x", "Keras / unpad",
               "torch / unpad")  # fmt: skip
    for title in columns:
        table.add_column(title, justify="left" if title == "layer" else "right", no_wrap=True)
    for name, of in layers.items():
        growth = [of.get(who, {}).get("relative", [])[1:] for who in ("unpad", "keras", "torch")]
        ratios = [of.get(f"{who}_over_unpad", []) for who in ("keras", "torch")]
        numbers = (" ".join(f"{x:.2f}" for x in of_one) for of_one in (*growth, *ratios))
        table.add_row(name, f"{of['unpad']['ms'][0]:.2f}", *numbers)
    return table


def say_summary(console: Console, growth: dict[str, float], ahead: list[list[float]]) -> None:
    flat = sum(g <= FLAT for g in growth.values())
    harness.say(
        console,
        f"Layers: {len(growth)}. From least to most padding unpad's step takes"
        f" {median(growth.values()):.2f} times as long (median); {flat} layers stay below {FLAT}.",
    )
    if ahead:
        first, last = (median(ratios) for ratios in zip(*ahead, strict=True))
        harness.say(
            console,
            f"Keras's time over unpad's, median of {len(ahead)} layers: {first:.2f} without"
            f" padding, {last:.1f} with most. unpad is faster without padding on"
            f" {sum(r[0] > 1 for r in ahead)}, with most on {sum(r[1] > 1 for r in ahead)}.",
        )


if __name__ == "__main__":
    sys.exit(main())
