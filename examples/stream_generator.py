"""Learns from a generator: sentences that are made as they are needed.

    python examples/stream_generator.py             # some seconds
    python examples/stream_generator.py --small

The function is given, not the generator that it makes: each epoch calls it. An endless one says
with `steps_per_epoch` how many batches are an epoch.
"""

import argparse
from collections.abc import Iterator
from itertools import count

import numpy as np

import unpad as keras
from unpad import layers

parser = argparse.ArgumentParser(description="Learns from a generator.")
parser.add_argument("--small", action="store_true", help="fewer sentences")
WORDS, TAGS = 50, 3


def sentence(rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Words, and of each a tag that hangs on the word before: no word says it alone."""
    words = rng.integers(1, WORDS, rng.integers(1, 20))
    return words.tolist(), ((words + np.concatenate([[0], words[:-1]])) % TAGS).tolist()


def tagger() -> keras.Model:
    """A tagger of sentences of any length."""
    model = keras.Sequential(
        [
            layers.Embedding(WORDS, 32),
            layers.LSTM(32, return_sequences=True),
            layers.Dense(TAGS, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def batches() -> Iterator[tuple[list[list[int]], list[list[int]]]]:
    """Batches of 32 sentences without end; the k-th is the same whenever it is made."""
    for number in count():
        rng = np.random.default_rng(number)
        words, tags = zip(*(sentence(rng) for _ in range(32)), strict=True)
        yield list(words), list(tags)


def main(small: bool) -> float:
    """The accuracy on sentences that the generator has not come to."""
    keras.utils.set_random_seed(0)
    model = tagger()
    model.fit(batches, steps_per_epoch=60 if small else 500, epochs=6, verbose=2)
    rng = np.random.default_rng(10**6)
    words, tags = zip(*(sentence(rng) for _ in range(500)), strict=True)
    return model.evaluate(list(words), list(tags), return_dict=True, verbose=0)["accuracy"]


if __name__ == "__main__":
    accuracy = main(parser.parse_args().small)
    print(f"accuracy on sentences that were not trained on: {accuracy:.3f}")
    if accuracy < 0.9:
        raise SystemExit(f"accuracy {accuracy:.3f}, expected .9 at least")
