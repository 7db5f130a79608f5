"""One process and two, on the same batches: speed, and how long processes wait for each other.

    python benchmarks/processes.py            some minutes on two cores
    python benchmarks/processes.py --quick    does it run?

A tagger (Embedding(100), two Bidirectional(LSTM(100)), softmax; Adam) trains on sentences of UD
English EWT, 32 a batch. Three ways, in turn: one process on one thread; one process on two threads;
two processes on one thread each, 16 sentences a process. First the weights after an epoch are
compared: two processes must end where one does. A process waits while what it adds up with the
other is not there: what the other works longer, and the message itself.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import corpora
import harness
from rich.console import Console

BATCH, SENTENCES, QUICK, ROUNDS = 32, 4000, 600, 3
WAYS = {"1 process": (1, 1), "1 process, 2 threads": (1, 2), "2 processes": (2, 1)}
# Of float32 sums in another order, after an epoch of Adam.
TOLERANCE = 1e-3


def main() -> int:
    """Run from the command line; the exit status."""
    options = harness.parser(__doc__).parse_args()
    if options.measure:
        return measured_here(options.measure)
    console, machine = Console(), harness.machine()
    rounds = 1 if options.quick else ROUNDS
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for way in WAYS:
                found[way].append(measured(way, Path(folder) / "weights.npz", options.quick))
                difference = found[way][-1]["difference"]
                if difference > TOLERANCE:
                    harness.say(console, f"{way}: weights differ by {difference}", "red")
                    return 1
    report: dict[str, Any] = {"machine": machine, "versions": found["1 process"][0]["versions"]}
    report["ways"] = {
        way: {
            "steps_a_second": round(statistics.median(r["steps_a_second"] for r in results)),
            "waiting": round(statistics.median(r["waiting"] for r in results), 3),
            "difference": max(r["difference"] for r in results),
        }
        for way, results in found.items()
    }
    alone = report["ways"]["1 process"]["steps_a_second"]
    for way, figures in report["ways"].items():
        harness.say(
            console,
            f"{way}: {figures['steps_a_second']:,} steps/s, {figures['steps_a_second'] / alone:.2f}"
            f" of one; waiting {figures['waiting']:.1%}; weights differ by at most "
            f"{figures['difference']:.1e} after an epoch",
        )
    report["targets"] = []
    return harness.finish(console, "processes", report, options.quick)


def measured(way: str, weights: Path, quick: bool) -> dict[str, Any]:
    """What one way gives, in processes of its own; the first leaves its weights for the others."""
    processes, threads = WAYS[way]
    request = {"threads": threads, "weights": str(weights), "quick": quick, "world": processes}
    script = [__file__, "--measure", harness.json.dumps(request)]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        return harness.run(way, [*launcher, *script])
    return harness.run(way, script)


def measured_here(request: dict[str, Any]) -> int:
    """An epoch whose weights are compared, and another that is timed; the first process prints."""
    import numpy as np
    import torch

    import unpad as keras
    from unpad.ranks import is_first, waited

    torch.set_num_threads(request["threads"])
    task = corpora.english_ewt()
    some = task.train.take(np.arange(QUICK if request["quick"] else SENTENCES))
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Embedding(task.vocab_size, 100),
            layers.Bidirectional(layers.LSTM(100, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(100, return_sequences=True)),
            layers.Dense(task.num_tags, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    data = keras.Ragged.from_list(some.x), keras.Ragged.from_list(some.y)
    options = {"batch_size": BATCH // request["world"], "verbose": 0}
    model.fit(*data, epochs=1, **options)
    path = Path(request["weights"])
    mine = model.get_weights()
    start, before = time.perf_counter(), waited()
    model.fit(*data, initial_epoch=1, epochs=2, **options)
    seconds, waiting = time.perf_counter() - start, waited() - before
    if is_first():
        if not path.exists():
            np.savez(path, *mine)
        kept = np.load(path)
        differences = [abs(a - b).max() for a, b in zip(mine, kept.values(), strict=True)]
        result = {
            "steps_a_second": some.steps / seconds,
            "waiting": waiting / seconds,
            "difference": float(max(differences)),
            "versions": harness.versions(),
        }
        print(harness.json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
