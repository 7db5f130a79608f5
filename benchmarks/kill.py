"""Kills a training again and again, at random moments, and compares what it ends with.

A run that was killed with `kill -9` and started again ends in the same bits as one that was never
killed: weights, optimiser, history, callbacks, the table that a callback writes, random numbers and
carried states. Data lie in memory or come from a Parquet file. Each training is a process of its
own, or two, of which one is killed and the other ended, as torchrun does; whichever finishes is
compared, and the next begins anew with another arrangement.

    python benchmarks/kill.py            200 kills
    python benchmarks/kill.py 20 --seed 7 --one    no two processes
"""

import argparse
import csv
import hashlib
import json
import os
import random
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

import harness
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch._dynamo  # with the next line: imported here, and not again by each process
from rich.console import Console

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
    {"save_freq": "epoch"},
    {"save_freq": 1},
    {"save_freq": 5, "stream": True},
    {"save_freq": 3, "stateful": True},
    {"save_freq": 2, "processes": 2},
    {"save_freq": 3, "stream": True, "processes": 2},
]


def train(folder, save_freq, stateful=False, stream=False, processes=1, epochs=4):
    """One training in this folder, and a checksum of all that it ends with."""
    x, y = sequences(stateful)
    held, options = len(x) * 3 // 4, {"batch_size": 8 // processes, "shuffle": not stateful}
    given = [x[:held], y[:held]]
    if stream:
        table = pa.table({"x": [v.tolist() for v in given[0]], "y": [v.tolist() for v in given[1]]})
        given = [folder / "rows.parquet"]
        options |= {"columns": ("x", "y")}
        if not given[0].exists():
            pq.write_table(table, f"{given[0]}-{os.getpid()}", row_group_size=16)
            os.replace(f"{given[0]}-{os.getpid()}", given[0])
    model = tagger(stateful)
    watchers = [
        keras.callbacks.EarlyStopping("val_loss", patience=9, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=1),
        keras.callbacks.CSVLogger(folder / "log.csv"),
    ]
    history = model.fit(
        *given, epochs=epochs, verbose=0, callbacks=watchers, validation_batch_size=8, **options,
        validation_data=(x[held:], y[held:]),
        backup=keras.callbacks.BackupAndRestore(folder / "backup", save_freq, True),
    )  # fmt: skip
    history.history.pop("waiting", None)  # which is a time
    found = {
        "weights": dict(model.state_dict()),
        "optimizer": model.optimizer.state_dict(),
        "history": history.history,
        "epochs": history.epoch,
        "callbacks": [callback.state_dict() for callback in watchers[:2]],
        "log": [{**row, "waiting": ""} for row in csv.DictReader((folder / "log.csv").open())],
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
    """The processes that train in this folder; the first leaves its checksum there."""
    folder.mkdir(exist_ok=True)
    world = arrangement.get("processes", 1)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    return [_forked(folder, rank, world, port, arrangement) for rank in range(world)]


def _forked(folder, rank, world, port, arrangement):
    process = os.fork()
    if process:
        return process
    try:
        if world > 1:
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world)}
            os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            torch.set_num_threads(1)
        digest = train(folder, **arrangement)
        if not rank:
            (folder / "ended").write_text(digest)
        os._exit(0)
    except BaseException as error:  # the parent shall see it, and this process go no further
        text = f"{type(error).__name__}: {error}\n"
        if world > 1:  # whose other was killed
            (folder / f"error-{rank}").write_text(text)
        else:
            sys.stderr.write(text)
            sys.stderr.flush()
        os._exit(1)


def never_killed(folder, **arrangement):
    """What a run in peace ends with, and how many seconds it takes."""
    start = time.perf_counter()
    statuses = [os.waitpid(process, 0)[1] for process in started(folder, **arrangement)]
    assert not any(statuses), arrangement
    return (folder / "ended").read_text(), time.perf_counter() - start


def killing(kills, seed, scratch, arrangements):
    """Kills so many trainings; gives how many runs ended, all of them as those in peace."""
    rng = random.Random(seed)
    peace = [never_killed(scratch / f"peace{i}", **a) for i, a in enumerate(arrangements)]
    done = runs = 0
    while done < kills:
        which = runs % len(arrangements)
        folder, (expected, seconds) = scratch / f"run{runs}", peace[which]
        while True:
            processes = started(folder, **arrangements[which])
            if done < kills:
                time.sleep(rng.uniform(0, 1.1 * seconds))
                rng.shuffle(processes)
                for process in processes:
                    os.kill(process, signal.SIGKILL)
                    time.sleep(rng.uniform(0, 0.2) if process is not processes[-1] else 0)
            statuses = [os.waitpid(process, 0)[1] for process in processes]
            if any(map(os.WIFSIGNALED, statuses)):
                done += 1
                continue
            assert not any(statuses), (
                f"run {runs} in {folder} ended in an error, after {done} kills"
            )
            break
        found = (folder / "ended").read_text()
        assert found == expected, f"run {runs}, {arrangements[which]}: other bits, {done} kills"
        runs += 1
    return runs


def main():
    """Run from the command line; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", action="store_true", help="no arrangement of two processes")
    given = parser.parse_args()
    machine, start = harness.machine(), time.perf_counter()
    some = [a for a in ARRANGEMENTS if not given.one or a.get("processes", 1) == 1]
    with tempfile.TemporaryDirectory() as scratch:
        runs = killing(given.kills, given.seed, Path(scratch), some)
    seconds = time.perf_counter() - start
    print(f"{given.kills} kills, {runs} runs ended in the bits of those in peace ({seconds:.0f} s)")
    if given.kills >= 200 and not given.one:
        report = {
            "arrangements": some,
            "kills": given.kills,
            "machine": machine,
            "runs_that_ended": runs,
            "runs_with_other_bits": 0,
            "seconds": round(seconds),
            "seed": given.seed,
            "targets": [],
            "versions": harness.versions(),
        }
        harness.finish(Console(), "kill", report, False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
