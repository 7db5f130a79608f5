"""Are the labels of masked steps ignored? The loss beside Keras's own formula, and what follows.

    python examples/seeds/masked_labels.py            # some seconds
    python examples/seeds/masked_labels.py --small

The model of the question (Masking, LSTM(100), Dropout(0.5), a sigmoid for each step) on sequences
of different lengths, padded with 0. Shown are: the number that the weighted_masked_objective of the
answer gives for the same arrays, with weights and without; that labels at masked steps may be
anything; that scaling a padded array, as the comment does with a StandardScaler, puts an end to
masking and is found; and that predict has no value where there is no step.
"""

import argparse
import sys
import warnings

import numpy as np

import unpad as keras
from unpad import doctor
from unpad.layers import LSTM, Dense, Dropout, Masking
from unpad.scaling import Scaler

try:
    from sklearn.preprocessing import StandardScaler
except ImportError:

    class StandardScaler:
        """What scikit-learn's does, where that is not installed."""

        def fit(self, rows):
            self.mean, self.std = rows.mean(0), rows.std(0)

        def transform(self, rows):
            return (rows - self.mean) / self.std

        def inverse_transform(self, rows):
            return rows * self.std + self.mean


def data(count, timesteps, features, seed=0):
    """Sequences padded with 0, and a label for each slot: whether the running mean is above 0."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, timesteps + 1, count)
    x = rng.normal(size=(count, timesteps, features))
    y = (x.mean(2).cumsum(1) > 0).astype("float32")[..., None]
    real = np.arange(timesteps) < lengths[:, None]
    return (x + 0.5) * [1, 10, 0.1][:features] * real[..., None], y, real


def network(timesteps, features, units):
    model = keras.Sequential()
    model.add(keras.Input(shape=(timesteps, features)))
    model.add(Masking(mask_value=0.0))
    model.add(LSTM(units, return_sequences=True))
    model.add(Dropout(0.5))
    model.add(Dense(1, activation="sigmoid"))
    model.compile("adam", "binary_crossentropy")
    return model


def weighted_masked_objective(score, mask, weights=None):
    """Keras 2's loss from the score of each slot (batch, time), by what it does in this order."""
    score = score * mask / (mask.mean() + 1e-7)
    if weights is not None:
        score = score.mean(tuple(range(weights.ndim, score.ndim))) * weights
        score = score / (weights != 0).mean()
    return score.mean()


def crossentropy(y, p):
    p = np.clip(p, 1e-7, 1 - 1e-7)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))[..., 0]


def fitted(x, y, units):
    """The weights after two epochs, and what unpad has to say about the data."""
    keras.utils.set_random_seed(0)
    model = network(*x.shape[1:], units)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", doctor.DataWarning)
        model.fit(x, y, epochs=2, verbose=0)
    return model.get_weights(), [str(w.message) for w in told]


def main(arguments=None):
    """Prints a verdict for each thing that the question and its comments ask."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    count, units = (40, 16) if parser.parse_args(arguments).small else (200, 100)
    x, y, real = data(count, 20, 3)
    rng = np.random.default_rng(1)
    passed = []

    def verdict(what, holds):
        passed.append(bool(holds))
        print(f"{'yes' if holds else 'NO '}  {what}")

    keras.utils.set_random_seed(0)
    model = network(20, 3, units)
    score = crossentropy(y, model.predict(x, verbose=0))
    ours = model.evaluate(x, y, verbose=0)
    theirs = weighted_masked_objective(score, real)
    print(f"\nThe loss: {ours:.7f}; weighted_masked_objective: {theirs:.7f}")
    verdict(
        "the loss is that of real steps: the labels of masked ones are ignored", close(ours, theirs)
    )
    for name, weights in {
        "sequence": rng.uniform(0.5, 2, count),
        "step": rng.uniform(0.5, 2, real.shape),
    }.items():
        ours = model.evaluate(x, y, sample_weight=weights, verbose=0)
        theirs = weighted_masked_objective(score, real, weights)
        print(f"with a weight a {name}: {ours:.7f}; weighted_masked_objective: {theirs:.7f}")
        verdict("the same with these weights", close(ours, theirs))

    print()
    before, told = fitted(x, y, units)
    verdict("data that are in order are trained on without a word", not told)
    for name, value in {"turned over": 1 - y, "1000": 1000.0, "NaN": np.nan}.items():
        other = np.where(real[..., None], y, value)
        after, _ = fitted(x, other, units)
        same = all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
        verdict(f"labels at masked steps {name}: not a bit of the trained weights changes", same)

    print("\nA StandardScaler on the padded array\n")
    rows = x.reshape(-1, 3)
    scaler = StandardScaler()
    scaler.fit(rows)
    wrong = scaler.transform(rows).reshape(x.shape)
    _, told = fitted(wrong, y, units)
    print("\n".join(told) + "\n")
    verdict("masks nothing, and that is found", len(told) == 1 and "after padding" in told[0])
    scaler = Scaler(StandardScaler())
    right = scaler.fit_transform(x)
    _, told = fitted(right, y, units)
    verdict("Scaler(StandardScaler()) leaves padding alone: nothing to say", not told)
    verdict(
        "its real steps have mean 0 and deviation 1",
        close(right[real].mean(0), 0) and close(right[real].std(0), 1),
    )
    verdict("and come back", close(scaler.inverse_transform(right), x))

    print("\npredict\n")
    as_grid = model.predict(x, verbose=0, fill=np.nan)
    verdict(
        "has no value where there is no step: the fill",
        np.array_equal(~np.isnan(as_grid[..., 0]), real),
    )
    parts = [row[steps] for row, steps in zip(x, real, strict=True)]
    as_list = model.predict(parts, verbose=0)
    lengths = [len(p) for p in as_list] == [len(p) for p in parts]
    verdict("nor for sequences without padding: as many values as steps", lengths)
    if not all(passed):
        sys.exit(1)


def close(a, b):
    return np.allclose(a, b, rtol=1e-5, atol=1e-6)


if __name__ == "__main__":
    main()
