"""Where a word is stressed, learnt by as many processes as there are.

    python examples/torchrun.py                                  one process
    torchrun --nproc-per-node=2 examples/torchrun.py             two: the same weights
    torchrun --nproc-per-node=2 --max-restarts=3 examples/torchrun.py --backup folder

Nothing in it says how many there are: `fit`, `evaluate` and `predict` find the others in what
torchrun leaves in the environment, and each process takes its share of every batch. `BATCH` is what
all of them work on together. docs/scale.md says the rest.

Data: drawn here; a word is stressed on the vowel before its last one.
"""

from __future__ import annotations

import argparse
import os

import numpy as np

import unpad as keras
from unpad import layers
from unpad.ranks import is_first

VOWELS, CONSONANTS, BATCH = "aeiou", "bdgklmnprst", 32


def words(count: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Letters as numbers from 1, and for each letter whether it is stressed."""
    draw = np.random.default_rng(seed)
    letters, stressed = [], []
    for _ in range(count):
        word = "".join(
            draw.choice(list(CONSONANTS)) + draw.choice(list(VOWELS))
            for _ in range(draw.integers(1, 6))
        )
        vowels = [i for i, letter in enumerate(word) if letter in VOWELS]
        mark = np.zeros(len(word), dtype=int)
        mark[vowels[-2:][0]] = 1
        letters.append(np.array([(VOWELS + CONSONANTS).index(letter) + 1 for letter in word]))
        stressed.append(mark)
    return letters, stressed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a taste, some seconds")
    parser.add_argument("--backup", help="a folder: a run that was killed goes on from there")
    options = parser.parse_args()
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            layers.Embedding(len(VOWELS + CONSONANTS) + 1, 16),
            layers.Bidirectional(layers.GRU(16, return_sequences=True)),
            layers.Dropout(0.1),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["binary_accuracy"])
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    model.fit(
        *words(600 if options.small else 6000, seed=1),
        batch_size=BATCH // processes,
        epochs=4,
        verbose=2,
        backup=options.backup,
    )
    x, y = words(300, seed=2)
    _, accuracy = model.evaluate(x, y, verbose=0)
    if is_first():
        print(f"right on {accuracy:.1%} of the letters of words that it has not seen")
    assert accuracy > 0.95, accuracy


if __name__ == "__main__":
    main()
