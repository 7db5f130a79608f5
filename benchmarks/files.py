"""Time and size of models in files: unpad's, Keras's, torch.save.

One tagger with what Adam has gathered, in every format; answers are compared before anything is
measured: what was loaded predicts the same numbers. Times are the least of
several runs in turn.

    python benchmarks/files.py
    python benchmarks/files.py --words 2000 --units 16 --times 3
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch

import unpad


def tagger(k, words, units):
    layers = k.layers
    model = k.Sequential(
        [
            k.Input((None,)),
            layers.Embedding(words, 100, mask_zero=True),
            layers.Bidirectional(layers.LSTM(units, return_sequences=True)),
            layers.Dense(17, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def contenders(words, units, x, y):
    """Each with its model, how it is saved and how it is loaded, and the file."""
    ours, theirs = tagger(unpad, words, units), tagger(keras, words, units)
    for model in (ours, theirs):
        model.fit(x, y, verbose=0)

    def save_torch(path):
        torch.save({"model": ours.state_dict(), "optimizer": ours.optimizer.state_dict()}, path)

    fresh = tagger(unpad, words, units)

    def load_torch(path):
        state = torch.load(path, weights_only=False)
        fresh.load_state_dict(state["model"])
        return fresh

    def load_weights(path):
        fresh.load_weights(path)
        return fresh

    for end in (".safetensors", ".keras"):
        yield f"unpad, {end}", ours, ours.save, unpad.load, end
    yield "Keras, .keras", theirs, theirs.save, keras.models.load_model, ".keras"
    yield "unpad, .weights.h5", ours, ours.save_weights, load_weights, ".weights.h5"
    yield "torch.save, torch.load (state_dicts)", ours, save_torch, load_torch, ".pt"


def measured(words, units, times):
    rng = np.random.default_rng(0)
    x, y = rng.integers(1, words, (32, 20)), rng.integers(0, 17, (32, 20))
    with tempfile.TemporaryDirectory() as name:
        found = []
        for i, one in enumerate(contenders(words, units, x, y)):
            label, model, save, load, end = one
            path = Path(name) / f"{i}{end}"
            save(path)
            expected = model.predict(x, verbose=0)
            assert np.allclose(load(path).predict(x, verbose=0), expected, atol=1e-6), label
            found.append((label, save, load, path, [], []))
        for _ in range(times):
            for _, save, load, path, saving, loading in found:
                for call, spent in ((save, saving), (load, loading)):
                    start = time.perf_counter()
                    call(path)
                    spent.append(time.perf_counter() - start)
        return [
            (label, min(saving), min(loading), path.stat().st_size)
            for label, _, _, path, saving, loading in found
        ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--words", type=int, default=20_000)
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    rows = measured(asked.words, asked.units, asked.times)
    print(
        f"a tagger of {asked.words:,} words and {asked.units} units a direction, with Adam's state"
    )
    print("| file | save, s | load, s | MB |\n|---|---:|---:|---:|")
    for label, saving, loading, size in rows:
        print(f"| {label} | {saving:.3f} | {loading:.3f} | {size / 1e6:.1f} |")


if __name__ == "__main__":
    main()
