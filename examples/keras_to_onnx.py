"""A tagger trained in Keras, loaded here, trained on, and exported for runtimes of other programs.

    pip install keras 'unpad[files,onnx]' onnxruntime
    python examples/keras_to_onnx.py --small     # some seconds

Keras trains on padded sentences and saves `tagger.keras`. What unpad loads gives the same tags at
every word, trains on where Keras stopped, and becomes `tagger.onnx`: a grid of ids and `lengths`
in, tags out, recurrences that stop at each sentence's end.
Words are tagged as in `transformer_tagger.py`, with the corpora of `corpora.py`.
"""

import argparse
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import onnxruntime
from corpora import FOLDER, sentences

import unpad


def numbered(corpus):
    """Words seen twice and all tags by number, from 1: 0 is padding, and 1 any other word."""
    counts = Counter(word for words, _ in corpus.train for word in words)
    words = {word: i for i, word in enumerate((w for w in counts if counts[w] > 1), start=2)}
    tags = {tag: i for i, tag in enumerate(sorted({t for _, ts in corpus.train for t in ts}))}
    return words, tags


def padded(rows):
    """The rows as one grid, each filled with 0 behind its end; and their lengths."""
    lengths = np.array([len(row) for row in rows])
    grid = np.zeros((len(rows), lengths.max()), np.int64)
    grid[np.arange(grid.shape[1]) < lengths[:, None]] = np.concatenate(rows)
    return grid, lengths


def tagger(words, tags, units):
    """The model, in Keras."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int64"),
            layers.Embedding(words, units, mask_zero=True),
            layers.Bidirectional(layers.LSTM(units, return_sequences=True)),
            layers.Dense(tags, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return model


def timed(run, words):
    """What it gives, and how many words a second."""
    start = time.perf_counter()
    found = run()
    return found, words / (time.perf_counter() - start)


def main(arguments=None):
    """Trains in Keras, goes on here, exports, and compares the three at every word."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args(arguments)
    corpus = sentences(options.data)
    most, units = (10, 16) if options.small else (40, 64)  # Keras computes as many steps for each
    train, test = ([s for s in part if len(s[0]) <= most] for part in (corpus.train, corpus.test))
    corpus = corpus._replace(train=train, test=test)
    corpus = corpus.small(800) if options.small else corpus
    keras.utils.set_random_seed(0)
    ids, kinds = numbered(corpus)
    x, lengths = padded([[ids.get(word, 1) for word in words] for words, _ in corpus.train])
    y, _ = padded([[kinds[tag] for tag in tags] for _, tags in corpus.train])
    x_test, test_lengths = padded(
        [[ids.get(word, 1) for word in words] for words, _ in corpus.test]
    )
    real = np.arange(x_test.shape[1]) < test_lengths[:, None]
    right = np.array([kinds.get(tag, -1) for _, tags in corpus.test for tag in tags])

    def accuracy(tags):
        return float((tags[real].argmax(-1) == right).mean())

    folder = Path(tempfile.mkdtemp())
    theirs = tagger(len(ids) + 2, len(kinds), units)
    theirs.fit(x, y, epochs=2, batch_size=64, verbose=0)
    theirs.save(folder / "tagger.keras")
    print(f"{corpus.name}: {len(corpus.train)} sentences, {lengths.sum()} words, {len(kinds)} tags")

    ours = unpad.saving.load_model(folder / "tagger.keras")
    by_keras, keras_speed = timed(lambda: theirs.predict(x_test, verbose=0), real.sum())
    by_ours = ours.predict(x_test, verbose=0)
    assert np.abs(by_keras - by_ours)[real].max() < 1e-5
    print(f"trained in Keras: {accuracy(by_keras):.3f} right; loaded here: {accuracy(by_ours):.3f}")

    ours.fit(x, y, epochs=6 if options.small else 2, batch_size=32, verbose=0)
    by_ours, our_speed = timed(lambda: ours.predict(x_test, verbose=0), real.sum())
    ours.export(folder / "tagger.onnx")
    runtime = onnxruntime.InferenceSession(folder / "tagger.onnx")
    feeds = {"input": x_test, "lengths": test_lengths}
    (by_runtime, _), runtime_speed = timed(lambda: runtime.run(None, feeds), real.sum())
    assert np.abs(by_runtime - by_ours)[real].max() < 1e-5
    print(
        f"trained on here:  {accuracy(by_ours):.3f} right; onnxruntime: {accuracy(by_runtime):.3f}"
    )
    print(
        f"words a second: Keras {keras_speed:,.0f}, unpad {our_speed:,.0f}, "
        f"onnxruntime {runtime_speed:,.0f} (one grid of all sentences)"
    )
    known = 0.65 if options.small else 0.85
    if accuracy(by_runtime) < known:
        raise SystemExit(f"expected more than {known} right, got {accuracy(by_runtime):.3f}")


if __name__ == "__main__":
    main()
