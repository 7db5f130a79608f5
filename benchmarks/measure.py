"""What one process measures: a contender's accuracy, its speed, or the machine's own sgemm rate.

`tagger.py` starts each measurement in a process of its own: a Keras backend is chosen when Keras
is imported, and a process's peak memory belongs to one contender only then.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from contenders import BATCH, Contender
from corpora import Sentences, Tagging
from harness import peak_mb, versions

WARM_UP_BATCHES = 4
SGEMM_SIZE = 1024


def accuracy(
    make: Callable[[], Contender], task: Tagging, epochs: int, batches: int | None
) -> dict[str, Any]:
    """Train for some epochs, on all sentences or a few batches, and count the right dev labels.

    The first epoch's speed contains what a library compiles on first use; `epoch_steps_per_second`
    holds every epoch's, and the caller leaves the first out, for everyone.
    """
    contender = make()
    loaded = peak_mb()
    train = task.train if batches is None else _some(task.train, batches)
    contender.build()
    prepared, prepared_dev = contender.prepare(train), contender.prepare(task.dev)
    right, speeds = [], []
    for _ in range(epochs):
        speeds.append(train.steps / contender.train_epoch(prepared))
        right.append(_right(contender, prepared_dev, task.dev) / task.dev.steps)
    peak = peak_mb()  # before the library's own metric runs, which only some have
    return {
        "accuracy": right,
        "reported_accuracy": contender.reported_accuracy(prepared_dev),
        "epoch_steps_per_second": speeds,
        "peak_mb": peak,
        "growth_mb": peak - loaded,
        "versions": versions(),
    }


def timing(
    make: Callable[[], Contender], task: Tagging, batches: int, seconds: float
) -> dict[str, Any]:
    """Steps a second of training on, and predicting, the same few batches' worth of sentences.

    A few batches of each kind run first, untimed: there everyone's compilation and lazy
    initialisation happen. Then whole passes are repeated until `seconds` are over, so that the
    fastest is not measured on an instant.
    """
    contender = make()
    contender.build()
    some = _some(task.train, batches)
    prepared = contender.prepare(some)
    warm_up = contender.prepare(some.take(np.arange(min(WARM_UP_BATCHES, batches) * BATCH)))
    result: dict[str, Any] = {}
    predict = functools.partial(_seconds, contender.predict)
    for name, timed in (("train", contender.train_epoch), ("predict", predict)):
        timed(warm_up)
        spent, passes = 0.0, 0
        while spent < seconds:
            spent += timed(prepared)
            passes += 1
        result[name] = passes * some.steps / spent
    return {**result, "versions": versions()}


def sgemm(threads: int, repeats: int = 100) -> dict[str, Any]:
    """The fastest of many float32 matrix products, in GFLOP/s: what the machine can do at best."""
    import torch

    torch.set_num_threads(threads)
    a, b = torch.rand(2, SGEMM_SIZE, SGEMM_SIZE)
    out = torch.empty_like(a)
    best = min(_seconds(lambda: torch.mm(a, b, out=out)) for _ in range(repeats))
    return {"gflops": 2 * SGEMM_SIZE**3 / best / 1e9}


def _some(sentences: Sentences, batches: int) -> Sentences:
    """The same random sentences for every contender and round."""
    order = np.random.default_rng(0).permutation(len(sentences.x))
    return sentences.take(order[: batches * BATCH])


def _right(contender: Contender, prepared: Any, sentences: Sentences) -> int:
    labels = contender.labels(contender.predict(prepared), sentences)
    got, expected = ([len(s) for s in sequences] for sequences in (labels, sentences.y))
    if got != expected:
        raise AssertionError(
            f"predictions have {sum(got)} labels in {len(got)} sentences, the data has"
            f" {sum(expected)} in {len(expected)}: one label a real step was expected"
        )
    return int((np.concatenate(labels) == np.concatenate(sentences.y)).sum())


def _seconds(run: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    run(*arguments)
    return time.perf_counter() - start
