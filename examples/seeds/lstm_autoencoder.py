"""No embedding layer: Masking before an LSTM, in an autoencoder and on vectors of 2,048 numbers.

    python examples/seeds/lstm_autoencoder.py            # a minute
    python examples/seeds/lstm_autoencoder.py --small    # some seconds

Shown are: the answer's toy autoencoder as it stands there; the one that is right, whose decoder has
the input's lengths (`RepeatVector(like=...)`), so that each sequence is rebuilt, and only its real
steps; and the question's own model, a Bidirectional LSTM with recurrent_dropout on sentences of
ELMo-like vectors, padded with zeros.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from unpad import doctor
from unpad.layers import (
    LSTM,
    Bidirectional,
    Dense,
    Masking,
    RepeatVector,
    TimeDistributed,
)
from unpad.models import Sequential
from unpad.preprocessing.sequence import pad_sequences
from unpad.utils import plot_model, set_random_seed

LISTS = [
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
    [0.3, 0.4, 0.5, 0.6],
]


def autoencoder(n_in, like):
    """The answer's model: line by line as there, but for RepeatVector where `like` is set."""
    model = Sequential()
    model.add(Masking(mask_value=0, input_shape=(n_in, 1)))
    model.add(LSTM(100, activation="relu", input_shape=(n_in, 1)))
    model.add(RepeatVector(like="input") if like else RepeatVector(n_in))
    model.add(LSTM(100, activation="relu", return_sequences=True))
    model.add(TimeDistributed(Dense(1)))
    model.compile(optimizer="adam", loss="mse")
    return model


def tagger(features, masking):
    """The question's model, with what the answer puts in front."""
    iclf = Sequential()
    if masking:
        iclf.add(Masking(mask_value=0.0, input_shape=(None, features)))
    iclf.add(
        Bidirectional(
            LSTM(units=10, return_sequences=True, recurrent_dropout=0.3),
            input_shape=(None, features),
        )
    )
    iclf.add(TimeDistributed(Dense(1, activation="sigmoid")))
    iclf.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return iclf


def sentences(count, features, longest):
    """Vectors as an ELMo might give them, and whether a step's word class is the last one's."""
    rng = np.random.default_rng(0)
    words = rng.normal(size=(40, features)).astype("float32")
    x, y = [], []
    for length in rng.integers(2, longest + 1, count):
        ids = rng.integers(0, 40, length)
        noise = rng.normal(0, 0.5, (length, features)).astype("float32")
        x.append(words[ids] + noise)
        y.append((ids % 2 == ids[-1] % 2).astype("float32")[:, None])
    return x, y


def main(arguments=None):
    """Trains the models and prints a verdict for each thing that the page asks or shows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args(arguments).small
    seeds, epochs, features, count = (1, 150, 2048, 64) if small else (5, 300, 2048, 512)
    passed = []

    def verdict(what, holds):
        passed.append(bool(holds))
        print(f"{'yes' if holds else 'NO '}  {what}", flush=True)

    sequence = pad_sequences(LISTS, padding="post", dtype="float32")
    n_obs, n_in = sequence.shape
    sequence = sequence.reshape((n_obs, n_in, 1))
    real = sequence[..., 0] != 0
    print("# The autoencoder\n")
    errors = {False: [], True: []}
    for seed in range(seeds):
        for like, found in errors.items():
            set_random_seed(seed)
            model = autoencoder(n_in, like)
            model.fit(sequence, sequence, epochs=epochs, verbose=0)
            yhat = model.predict(sequence, verbose=0, fill=np.nan)
            found.append(np.abs(yhat - sequence)[real].mean())
            if seed == 0:
                kind = 'RepeatVector(like="input")' if like else f"RepeatVector({n_in})"
                print(kind)
                with np.printoptions(precision=2, suppress=True, linewidth=100):
                    print(yhat[..., 0])
                values = ~np.isnan(yhat[..., 0])
                if like:
                    verdict("each sequence has its own length again", np.array_equal(values, real))
                else:
                    verdict("as written it runs; every sequence becomes nine steps", values.all())
                with tempfile.TemporaryDirectory() as folder:
                    for ending in ("png", "svg"):
                        path = Path(folder) / f"reconstruct_lstm_autoencoder.{ending}"
                        plot_model(model, show_shapes=True, to_file=str(path))
                        verdict(f"plot_model draws it: .{ending}", path.stat().st_size > 1000)
                print()
    means = {like: float(np.mean(found)) for like, found in errors.items()}
    print(f"Mean error at real steps, {seeds} seed(s): {means[False]:.4f} as written,")
    print(f"{means[True]:.4f} with the input's lengths")
    verdict("with the input's lengths it is rebuilt better", means[True] < means[False])
    lists = [np.array(row)[:, None] for row in LISTS]
    rebuilt = model.predict(lists, verbose=0)
    same = all(np.allclose(a, b[m], atol=1e-5) for a, b, m in zip(rebuilt, yhat, real, strict=True))
    verdict("lists without padding go in and come out, the same", same)

    print(f"\n# Sentences of vectors with {features:,} numbers\n")
    x, y = sentences(count, features, 12 if small else 25)
    grid = pad_sequences(x, padding="post", truncating="post", value=0.0, dtype="float32")
    labels = pad_sequences(y, padding="post", dtype="float32")
    lengths = np.array([*map(len, x)])
    print(f"{count} sentences, {grid.shape}, {lengths.mean() / grid.shape[1]:.0%} of it filled")
    fitted = []
    for inputs, targets in ((grid, labels), (x, y)):
        set_random_seed(0)
        iclf = tagger(features, masking=True)
        history = iclf.fit(inputs, targets, epochs=4 if small else 15, verbose=0).history
        fitted.append(iclf)
    padded, unpadded = (model.get_weights() for model in fitted)
    print("loss", *(f"{loss:.3f}" for loss in history["loss"]), sep=" ")
    verdict("it learns", history["loss"][-1] < 0.8 * history["loss"][0])
    verdict(
        "trained on the padded array or on lists: the same weights, bit for bit",
        all(np.array_equal(a, b) for a, b in zip(padded, unpadded, strict=True)),
    )
    wide = np.pad(grid, ((0, 0), (0, 5), (0, 0)))
    mask = np.arange(grid.shape[1]) < lengths[:, None]

    def at_real_steps(model, inputs):
        return model.predict(inputs, verbose=0)[:, : mask.shape[1]][mask]

    verdict(
        "more padding changes no prediction",
        np.array_equal(at_real_steps(iclf, grid), at_real_steps(iclf, wide)),
    )
    without = tagger(features, masking=False)
    without.set_weights(unpadded)
    moved = np.abs(at_real_steps(without, grid) - at_real_steps(without, wide)).max()
    verdict(f"without Masking it would: by up to {moved:.1g}", moved > 1e-5)
    told = doctor.examine(grid, labels, without)
    print("\n".join(map(str, told)))
    verdict("and that Masking is missing is found", told)
    if not all(passed):
        sys.exit(1)


if __name__ == "__main__":
    main()
