"""Learns from a torch DataLoader, in batches of so many real steps.

    python examples/stream_dataloader.py             # some seconds
    python examples/stream_dataloader.py --small

`TokenBudget` is a BatchSampler for any DataLoader, whatever it feeds: each batch holds as many
sentences as 512 words are, and its order follows from a seed.
"""

import argparse

import numpy as np
from torch.utils.data import DataLoader

import unpad as keras
from unpad import layers

parser = argparse.ArgumentParser(description="Learns from a DataLoader.")
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


def together(sentences: list[tuple[list[int], list[int]]]) -> tuple[list, list]:
    """The words of all and the tags of all: no padding."""
    words, tags = zip(*sentences, strict=True)
    return list(words), list(tags)


def main(small: bool) -> float:
    """The accuracy on a loader of its own."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    data = [sentence(rng) for _ in range(2000 if small else 20000)]
    held_out = DataLoader([sentence(rng) for _ in range(500)], 100, collate_fn=together)
    budget = keras.data.TokenBudget([len(words) for words, _ in data], steps=512, seed=1)
    loader = DataLoader(data, batch_sampler=budget, collate_fn=together)
    print(f"{len(data)} sentences in {len(loader)} batches of 512 steps at most")
    model = tagger()
    model.fit(loader, epochs=6, verbose=2)
    return model.evaluate(held_out, return_dict=True, verbose=0)["accuracy"]


if __name__ == "__main__":
    accuracy = main(parser.parse_args().small)
    print(f"accuracy on sentences that were not trained on: {accuracy:.3f}")
    if accuracy < 0.9:
        raise SystemExit(f"accuracy {accuracy:.3f}, expected .9 at least")
