"""Reviews of films, each good or bad: Keras's `datasets.imdb`, from a file that is here."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..utils.files import get_file
from .reading import arrays_of, prepared, word_index

__all__ = ["get_word_index", "load_data"]

WHO = "imdb.load_data"


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Any:
    """(x, y) to train on and (x, y) to test on: lists of lists of ids, and an array of labels.

    The lists go into `fit` as they are; nothing needs to be padded. Nothing of the file is run.

    Args:
        path: of the file, or its name where Keras keeps what it has downloaded.
        num_words: words that are less frequent are unknown ones.
        skip_top: the most frequent words are unknown ones too.
        maxlen: longer sequences are left out.
        seed: of the order, which is drawn.
        start_char: begins each sequence.
        oov_char: stands for unknown words; None leaves them out.
        index_from: the id of the most frequent word is the one behind it.

    Raises:
        FileNotFoundError: the file is not here; the text says where to put it.
        ValueError: it holds something else.
    """
    found = arrays_of(get_file(path), WHO)
    drawn = np.random.RandomState(seed)  # as Keras, whose order this is
    parts = []
    for part in ("train", "test"):
        order = np.arange(len(found[f"x_{part}"]))
        drawn.shuffle(order)
        parts.append(
            prepared(
                found[f"x_{part}"][order], found[f"y_{part}"][order],
                num_words, skip_top, maxlen, start_char, oov_char, index_from, WHO,
            )
        )  # fmt: skip
    return parts[0], parts[1]


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The words' ids by how frequent they are, from 1; `load_data` adds `index_from`.

    Args:
        path: of the file, or its name where Keras keeps what it has downloaded.

    Raises:
        FileNotFoundError: the file is not here; the text says where to put it.
    """
    return word_index(path, "imdb.get_word_index")
