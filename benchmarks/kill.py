"""Kills a training again and again, at random moments, and compares what it ends with.

A run that was killed with `kill -9` and started again ends in the same bits as one that was never
killed: weights, optimiser, history, callbacks, the table that a callback writes, random numbers and
carried states. Each training is a process of its own; whichever finishes is compared, and the next
begins anew with another arrangement.

    python benchmarks/kill.py            200 kills
    python benchmarks/kill.py 20 --seed 7
"""

import argparse
import hashlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch._dynamo  # with the next line: imported here, and not again by each process

import unpad as keras
import unpad.metrics
from unpad.training.state import taken_apart


def sequences(stateful):
    rng = np.random.default_rng(0)
    lengths = [6] * 32 if stateful else rng.integers(0, 12, 64)
    x = [rng.integers(1, 30, n) for n in lengths]
    return x, [ids % 3 for ids in x]


def tagger(stateful):
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Embedding(30, 8, mask_zero=True, embeddings_regularizer="l2"),
            layers.Dropout(0.2, seed=4),
            layers.Dropout(0.2),
            layers.LSTM(8, return_sequences=True, dropout=0.1, stateful=stateful),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.AdamW(
        1e-2, use_ema=True, gradient_accumulation_steps=None if stateful else 3, clipnorm=1.0
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


ARRANGEMENTS = [
    {"save_freq": "epoch", "stateful": False},
    {"save_freq": 1, "stateful": False},
    {"save_freq": 5, "stateful": False},
    {"save_freq": 3, "stateful": True},
]


def train(folder, save_freq, stateful, epochs=4):
    """One training in this folder, and a checksum of all that it ends with."""
    x, y = sequences(stateful)
    model = tagger(stateful)
    watchers = [
        keras.callbacks.EarlyStopping("val_loss", patience=9, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1),
        keras.callbacks.CSVLogger(folder / "log.csv"),
    ]
    history = model.fit(
        x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=watchers, validation_split=0.25,
        shuffle=not stateful, validation_batch_size=8,
        backup=keras.callbacks.BackupAndRestore(folder / "backup", save_freq, True),
    )  # fmt: skip
    found = {
        "weights": dict(model.state_dict()),
        "optimizer": model.optimizer.state_dict(),
        "history": history.history,
        "epochs": history.epoch,
        "callbacks": [callback.state_dict() for callback in watchers],
        "log": (folder / "log.csv").read_text(),
        "carried": [layer.carried() for layer in model.layers],
        "next": [torch.rand(2), np.random.random(2), random.random()],
    }
    stored = taken_apart(found)
    digest = hashlib.sha256(json.dumps(stored.structure).encode())
    for name, tensor in sorted(stored.tensors.items()):
        digest.update(
            name.encode() + tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
        )
    return digest.hexdigest()


def started(folder, **arrangement):
    """A process that trains in this folder and leaves its checksum there."""
    folder.mkdir(exist_ok=True)
    process = os.fork()
    if process:
        return process
    try:
        digest = train(folder, **arrangement)
        (folder / "ended").write_text(digest)
        os._exit(0)
    except BaseException as error:  # the parent shall see it, and this process go no further
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def never_killed(folder, **arrangement):
    """What a run in peace ends with, and how many seconds it takes."""
    start = time.perf_counter()
    _, status = os.waitpid(started(folder, **arrangement), 0)
    assert status == 0, arrangement
    return (folder / "ended").read_text(), time.perf_counter() - start


def killing(kills, seed, scratch):
    """Kills so many trainings; gives how many runs ended, all of them as those in peace."""
    rng = random.Random(seed)
    peace = [never_killed(scratch / f"peace{i}", **a) for i, a in enumerate(ARRANGEMENTS)]
    done = runs = 0
    while done < kills:
        which = runs % len(ARRANGEMENTS)
        folder, (expected, seconds) = scratch / f"run{runs}", peace[which]
        while True:
            process = started(folder, **ARRANGEMENTS[which])
            if done < kills:
                time.sleep(rng.uniform(0, 1.1 * seconds))
                os.kill(process, signal.SIGKILL)
            _, status = os.waitpid(process, 0)
            if os.WIFSIGNALED(status):
                done += 1
                continue
            assert status == 0, f"run {runs} in {folder} ended in an error, after {done} kills"
            break
        found = (folder / "ended").read_text()
        assert found == expected, f"run {runs}, {ARRANGEMENTS[which]}: other bits, {done} kills"
        runs += 1
    return runs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        start = time.perf_counter()
        runs = killing(given.kills, given.seed, Path(scratch))
    seconds = time.perf_counter() - start
    print(f"{given.kills} kills, {runs} runs ended in the bits of those in peace ({seconds:.0f} s)")
