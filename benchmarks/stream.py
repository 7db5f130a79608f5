"""A Parquet folder far larger than memory: how much memory training takes, and how fast it is.

    python benchmarks/stream.py            some 2 minutes on two idle cores
    python benchmarks/stream.py --quick    does it run?

UD English EWT is repeated into a folder of Parquet files until its ids are 8 MB, which is the
bound that memory is held against, and into one 20 times as large, once in row groups of 8,192
sentences and once in a row group a file, of 250,880, as pyarrow writes where nothing is said. A
process of its own for each trains an epoch of it, shuffled by row group and buffer, and says its
peak resident memory: with an Embedding(8) and a softmax alone, since what is asked is whether
anything of the data stays.

Speed is that of the tagger of tagger.py, on the same sentences: from a folder and from memory, in
turn, in one process, by its time on processors and by what it waited for data, so that it can be
read on a busy machine too. The weights of two streamed epochs are the same bits, and each sentence
has been in an epoch once.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import corpora
import harness
import numpy as np
from rich.console import Console

MB = 1 << 20
BOUND, TIMES, BATCH = 8 * MB, 20, 32
FULL = {"bound": BOUND, "sentences": 1024, "rounds": 7}
QUICK = {"bound": MB // 2, "sentences": 256, "rounds": 1}
GROWTH, SPEED = 1.05, 0.9
# Sentences of a row group.
GROUP = 8192


def main() -> int:
    """Run from the command line; the exit status."""
    options = harness.parser(__doc__).parse_args()
    if options.measure:
        return harness.answer(lambda: MEASURES[options.measure.pop("what")](**options.measure))
    console, machine = Console(), harness.machine()
    sizes = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory() as temporary:
        peaks = []
        for times, group in ((1, GROUP), (TIMES, GROUP), (TIMES, None)):
            folder = Path(temporary) / f"{times}-{group}"
            with console.status(f"memory: {times} times the bound"):
                steps = write(folder, sizes["bound"] * times, group)
                found = harness.apart(__file__, {"what": "memory", "folder": str(folder)})
            if found["steps"] != steps:
                harness.say(console, f"read {found['steps']} steps of {steps}", "red")
                return 1
            peaks.append(round(found["peak_mb"], 1))
            harness.say(
                console,
                f"{times:>2} times {sizes['bound'] / MB:g} MB, row groups of"
                f" {group or 'a file'}: peak {found['peak_mb']:.0f} MB,"
                f" {steps / found['seconds'] / 1e6:.2f} million steps/s,"
                f" waiting {found['waiting']:.1%}",
            )
        with console.status("speed: the tagger, from a folder and from memory"):
            request = {"what": "speed", "folder": str(Path(temporary) / "speed")}
            counts = {name: sizes[name] for name in ("sentences", "rounds")}
            speed = harness.apart(__file__, request | counts)
    if speed["wrong"]:
        harness.say(console, speed["wrong"], "red")
        return 1
    for kind in ("memory", "stream"):
        harness.say(console, f"tagger from {kind}: {median(speed[kind]):,.0f} steps/s")
    harness.say(console, f"waiting for the stream: {speed['waiting']:.2%} of the time")
    # The clock of a busy machine says what else ran: time on processors does not, nor the wait.
    work = speed["processor_seconds"]
    ratios = [
        m / s * (1 - speed["waiting"]) for s, m in zip(work["stream"], work["memory"], strict=True)
    ]
    harness.say(console, f"speed from the stream over that from memory: {median(ratios):.3f}")
    checked = not options.quick
    report = {
        "machine": machine,
        "peak_mb": dict(zip(("1", "20", "20, one row group a file"), peaks, strict=True)),
        "settings": {**sizes, "times": TIMES, "batch": BATCH, "row_group": GROUP},
        "steps_a_second": {k: round(median(speed[k])) for k in ("memory", "stream")},
        "targets": [
            harness.at_most(
                "peak memory at 20 times the bound over that at 1 time",
                GROWTH, peaks[1] / peaks[0], checked,
            ),
            harness.at_most(
                "the same in one row group a file", GROWTH, peaks[2] / peaks[0], checked
            ),
            harness.at_least(
                "speed from a folder over that from memory", SPEED, median(ratios), checked
            ),
        ],
        "versions": speed["versions"],
        "waiting": round(speed["waiting"], 4),
    }  # fmt: skip
    return harness.finish(console, "stream", report, options.quick)


def write(folder: Path, size: int, group: int | None) -> int:
    """Train's sentences again and again, ids of so many bytes in all; the number of steps."""
    data = corpora.english_ewt().train
    copies = -(-size // (8 * data.steps))
    # Files of 20 copies, each in row groups of its own; equal ones are links to the first.
    for first in range(0, copies, TIMES):
        n, path = min(TIMES, copies - first), folder / f"part-{first:04}.parquet"
        if first and n == TIMES:
            os.link(folder / "part-0000.parquet", path)
        else:
            write_table(folder, data, n, path.name, group)
    return copies * data.steps


def write_table(
    folder: Path,
    data: corpora.Sentences,
    copies: int = 1,
    name: str = "part-0000.parquet",
    group: int | None = GROUP,
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(exist_ok=True)
    table = pa.table({"words": _column(data.x), "tags": _column(data.y)})
    if group is None:
        pq.write_table(pa.concat_tables([table] * copies), folder / name)
        return
    with pq.ParquetWriter(folder / name, table.schema) as writer:
        for _ in range(copies):
            writer.write_table(table, row_group_size=group)


def _column(arrays: list[np.ndarray]) -> Any:
    import pyarrow as pa

    offsets = np.cumsum([0, *map(len, arrays)])
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(np.concatenate(arrays)))


# In a process of its own


def tagger(width: int, layers: list[Any]) -> Any:
    import unpad as keras

    data = corpora.english_ewt()
    keras.utils.set_random_seed(0)
    ends = [keras.layers.Dense(data.num_tags, activation="softmax")]
    model = keras.Sequential([keras.layers.Embedding(data.vocab_size, width)])
    for layer in layers + ends:
        model.add(layer)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def memory(folder: str) -> dict[str, Any]:
    """The peak of one epoch of a model that is hardly any work."""
    import unpad as keras

    class Counter(keras.layers.Layer):
        steps = 0

        def call(self, x: Any) -> Any:
            self.steps += len(x.values)
            return x

    data, counter = corpora.english_ewt().dev, Counter()
    model = tagger(8, [counter])
    model.fit(data.x, data.y, verbose=0)
    counter.steps = 0
    start = time.perf_counter()
    history = model.fit(folder, batch_size=1024, verbose=0, **COLUMNS).history
    return {
        "peak_mb": harness.peak_mb(),
        "seconds": time.perf_counter() - start,
        "steps": counter.steps,
        "waiting": history["waiting"][0],
    }


def speed(folder: str, sentences: int, rounds: int) -> dict[str, Any]:
    """Steps a second of the tagger, from a folder and from memory in turn."""
    import torch

    import unpad as keras

    data = corpora.english_ewt().train.take(np.arange(sentences))
    write_table(Path(folder), data)
    layers = keras.layers

    def made() -> Any:
        return tagger(
            100,
            [layers.Bidirectional(layers.LSTM(100, return_sequences=True)) for _ in range(2)],
        )

    def fit(model: Any, given: Any, **options: Any) -> Any:
        return model.fit(*given, batch_size=BATCH, verbose=0, **options).history

    here, there, again = (made() for _ in range(3))
    given = {"memory": (data.x, data.y), "stream": (folder,)}
    for model in (there, again):
        keras.utils.set_random_seed(1)
        fit(model, given["stream"], **COLUMNS)
    both = zip(there.parameters(), again.parameters(), strict=True)
    wrong = "" if all(torch.equal(a, b) for a, b in both) else "two equal epochs gave other weights"
    fit(here, given["memory"])
    found: dict[str, Any] = {"memory": [], "stream": [], "wrong": wrong}
    work: dict[str, list[float]] = {"memory": [], "stream": []}
    waited = []
    for _ in range(rounds):
        for kind, model in (("memory", here), ("stream", there)):
            options = COLUMNS if kind == "stream" else {}
            start, before = time.perf_counter(), time.process_time()
            history = fit(model, given[kind], **options)
            found[kind].append(data.steps / (time.perf_counter() - start))
            work[kind].append(time.process_time() - before)
            waited += history.get("waiting", [])
    found |= {"waiting": median(waited), "processor_seconds": work}
    return found | {"versions": harness.versions()}


MEASURES: dict[str, Any] = {"memory": memory, "speed": speed}
COLUMNS = {"columns": ("words", "tags")}

if __name__ == "__main__":
    sys.exit(main())
