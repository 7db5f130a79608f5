"""Public corpora for the benchmarks, read with the standard library and numpy."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

UNKNOWN = 1  # 0 is padding, words start at 2


class CorpusMissing(Exception):
    """A corpus is not where the benchmarks look for it."""


@dataclass(frozen=True)
class Sentences:
    """Word ids `x` and tag ids `y`: for every sentence one int32 array of shape (time,) each."""

    x: list[np.ndarray]
    y: list[np.ndarray]

    @property
    def steps(self) -> int:
        return sum(map(len, self.x))

    def take(self, index: np.ndarray) -> Sentences:
        return Sentences([self.x[i] for i in index], [self.y[i] for i in index])


@dataclass(frozen=True)
class Tagging:
    """A tagging task: two splits, and the sizes that a model needs."""

    train: Sentences
    dev: Sentences
    vocab_size: int
    num_tags: int
    longest: int


def folder(name: str) -> Path:
    """Where corpus `name` is: in UNPAD_TEST_DATA, else in ../shared/data beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("UNPAD_TEST_DATA", default)) / name
    if not path.is_dir():
        raise CorpusMissing(
            f"corpus {name!r} is missing: no folder {path}. Set UNPAD_TEST_DATA to the folder"
            f" that holds {name!r}, or put it into ../shared/data beside the repository."
        )
    return path


def read_conllu(path: Path) -> Iterator[list[tuple[str, str]]]:
    """Yield each sentence of a gzipped CoNLL-U file as (form, UPOS) pairs.

    Lines whose id is a range (1-2, a contraction that its words follow) or a decimal (8.1, a word
    that the text leaves out) are no words and are left out, as UD's own counts do.
    """
    sentence: list[tuple[str, str]] = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            if line == "\n":
                if sentence:
                    yield sentence
                sentence = []
                continue
            columns = line.split("\t")
            if columns[0].isdigit():
                sentence.append((columns[1], columns[3]))
    if sentence:
        yield sentence


def english_ewt() -> Tagging:
    """UD English EWT and its UPOS tags. Words: train's, lower-cased, those seen twice or more."""
    where = folder("ud_english_ewt")
    train, dev = (list(read_conllu(where / f"{split}.conllu.gz")) for split in ("train", "dev"))
    counts = Counter(word.lower() for sentence in train for word, _ in sentence)
    kept = sorted(word for word, count in counts.items() if count >= 2)
    words = {word: id for id, word in enumerate(kept, start=UNKNOWN + 1)}
    tags = {tag: id for id, tag in enumerate(sorted({tag for s in train for _, tag in s}))}

    def ids(sentences: list[list[tuple[str, str]]]) -> Sentences:
        return Sentences(
            x=[np.array([words.get(w.lower(), UNKNOWN) for w, _ in s], "int32") for s in sentences],
            y=[np.array([tags[tag] for _, tag in s], "int32") for s in sentences],
        )

    return Tagging(
        train=ids(train),
        dev=ids(dev),
        vocab_size=len(words) + UNKNOWN + 1,
        num_tags=len(tags),
        longest=max(map(len, train + dev)),
    )
