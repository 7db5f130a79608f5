"""Train the same tagger with unpad and its peers, check the accuracies, then compare speed.

    python benchmarks/tagger.py                     everything, some 20 minutes on two cores
    python benchmarks/tagger.py --quick             does it run? no accuracy is checked
    python benchmarks/tagger.py --only unpad torch-packed

1. Accuracy: each contender trains on UD English EWT for three epochs; dev accuracy is counted
   from its predictions. One below its floor ends the run with exit status 1, before any ratio.
2. Speed: rounds of short timings, every contender in turn in each round, so that a slow minute of
   the machine hits all alike; medians, and ratios of medians.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import contenders
import corpora
import harness
import measure
import tagger_report
from harness import threads
from rich.console import Console

# Least dev accuracy after three epochs. PyTorch's initialisers learn more slowly than Keras's, and
# batches of one length more slowly still.
FLOORS = {
    "unpad": 0.905,
    "keras-tensorflow": 0.905,
    "keras-jax": 0.905,
    "torch-packed": 0.88,
    "torch-bucketed": 0.86,
}
# A library's own accuracy is float32 arithmetic over batches; a mask that got lost shows in the
# second digit.
REPORTED_TOLERANCE = 1e-4


def main() -> int:
    """Run from the command line; the exit status."""
    options = parse()
    if options.contender:
        return harness.answer(lambda: measured_here(options))
    console = Console()
    try:
        corpora.folder("ud_english_ewt")
    except corpora.CorpusMissing as error:
        console.print(str(error), style="red", highlight=False, soft_wrap=True)
        return 2
    machine = harness.machine()
    names = [name for name in contenders.NAMES if name in options.only]
    accuracies = measure_accuracies(console, names, options)
    names = [name for name in names if accuracies[name]]
    failures = [] if options.quick else failed_checks(accuracies)
    for failure in failures:
        console.print(failure, style="red", highlight=False, soft_wrap=True)
    if failures:
        return 1
    rounds = measure_speeds(console, names, options)
    report = tagger_report.make(
        accuracies=accuracies,
        rounds=rounds,
        settings={
            "batch": contenders.BATCH,
            "epochs": options.epochs,
            "quick": options.quick,
            "rounds": options.rounds,
            "seed": contenders.SEED,
            "timing_batches": options.timing_batches,
            "timing_seconds": options.timing_seconds,
        },
        machine=machine,
        floors=FLOORS,
    )
    tagger_report.show(console, report)
    harness.write(console, "tagger", report, options.quick)
    return 0


def parse() -> argparse.Namespace:
    """The command line, with the defaults that depend on `--quick`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--only", nargs="+", choices=contenders.NAMES, default=contenders.NAMES, metavar="NAME")
    add("--quick", action="store_true", help="one epoch of a few batches, one short round")
    add("--rounds", type=int, help="timing rounds (default 3; 1 with --quick)")
    add("--timing-batches", type=int, help="batches in a timed pass (default 40; 8 with --quick)")
    add("--timing-seconds", type=float, help="least time of a timing (default 5; 1 with --quick)")
    add("--contender", choices=(*contenders.NAMES, "sgemm"), help=argparse.SUPPRESS)
    add("--task", choices=("accuracy", "timing"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    quick = options.quick
    options.rounds = options.rounds or (1 if quick else 3)
    options.timing_batches = options.timing_batches or (8 if quick else 40)
    options.timing_seconds = options.timing_seconds or (1.0 if quick else 5.0)
    options.epochs = 1 if quick else 3
    return options


# In a process of its own


def measured_here(options: argparse.Namespace) -> dict[str, Any]:
    """One measurement, made in this process."""
    if options.contender == "sgemm":
        return measure.sgemm(threads())
    task = corpora.english_ewt()

    def make() -> contenders.Contender:
        return contenders.create(options.contender, task, threads())

    if options.task == "timing":
        return measure.timing(make, task, options.timing_batches, options.timing_seconds)
    batches = options.timing_batches if options.quick else None
    return measure.accuracy(make, task, options.epochs, batches)


def measure_apart(name: str, task: str, options: argparse.Namespace) -> dict[str, Any]:
    """The same in a fresh process; {"missing": name} if a library is not installed."""
    arguments = [__file__, "--contender", name, "--task", task]
    arguments += ["--rounds", str(options.rounds)]
    arguments += ["--timing-batches", str(options.timing_batches)]
    arguments += ["--timing-seconds", str(options.timing_seconds)]
    arguments += ["--quick"] if options.quick else []
    return harness.run(f"{name}: {task}", arguments)


# In turn


def measure_accuracies(
    console: Console, names: list[str], options: argparse.Namespace
) -> dict[str, dict[str, Any] | None]:
    """Each contender's accuracies; None where its library is not installed."""
    found: dict[str, dict[str, Any] | None] = {}
    for name in names:
        with console.status(f"{name}: training for dev accuracy, epochs: {options.epochs}"):
            result = measure_apart(name, "accuracy", options)
        if "missing" in result:
            console.print(f"{name}: skipped, {result['missing']} is not installed")
            found[name] = None
        else:
            epochs = " ".join(f"{value:.3f}" for value in result["accuracy"])
            console.print(f"{name}: dev accuracy after each epoch {epochs}", highlight=False)
            found[name] = result
    return found


def measure_speeds(
    console: Console, names: list[str], options: argparse.Namespace
) -> list[dict[str, dict[str, Any]]]:
    """For every round, what each contender and sgemm reached."""
    rounds = []
    for number in range(options.rounds):
        turn = number % (len(names) or 1)  # another one starts, so that none is always after Keras
        result = {}
        for name in ["sgemm", *names[turn:], *names[:turn]]:
            with console.status(f"round {number + 1} of {options.rounds}: {name}"):
                result[name] = measure_apart(name, "timing", options)
        rounds.append(result)
        console.print(f"Timing round {number + 1} of {options.rounds} done", highlight=False)
    return rounds


def failed_checks(accuracies: dict[str, dict[str, Any] | None]) -> list[str]:
    """A line for each contender that did not learn, or whose library counts differently."""
    lines = []
    for name, result in accuracies.items():
        if result is None:
            continue
        last, reported = result["accuracy"][-1], result["reported_accuracy"]
        if last < FLOORS[name]:
            lines.append(f"{name}: dev accuracy {last:.4f} is below its floor {FLOORS[name]}")
        if reported is not None and abs(reported - last) > REPORTED_TOLERANCE:
            lines.append(
                f"{name}: evaluate reports accuracy {reported:.4f}, but {last:.4f} of the labels"
                " that it predicts for real steps are right"
            )
    return lines


if __name__ == "__main__":
    sys.exit(main())
