"""Train one tagger under each policy of precision: what it reaches, and what it takes.

    python benchmarks/precision.py                      float32 against the others, minutes
    python benchmarks/precision.py --quick              does it run?
    python benchmarks/precision.py --only mixed_bfloat16

The tagger of `tagger.py` on UD English EWT, three epochs under each policy from the same weights,
the same batches. First the dev accuracies, counted from predictions: "mixed_bfloat16" has to reach
float32's within .003. Then the time of the same few batches, every policy in turn, as processor
time of this process on one thread, so that it can be read on a busy machine too.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import contenders
import corpora
import harness
import numpy as np
import torch
from contenders import keras_script
from rich.console import Console

import unpad as keras

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16", "bfloat16")
#: By how much less accurate, and how many times slower, mixed_bfloat16 may be; the noise of a busy
#: machine is 2 %.
WITHIN, SLOWER = 0.003, 1.02
ROUNDS, TIMED_BATCHES = 7, 8


def main() -> int:
    """Run from the command line; the exit status."""
    parser = harness.parser(__doc__)
    add = parser.add_argument
    add("--only", nargs="+", choices=POLICIES, default=POLICIES, metavar="POLICY")
    options = parser.parse_args()
    console, machine = Console(), harness.machine()
    task = corpora.english_ewt()
    names = ["float32", *(name for name in options.only if name != "float32")]
    reached = {name: accuracy(name, task, options) for name in names}
    for name, found in reached.items():
        harness.say(console, f"{name}: dev accuracy {found:.4f}")
    off = reached["float32"] - reached.get("mixed_bfloat16", reached["float32"])
    if off > WITHIN and not options.quick:
        harness.say(
            console, f"mixed_bfloat16 is {off:.4f} below float32, more than {WITHIN}", "red"
        )
        return 1
    ratios = speeds(names, task)
    for name, ratio in ratios.items():
        harness.say(console, f"{name}: {ratio:.3f} times float32's processor time")
    report: dict[str, Any] = {
        "accuracy": {name: round(found, 4) for name, found in reached.items()},
        "machine": machine,
        "products": keras.kernels.info()["products"],
        "quick": options.quick,
        "ratios": {name: round(ratio, 3) for name, ratio in ratios.items()},
        "targets": [
            harness.at_most(
                "float32's accuracy less mixed_bfloat16's", WITHIN, off, not options.quick
            ),
            harness.at_most(
                "mixed_bfloat16's processor time by float32's",
                SLOWER,
                ratios.get("mixed_bfloat16", 1.0),
                not options.quick,
            ),
        ],
        "versions": harness.versions(),
    }
    return harness.finish(console, "precision", report, options.quick)


def model_of(policy: str, task: corpora.Tagging) -> Any:
    """The tagger under this policy, from the seed of all benchmarks."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return keras_script.build(keras, task.vocab_size, task.num_tags)
    finally:
        keras.config.set_dtype_policy(before)


def accuracy(policy: str, task: corpora.Tagging, options: argparse.Namespace) -> float:
    """The share of dev's labels that are right after training."""
    train = task.train.take(np.arange(contenders.BATCH * 8)) if options.quick else task.train
    model = model_of(policy, task)
    epochs = 1 if options.quick else 3
    model.fit(train.x, train.y, batch_size=contenders.BATCH, epochs=epochs, verbose=0)
    predicted = model.predict(task.dev.x, verbose=0)
    right = sum(
        int((np.asarray(p).argmax(-1) == y).sum())
        for p, y in zip(predicted, task.dev.y, strict=True)
    )
    return right / task.dev.steps


def speeds(names: list[str], task: corpora.Tagging) -> dict[str, float]:
    """For each policy the median, over rounds, of its time by float32's in the same round."""
    drawn = np.random.default_rng(contenders.SEED).permutation(len(task.train.x))
    some = task.train.take(drawn[: contenders.BATCH * TIMED_BATCHES])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    models = {name: model_of(name, task) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(ROUNDS + 1):  # the first is not counted
        for name, model in models.items():
            start = time.process_time()
            model.fit(some.x, some.y, batch_size=contenders.BATCH, verbose=0)
            if number:
                times[name].append(time.process_time() - start)
    torch.set_num_threads(threads)
    base = np.array(times["float32"])
    return {name: float(np.median(np.array(found) / base)) for name, found in times.items()}


if __name__ == "__main__":
    sys.exit(main())
