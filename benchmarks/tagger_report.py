"""What `tagger.py` measured, as one small dictionary and as tables for a person."""

from __future__ import annotations

import functools
from statistics import median
from typing import Any

import harness
from contenders import EMBEDDING, UNITS
from harness import rounded
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

KERAS = ("keras-tensorflow", "keras-jax")
PACKED = ("torch-packed", "torch-bucketed")
UNSTEADY = 0.2
NUM_TAGS = 17


def flops_per_step() -> dict[str, int]:
    """The arithmetic of one real step that cannot be avoided, in matrix products alone.

    An LSTM multiplies its input and its state by 4 * UNITS columns. Multiply-adds of a step:

        first Bidirectional     2 * (100 + 100) * 400 = 160,000
        second Bidirectional    2 * (200 + 100) * 400 = 240,000
        Dense                   200 * 17              =   3,400

    403,400 of two operations each: 0.8 MFLOP to predict. Training needs each product three times
    (forward, gradient of the input, gradient of the weights): 2.4 MFLOP.
    """
    gates = 4 * UNITS
    first = 2 * (EMBEDDING + UNITS) * gates
    second = 2 * (2 * UNITS + UNITS) * gates
    forward = 2 * (first + second + 2 * UNITS * NUM_TAGS)
    return {"train": 3 * forward, "predict": forward}


def make(
    *,
    accuracies: dict[str, dict[str, Any] | None],
    rounds: list[dict[str, dict[str, Any]]],
    settings: dict[str, Any],
    machine: dict[str, Any],
    floors: dict[str, float],
) -> dict[str, Any]:
    """Medians, ratios, bounds and targets. A contender that was not there is None."""
    gflops = max((r["sgemm"].get("gflops", 0.0) for r in rounds), default=0.0)
    bound = {kind: gflops * 1e9 / flops for kind, flops in flops_per_step().items()}
    found, versions = {}, {}
    for name, result in accuracies.items():
        found[name] = None if result is None else _contender(name, result, rounds)
        versions.update({} if result is None else result["versions"])
    unpad = found.get("unpad")
    for values in found.values():
        if values is not None and unpad is not None:
            for kind in ("train", "predict"):
                values[f"unpad_{kind}_ratio"] = rounded(
                    _speed(unpad, kind) / _speed(values, kind), 2
                )
    share = None
    if unpad is not None and gflops:
        share = {kind: rounded(_speed(unpad, kind) / bound[kind], 3) for kind in bound}
    return {
        "bound_steps_per_second": {kind: rounded(value) for kind, value in bound.items()},
        "contenders": found,
        "floors": floors,
        "machine": {**machine, "sgemm_gflops": rounded(gflops, 1)},
        "settings": settings,
        "targets": _targets(found, checked=not settings["quick"]),
        "unpad_share_of_bound": share,
        "versions": versions,
    }


def _contender(
    name: str, result: dict[str, Any], rounds: list[dict[str, dict[str, Any]]]
) -> dict[str, Any]:
    values: dict[str, Any] = {
        "dev_accuracy": [rounded(value, 4) for value in result["accuracy"]],
        # the first epoch compiles
        "full_epochs_train": [rounded(value) for value in result["epoch_steps_per_second"][1:]],
        "memory_growth_mb": rounded(result["growth_mb"]),
        "memory_peak_mb": rounded(result["peak_mb"]),
    }
    for kind in ("train", "predict"):
        speeds = [r[name][kind] for r in rounds]
        values[f"{kind}_steps_per_second"] = {
            "median": rounded(median(speeds)),
            "rounds": [rounded(speed) for speed in speeds],
        }
    return values


def _speed(values: dict[str, Any], kind: str) -> float:
    return values[f"{kind}_steps_per_second"]["median"]


def _targets(found: dict[str, Any], checked: bool) -> list[dict[str, Any]]:
    """Each target with what was measured; `met` is None where something to compare was absent."""

    def against(peers: tuple[str, ...], kind: str) -> float | None:
        """Unpad's speed over the fastest peer's, if unpad and every one of the peers ran."""
        if found.get("unpad") is None or any(found.get(peer) is None for peer in peers):
            return None
        fastest = max(_speed(found[peer], kind) for peer in peers)
        return _speed(found["unpad"], kind) / fastest

    accuracy = found["unpad"]["dev_accuracy"][-1] if found.get("unpad") else None
    targets = [
        ("dev accuracy after the last epoch", 0.905, accuracy),
        ("training, times Keras's best backend", 5.0, against(KERAS, "train")),
        ("predicting, times packed PyTorch's best", 1.0, against(PACKED, "predict")),
    ]
    return [harness.at_least(what, least, value, checked) for what, least, value in targets]


def show(console: Console, report: dict[str, Any]) -> None:
    """Print the report."""
    _show_contenders(console, report["contenders"])
    machine, bound = report["machine"], report["bound_steps_per_second"]

    say = functools.partial(harness.say, console)
    harness.say_machine(console, machine, report["versions"])
    if machine["sgemm_gflops"]:
        train, predict = (value / 1e6 for value in flops_per_step().values())
        say(
            f"sgemm: {machine['sgemm_gflops']:.0f} GFLOP/s. GEMM bound, at {train:.1f} MFLOP a step"
            f" to train and {predict:.1f} to predict: {bound['train']:,} and"
            f" {bound['predict']:,} steps/s"
        )
    if share := report["unpad_share_of_bound"]:
        say(
            f"unpad's share of it: {share['train']:.0%} training, {share['predict']:.0%} predicting"
        )
    harness.say_targets(console, report["targets"])
    if unsteady := _unsteady(report["contenders"]):
        say(f"Rounds differ by more than {UNSTEADY:.0%}: {', '.join(unsteady)}", "yellow")
    if report["settings"]["quick"]:
        say(
            "QUICK RUN: trained on a few batches. NO ACCURACY WAS CHECKED, no speed is a result",
            "bold red",
        )


def _show_contenders(console: Console, found: dict[str, Any]) -> None:
    table = Table(
        title="Tagger on UD English EWT; a step is a word",
        caption="Last column: how many times faster unpad trains / predicts",
        box=SIMPLE,
        padding=0,
    )
    table.add_column("contender", no_wrap=True)
    for title in (
        "training\nsteps/s",
        "predicting\nsteps/s",
        "dev accuracy\nby epoch",
        "peak MB\n(growth)",
        "unpad is\nfaster",
    ):
        table.add_column(title, justify="right")
    for name, values in found.items():
        if values is None:
            table.add_row(name, "absent")
            continue
        ratios = [values.get(f"unpad_{kind}_ratio") for kind in ("train", "predict")]
        table.add_row(
            name,
            f"{_speed(values, 'train'):,}",
            f"{_speed(values, 'predict'):,}",
            " ".join(f"{value:.3f}".lstrip("0") for value in values["dev_accuracy"]),
            f"{values['memory_peak_mb']:,} ({values['memory_growth_mb']:,})",
            "" if None in ratios else " / ".join(f"{ratio:.2f}" for ratio in ratios),
        )
    console.print(table)


def _unsteady(found: dict[str, Any]) -> list[str]:
    names = []
    for name, values in found.items():
        for kind in ("train", "predict") if values else ():
            rounds = values[f"{kind}_steps_per_second"]["rounds"]
            if max(rounds) - min(rounds) > UNSTEADY * median(rounds):
                names.append(f"{name} {kind}")
    return names
