"""Flatten after an Embedding: an epoch of 20 Newsgroups, against Keras on TensorFlow.

    python benchmarks/newsgroups.py            some 10 minutes on two cores
    python benchmarks/newsgroups.py --quick    does it run?

The network and the data are those of examples/seeds/padding_embedded_as_zeros.py: posts in grids of
1,100 slots, 143 filled on average; Embedding(300), Flatten, Dense(25), Dropout(0.3), softmax over
20 groups; Adam, batches of 128. 10 million weights are in the table, 8 million in the hidden layer.

    unpad            Embedding(mask_zero=True) and Flatten(): (c) of the example
    unpad-lambda     padding set to zero by a Lambda: (b)
    keras-tensorflow the same lines as unpad-lambda

Every measurement is a process of its own, in rounds, the contenders in turn. Each trains for three
epochs, and after each the held-out posts are judged: all must have told .70 of them right after the
first epoch and unpad .87 after the third, else no ratio is printed. An epoch's time is that from
its beginning to its end, by the same callback for all, without the first epoch, in which libraries
compile. Peak memory is the process's.

The bound: at each step Adam reads and writes w, m and v of every weight, 24 bytes, and the hidden
layer's gradient is written and read, 8 more. What remains of a step could be free, this could not:
its bytes an epoch over the bytes a second that this machine streams (`torch.add` of arrays that no
cache holds) are the least that an epoch can take with exact Adam.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import harness
import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

NAMES = ("unpad", "unpad-lambda", "keras-tensorflow")
KINDS = {"unpad": "mask_zero", "unpad-lambda": "lambda", "keras-tensorflow": "lambda"}
AFTER_ONE, AFTER_THREE = 0.70, 0.87
FASTER = 3.0
SIZE, GROUPS, BATCH = (300, 25), 20, 128
STREAMED = 25_000_000  # numbers in each of the arrays that tell the machine's bandwidth


def main() -> int:
    """Run from the command line; the exit status."""
    parser = harness.parser(__doc__)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    options = parser.parse_args()
    if options.measure:
        return harness.answer(lambda: _TASKS[options.measure.pop("task")](**options.measure))
    console, machine = Console(), harness.machine()
    settings = {"epochs": 3, "rounds": 3, "posts": None}
    if options.quick:
        settings = {"epochs": 2, "rounds": 1, "posts": 512}
    results: dict[str, list[dict[str, Any]]] = {}
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "posts.npz")
        with console.status("reading the posts"):
            sizes = harness.apart(
                __file__, {"task": "prepare", "path": path, "posts": settings["posts"]}
            )
        rates = []
        for number in range(settings["rounds"]):
            with console.status(f"round {number + 1}: bandwidth"):
                rates.append(harness.apart(__file__, {"task": "stream"})["gb_per_second"])
            for name in (n for n in NAMES if n in options.only):
                request = {"task": "train", "name": name, "path": path}
                with console.status(f"round {number + 1}: {name}"):
                    result = harness.apart(__file__, {**request, "epochs": settings["epochs"]})
                if "missing" in result:
                    harness.say(console, f"{name}: skipped, {result['missing']} is not installed")
                else:
                    versions |= result.pop("versions")
                    results.setdefault(name, []).append(result)
    failures = [] if options.quick else failed_checks(results)
    for failure in failures:
        harness.say(console, failure, "red")
    if failures:
        return 1
    found = {name: summed(rounds) for name, rounds in results.items()}
    steps = -(-sizes["train"] // BATCH)
    gigabytes = steps * (24 * (sizes["table"] + sizes["hidden"]) + 8 * sizes["hidden"]) / 1e9
    bound = gigabytes / max(rates)
    console.print(table(found))
    harness.say(
        console,
        f"Adam's {sizes['table'] / 1e6:.1f} + {sizes['hidden'] / 1e6:.1f} million weights:"
        f" {gigabytes:.0f} GB an epoch; at {max(rates):.0f} GB/s that is {bound:.2f} s",
    )
    ours, theirs = found.get("unpad"), found.get("keras-tensorflow")
    if ours:
        harness.say(console, f"unpad's epoch is {ours['seconds'] / bound:.1f} times this bound")
    ratio = theirs["seconds"] / ours["seconds"] if ours and theirs else None
    memory = theirs["peak_mb"] / ours["peak_mb"] if ours and theirs else None
    if memory:
        harness.say(console, f"Keras's peak memory is {memory:.1f} times unpad's")
    report = {
        "bound_seconds": round(bound, 3),
        "contenders": found,
        "gb_per_second": [round(rate, 1) for rate in rates],
        "machine": machine,
        "memory_ratio": harness.rounded(memory, 2),
        "settings": {**settings, **sizes, "batch": BATCH},
        "targets": [
            harness.at_least(
                "Keras's epoch of (b) over unpad's of (c)", FASTER, ratio, not options.quick
            )
        ],
        "versions": versions,
    }
    return harness.finish(console, "newsgroups", report, options.quick)


# In a process of its own


def prepare(path: str, posts: int | None) -> dict[str, Any]:
    """Write the arrays to a file; their sizes."""
    example = _example()
    folder = example.folder()
    if folder is None:
        from corpora import CorpusMissing

        raise CorpusMissing("20 Newsgroups is missing: set UNPAD_TEST_DATA to the folder it is in.")
    words, y = example.posts(folder)
    x, y, x_test, y_test, count = example.prepared(words, y, example.SLOTS, seldom=6)
    x, y = x[:posts], y[:posts]
    np.savez(path, x=x, y=y, x_test=x_test[:posts], y_test=y_test[:posts], words=count)
    return {
        "filled": round(float((x > 0).sum(1).mean()), 1),
        "hidden": x.shape[1] * SIZE[0] * SIZE[1],
        "slots": x.shape[1],
        "table": count * SIZE[0],
        "train": len(x),
    }


def train(name: str, path: str, epochs: int) -> dict[str, Any]:
    """Seconds of each epoch and of the door, held-out accuracy after each, peak memory."""
    from contenders import keras_script

    if name.startswith("keras-"):
        os.environ["KERAS_BACKEND"] = name.removeprefix("keras-")
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(harness.threads())
        tensorflow.config.threading.set_inter_op_parallelism_threads(harness.threads())
        keras = importlib.import_module("keras")
    else:
        import torch

        torch.set_num_threads(harness.threads())
        keras = importlib.import_module("unpad")
    data = np.load(path)
    x, y, x_test, y_test = (data[key] for key in ("x", "y", "x_test", "y_test"))
    loaded = harness.peak_mb()
    keras.utils.set_random_seed(0)
    network = _example().network
    model = network(keras, int(data["words"]), x.shape[1], SIZE, GROUPS, KINDS[name])
    seconds, doors, accuracy = [], [], []
    for _ in range(epochs):
        watch = keras_script.stopwatch(keras)
        start = time.perf_counter()
        model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0, callbacks=[watch])
        seconds.append(watch.seconds)
        doors.append(time.perf_counter() - start - watch.seconds)
        peak = harness.peak_mb()
        told = model.predict(x_test, batch_size=BATCH, verbose=0)
        accuracy.append(float((np.asarray(told).argmax(1) == y_test.argmax(1)).mean()))
    return {
        "accuracy": accuracy,
        "door": median(doors),
        "growth_mb": peak - loaded,
        "peak_mb": peak,
        "seconds": seconds,
        "versions": harness.versions(),
    }


def stream() -> dict[str, float]:
    """How fast the machine reads two arrays and writes a third, at best."""
    import torch

    torch.set_num_threads(harness.threads())
    a, b, out = (torch.ones(STREAMED) for _ in range(3))
    best = min(_seconds(lambda: torch.add(a, b, out=out)) for _ in range(20))
    return {"gb_per_second": 3 * 4 * STREAMED / best / 1e9}


_TASKS = {"prepare": prepare, "stream": stream, "train": train}


def _seconds(run: Any) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _example() -> Any:
    """The example's module, which imports neither library by itself."""
    place = Path(__file__).parents[1] / "examples" / "seeds"
    sys.path.insert(0, str(place))
    try:
        return importlib.import_module("padding_embedded_as_zeros")
    finally:
        sys.path.remove(str(place))


