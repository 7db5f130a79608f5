"""Learns from a folder of Parquet files, which need not fit into memory.

    python examples/stream_parquet.py             # some seconds
    python examples/stream_parquet.py --small

Row groups are read in an order drawn from the seed and the epoch, shuffled once more and cut into
batches while the next are read. A run that is killed goes on where it was: `backup`.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import unpad as keras
from unpad import layers

parser = argparse.ArgumentParser(description="Learns from Parquet files.")
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


def write(path: Path, rng: np.random.Generator, count: int) -> None:
    """So many sentences as a file of two list columns."""
    words, tags = zip(*(sentence(rng) for _ in range(count)), strict=True)
    pq.write_table(pa.table({"words": list(words), "tags": list(tags)}), path, row_group_size=500)


def main(small: bool) -> float:
    """The accuracy on a file of its own."""
    keras.utils.set_random_seed(0)
    rng, columns = np.random.default_rng(0), ("words", "tags")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "train"
        folder.mkdir()
        for part in range(4):
            write(folder / f"part-{part}.parquet", rng, 500 if small else 5000)
        write(Path(place) / "held-out.parquet", rng, 500)
        model = tagger()
        history = model.fit(
            folder, columns=columns, batch_size=32, epochs=6, backup=f"{place}/state", verbose=2
        )
        print(f"waited for data: {max(history.history['waiting']):.1%} of the time")
        held_out = Path(place) / "held-out.parquet"
        return model.evaluate(held_out, columns=columns, return_dict=True, verbose=0)["accuracy"]


if __name__ == "__main__":
    accuracy = main(parser.parse_args().small)
    print(f"accuracy on sentences that were not trained on: {accuracy:.3f}")
    if accuracy < 0.9:
        raise SystemExit(f"accuracy {accuracy:.3f}, expected .9 at least")
