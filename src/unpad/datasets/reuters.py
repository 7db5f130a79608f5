"""News, each of one of 46 topics: Keras's `datasets.reuters`, from a file that is here."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..utils.files import get_file
from .reading import arrays_of, prepared, word_index

__all__ = ["get_word_index", "load_data"]

WHO = "reuters.load_data"


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
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
        test_split: which share is for testing, the last.
        seed: of the order, which is drawn.
        start_char: begins each sequence.
        oov_char: stands for unknown words; None leaves them out.
        index_from: the id of the most frequent word is the one behind it.

    Raises:
        FileNotFoundError: the file is not here; the text says where to put it.
        ValueError: it holds something else.
    """
    found = arrays_of(get_file(path), WHO)
    order = np.arange(len(found["x"]))
    np.random.RandomState(seed).shuffle(order)  # as Keras, whose order this is
    xs, labels = prepared(
        found["x"][order], found["y"][order],
        num_words, skip_top, maxlen, start_char, oov_char, index_from, WHO,
    )  # fmt: skip
    at = int(len(xs) * (1 - test_split))
    return (xs[:at], labels[:at]), (xs[at:], labels[at:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """The words' ids by how frequent they are, from 1; `load_data` adds `index_from`.

    Args:
        path: of the file, or its name where Keras keeps what it has downloaded.

    Raises:
        FileNotFoundError: the file is not here; the text says where to put it.
    """
    return word_index(path, "reuters.get_word_index")
