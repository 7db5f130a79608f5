"""Short calls: predicting one sequence, calling the model, and how soon `fit` begins.

    python benchmarks/latency.py            some 20 seconds
    python benchmarks/latency.py --quick    does it run?

The network is the tagger's: Embedding(100), two Bidirectional(LSTM(100)), softmax over 17 tags; one
sentence of 20 words. `torch` is the same network by hand, with the same weights, on the sentence
as it is: nothing is padded, since there is one.

All give the same numbers, or nothing is timed. Calls are then timed in turn on one thread, and of
each the 20 % quantile stands, for what a machine does beside. `fit` is called on drawn sentences of
the lengths that words of a corpus have (12,544 of 1 to 80, mean 16) and timed up to its first
update, the model built and the optimiser made: in lists, as a grid, as a Ragged.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import harness
import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

WORDS, TAGS, UNITS, LENGTH = 20_000, 17, 100, 20
SENTENCES = 12_544
TOLERANCE = 1e-5


def main() -> int:
    """Run from the command line; the exit status."""
    return harness.contest(__doc__, __file__, measured, shown, (20, 400), TOLERANCE)


def shown(console: Console, found: dict[str, Any], checked: bool) -> list[dict[str, Any]]:
    """The table; the targets."""
    calls, starts = found["us"], found["start_ms"]
    console.print(table(calls, starts))
    return [
        harness.at_most(
            "predict of one sequence over calling the model", 1.3,
            calls["predict(ragged)"] / calls["model(ragged)"], checked,
        ),
        harness.at_most(
            "model(ragged) over plain torch", 1.0,
            calls["model(ragged)"] / calls["torch"], checked,
        ),
        harness.at_most("ms to fit's first update", 50, max(starts.values()), checked),
    ]  # fmt: skip


def measured(rounds: int) -> dict[str, Any]:
    """Microseconds of each call, milliseconds to the first update, and how far answers differ."""
    import torch

    import unpad as keras

    torch.set_num_threads(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Embedding(WORDS, UNITS, mask_zero=True),
            *(layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True)) for _ in "12"),
            layers.Dense(TAGS, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    ids = torch.randint(1, WORDS, (LENGTH,))
    sentence, grid = keras.Ragged.from_list([ids]), ids[None].numpy()
    model(sentence)
    plain = by_hand(model)

    def torch_call() -> Any:
        with torch.inference_mode():
            return plain(ids[None])

    def call() -> Any:
        with torch.inference_mode():
            return model(sentence)

    calls: dict[str, Callable[[], Any]] = {
        "torch": torch_call,
        "model(ragged)": call,
        "predict(ragged)": lambda: model.predict(sentence, verbose=0),
        "predict(grid)": lambda: model.predict(grid, verbose=0),
    }
    wanted = torch_call()[0]
    answers = [call().values, model.predict(sentence, verbose=0).values]
    answers.append(torch.from_numpy(model.predict(grid, verbose=0)[0]))
    difference = max(float((answer - wanted).abs().max()) for answer in answers)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, one in calls.items():
            start = time.perf_counter()
            one()
            times[name].append((time.perf_counter() - start) * 1e6)
    us = {name: round(sorted(found)[len(found) // 5], 1) for name, found in times.items()}
    return {
        "difference": difference,
        "start_ms": starts(keras, model, max(1, rounds // 80)),
        "us": us,
        "versions": harness.versions(),
    }


def by_hand(model: Any) -> Callable[[Any], Any]:
    """The same network in torch's own modules, with the model's weights."""
    import torch

    embeddings, *weights, kernel, bias = (torch.from_numpy(w) for w in model.get_weights())
    table, out = torch.nn.Embedding(WORDS, UNITS), torch.nn.Linear(2 * UNITS, TAGS)
    lstm = torch.nn.LSTM(UNITS, UNITS, 2, batch_first=True, bidirectional=True)
    with torch.no_grad():
        table.weight.copy_(embeddings)
        out.weight.copy_(kernel.T)
        out.bias.copy_(bias)
        names = [f"l{layer}{way}" for layer in (0, 1) for way in ("", "_reverse")]
        for i, name in enumerate(names):
            inputs, states, shift = weights[3 * i : 3 * i + 3]
            getattr(lstm, f"weight_ih_{name}").copy_(inputs.T)
            getattr(lstm, f"weight_hh_{name}").copy_(states.T)
            getattr(lstm, f"bias_ih_{name}").copy_(shift)
            getattr(lstm, f"bias_hh_{name}").zero_()
    return lambda ids: out(lstm(table(ids))[0]).softmax(-1)


def starts(keras: Any, model: Any, times: int) -> dict[str, float]:
    """Milliseconds from the call of `fit` to its first update, by the form of the data."""
    draw = np.random.default_rng(0)
    lengths = np.clip(draw.lognormal(2.5, 0.75, SENTENCES).astype(int), 1, 80)
    words = [draw.integers(1, WORDS, n) for n in lengths]
    tags = [draw.integers(0, TAGS, n) for n in lengths]
    x, y = keras.Ragged.from_list(words), keras.Ragged.from_list(tags)
    forms = {"lists": (words, tags), "grid": (x.to_padded(), y.to_padded()), "Ragged": (x, y)}

    class Stop(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.at = time.perf_counter()
            raise KeyboardInterrupt

    found = {}
    for name, (inputs, targets) in forms.items():
        each = []
        for _ in range(times + 1):  # the first makes the optimiser
            stop, start = Stop(), time.perf_counter()
            try:
                model.fit(inputs, targets, verbose=0, callbacks=[stop])
            except KeyboardInterrupt:
                each.append((stop.at - start) * 1e3)
        found[name] = round(sorted(each[1:])[len(each[1:]) // 2], 1)
    return found


def table(calls: dict[str, float], starts: dict[str, float]) -> Table:
    table = Table(title="One sentence of 20 words", box=SIMPLE, padding=0)
    for title in ("call", "us", "over model(ragged)"):
        table.add_column(title, justify="left" if title == "call" else "right", no_wrap=True)
    for name, us in calls.items():
        table.add_row(name, f"{us:.0f}", f"{us / calls['model(ragged)']:.2f}")
    for name, ms in starts.items():
        table.add_row(f"fit({name}), to its first update", f"{ms:.1f} ms", "")
    return table


if __name__ == "__main__":
    sys.exit(main())
