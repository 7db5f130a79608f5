"""Learns from a data set of Hugging Face's datasets, in memory and as a stream.

    python examples/stream_huggingface.py             # some seconds
    python examples/stream_huggingface.py --small

A Dataset is Arrow's columns, taken without a copy where they lie in one piece; an IterableDataset
is read example by example, in the order that it has.
"""

import argparse

import numpy as np
from datasets import Dataset

import unpad as keras
from unpad import layers

parser = argparse.ArgumentParser(description="Learns from Hugging Face's datasets.")
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


def drawn(rng: np.random.Generator, count: int) -> Dataset:
    """So many sentences as a data set."""
    return Dataset.from_list(
        [dict(zip(("words", "tags"), sentence(rng), strict=True)) for _ in range(count)]
    )


def main(small: bool) -> float:
    """The accuracy on a data set of its own."""
    keras.utils.set_random_seed(0)
    rng, columns = np.random.default_rng(0), ("words", "tags")
    data, held_out = drawn(rng, 2000 if small else 20000), drawn(rng, 500)
    model = tagger()
    model.fit(data, columns=columns, epochs=4, verbose=2)
    stream = data.to_iterable_dataset().shuffle(seed=0)
    model.fit(stream, columns=columns, batch_size=32, epochs=2, verbose=2)
    return model.evaluate(held_out, columns=columns, return_dict=True, verbose=0)["accuracy"]


if __name__ == "__main__":
    accuracy = main(parser.parse_args().small)
    print(f"accuracy on sentences that were not trained on: {accuracy:.3f}")
    if accuracy < 0.9:
        raise SystemExit(f"accuracy {accuracy:.3f}, expected .9 at least")
