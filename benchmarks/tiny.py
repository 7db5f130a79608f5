"""A tiny autoencoder, where a step is hardly arithmetic: unpad against Keras on JAX.

    python benchmarks/tiny.py            some 2 minutes on two cores
    python benchmarks/tiny.py --quick    does it run?

Three sequences of up to nine numbers: Masking(0), LSTM(100, relu), RepeatVector(9), LSTM(100,
relu), TimeDistributed(Dense(1)); adam, mse, `fit` with epochs=300 and one batch an epoch.

Both start from the same weights. Their losses must agree over the first epochs, and both must have
learned as much after 300. That first `fit`, in which Keras compiles, is not timed; those after it
are, whole, in processes of their own and in turn.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from statistics import median
from typing import Any

import harness
import numpy as np
from contenders import keras_script
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

NAMES = ("unpad", "keras-jax")
EPOCHS = 300
SLOTS = 9
UNITS = 100
SEQUENCES = (
    (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
    (0.3, 0.4, 0.5, 0.6),
)
SAME_EPOCHS = 10
TOLERANCE = 1e-2  # of the loss, over the first SAME_EPOCHS epochs
FLOOR = 0.03  # the loss that both are below after 300 epochs; it starts near 0.2


def main() -> int:
    """Run from the command line; the exit status."""
    options = harness.parser(__doc__).parse_args()
    if options.measure:
        return harness.answer(lambda: measured(**options.measure))
    console, machine = Console(), harness.machine()
    rounds, fits = (1, 1) if options.quick else (5, 3)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    versions: dict[str, str] = {}
    for number in range(rounds):
        for name in NAMES if number % 2 == 0 else reversed(NAMES):
            with console.status(f"round {number + 1} of {rounds}: {name}"):
                result = harness.apart(__file__, {"contender": name, "fits": fits})
            if "missing" in result:
                harness.say(console, f"{name}: skipped, {result['missing']} is not installed")
            else:
                versions |= result.pop("versions")
                found[name].append(result)
    found = {name: results for name, results in found.items() if results}
    failures = failed_checks({name: results[0]["losses"] for name, results in found.items()})
    for failure in failures:
        harness.say(console, failure, "red")
    if failures:
        return 1
    times = {name: median(t for r in results for t in r["ms"]) for name, results in found.items()}
    ratio = times["keras-jax"] / times["unpad"] if len(times) == len(NAMES) else None
    console.print(table(found, times))
    report = {
        "contenders": {
            name: {
                "last_loss": results[0]["losses"][-1],
                "ms_an_epoch": round(times[name], 3),
                "rounds": [r["ms"] for r in results],
            }
            for name, results in found.items()
        },
        "machine": machine,
        "settings": {"epochs": EPOCHS, "fits": fits, "rounds": rounds},
        "targets": [
            harness.at_least("Keras-JAX's epoch over unpad's", 1.0, ratio, not options.quick)
        ],
        "versions": versions,
    }
    return harness.finish(console, "tiny", report, options.quick)


def measured(contender: str, fits: int) -> dict[str, Any]:
    """The losses of the first `fit`, and milliseconds an epoch of those that follow."""
    if contender == "unpad":
        import torch

        import unpad as keras

        torch.set_num_threads(harness.threads())
    else:
        os.environ["KERAS_BACKEND"] = contender.removeprefix("keras-")
        keras = importlib.import_module("keras")
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(shape=(SLOTS, 1)),
            layers.Masking(mask_value=0),
            layers.LSTM(UNITS, activation="relu"),
            layers.RepeatVector(SLOTS),
            layers.LSTM(UNITS, activation="relu", return_sequences=True),
            layers.TimeDistributed(layers.Dense(1)),
        ]
    )
    model.compile(optimizer="adam", loss="mse")
    model.set_weights(keras_script.draw_weights([w.shape for w in model.get_weights()]))
    x = np.zeros((len(SEQUENCES), SLOTS, 1), "float32")
    for row, sequence in zip(x, SEQUENCES, strict=True):
        row[: len(sequence), 0] = sequence
    losses = model.fit(x, x, epochs=EPOCHS, verbose=0).history["loss"]
    ms = []
    for _ in range(fits):
        start = time.perf_counter()
        model.fit(x, x, epochs=EPOCHS, verbose=0)
        ms.append(round((time.perf_counter() - start) * 1e3 / EPOCHS, 3))
    return {"losses": [float(v) for v in losses], "ms": ms, "versions": harness.versions()}


def failed_checks(losses: dict[str, list[float]]) -> list[str]:
    """A line for each contender that did not learn, or learned something else than the first."""
    lines = [
        f"{name}: loss {of[-1]:.4f} after {EPOCHS} epochs, expected below {FLOOR}"
        for name, of in losses.items()
        if not of[-1] < FLOOR
    ]
    expected = next(iter(losses.values()), [])
    for name, of in losses.items():
        for epoch, (loss, other) in enumerate(zip(of, expected, strict=True)):
            if epoch < SAME_EPOCHS and not abs(loss - other) <= TOLERANCE * other:
                lines.append(f"{name}: loss {loss:.5f} in epoch {epoch + 1}, not {other:.5f}")
                break
    return lines


def table(found: dict[str, list[dict[str, Any]]], times: dict[str, float]) -> Table:
    table = Table(title="Autoencoder: one epoch, one batch of three", box=SIMPLE, padding=0)
    for title in ("contender", "ms an epoch", "rounds", "loss: first", f"after {EPOCHS}"):
        table.add_column(title, justify="left" if title == "contender" else "right", no_wrap=True)
    for name, results in found.items():
        losses = results[0]["losses"]
        rounds = " ".join(f"{median(r['ms']):.2f}" for r in results)
        row = (f"{times[name]:.3f}", rounds, f"{losses[0]:.4f}", f"{losses[-1]:.5f}")
        table.add_row(name, *row)
    return table


if __name__ == "__main__":
    sys.exit(main())
