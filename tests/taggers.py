"""Small data and models that the tests of training share."""

import numpy as np

import unpad as keras

VOCABULARY, TAGS = 12, 4


def sentences(n=24, longest=7, seed=0):
    """Lists of ids (from 1) and of tags that can be learnt; lengths 0 and 1 among them."""
    rng = np.random.default_rng(seed)
    lengths = [0, 1, *rng.integers(0, longest + 1, n - 2)]
    x = [rng.integers(1, VOCABULARY, length) for length in lengths]
    return x, [ids % TAGS for ids in x]


def padded(sequences, side, fill, time=9, dtype=float):
    """A grid of the sequences: left, right, or with holes; `fill` elsewhere."""
    grid = np.full((len(sequences), time), fill, dtype=dtype)
    mask = np.zeros((len(sequences), time), dtype=bool)
    rng = np.random.default_rng(1)
    for i, s in enumerate(sequences):
        n = len(s)
        slots = {
            "left": np.arange(time - n, time),
            "right": np.arange(n),
            "holes": np.sort(rng.permutation(time)[:n]),
        }[side]
        grid[i, slots] = s
        mask[i, slots] = True
    return grid, mask


def tagger(units=5, seed=1, compiled=True, **options):
    """The tagger of the README, small."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(shape=(None,)),
            keras.layers.Embedding(VOCABULARY, 6, mask_zero=True),
            keras.layers.Bidirectional(keras.layers.LSTM(units, return_sequences=True)),
            keras.layers.TimeDistributed(keras.layers.Dense(TAGS, activation="softmax")),
        ]
    )
    if compiled:
        model.compile(
            **{
                "optimizer": "adam",
                "loss": "sparse_categorical_crossentropy",
                "metrics": ["accuracy"],
                **options,
            }
        )
    return model


def classifier(seed=1, **options):
    """One vector a sequence: reduces."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input(shape=(None, 3)),
            keras.layers.Masking(float("nan")),
            keras.layers.LSTM(4),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(**{"optimizer": "sgd", "loss": "binary_crossentropy", **options})
    return model