# What was found


def failed_checks(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    """A line for each training that told too few of the held-out posts right."""
    lines = []
    for name, rounds in results.items():
        floors = {0: AFTER_ONE, **({2: AFTER_THREE} if name == "unpad" else {})}
        for result in rounds:
            lines += [
                f"{name}: accuracy {result['accuracy'][epoch]:.3f} after epoch {epoch + 1}, at"
                f" least {floor} was expected"
                for epoch, floor in floors.items()
                if not result["accuracy"][epoch] >= floor
            ]
    return lines


def summed(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the rounds; an epoch's is of all but first epochs."""
    epochs = [s for result in rounds for s in result["seconds"][1:]]
    return {
        "accuracy": [round(value, 4) for value in rounds[0]["accuracy"]],
        "door": round(median(result["door"] for result in rounds), 2),
        "epochs": [round(s, 2) for s in epochs],
        "growth_mb": round(median(result["growth_mb"] for result in rounds)),
        "peak_mb": round(median(result["peak_mb"] for result in rounds)),
        "seconds": round(median(epochs), 3),
    }


def table(found: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="An epoch of 20 Newsgroups", box=SIMPLE, padding=0)
    titles = ("", "s an epoch", "of unpad's", "before it, s", "peak MB", "growth", "accuracy")
    for title in titles:
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    ours = found.get("unpad", {}).get("seconds")
    for name, of in found.items():
        table.add_row(
            name,
            f"{of['seconds']:.2f}",
            f"{of['seconds'] / ours:.2f}" if ours else "",
            f"{of['door']:.2f}",
            f"{of['peak_mb']:,}",
            f"{of['growth_mb']:,}",
            " ".join(f"{value:.3f}" for value in of["accuracy"]),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
