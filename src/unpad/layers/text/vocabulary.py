"""A vocabulary learned from data: the most frequent words first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from math import log
from typing import Any

from .strings import sequences_of


def learned(
    batches: Iterable[list[list[Any]]],
    special: tuple[Any, ...],
    most: int | None,
    rank: Callable[[Any], Any],
) -> tuple[list[Any], list[float]]:
    """The words of documents, and how much it says that a document holds one.

    Of equally frequent words the last in order is first, as in Keras. The
    weight is the inverse document frequency, log(1 + documents / (1 + those that hold the word)).

    Args:
        batches: documents, each a list of words.
        special: words that are none.
        most: how many words are kept.
        rank: by what equally frequent words are ordered.
    """
    counts, holding, documents = Counter(), Counter(), 0
    for batch in batches:
        for words in batch:
            counts.update(words)
            holding.update(set(words))
        documents += len(batch)
    for token in special:
        counts.pop(token, None)
    words = sorted(counts, key=lambda w: (counts[w], rank(w)), reverse=True)[:most]
    return words, [log(1 + documents / (1 + holding[word])) for word in words]


def mean(weights: list[float]) -> float:
    """The mean, which an unknown word's weight is; 0 of none."""
    return sum(weights) / max(1, len(weights))


def documents_of(
    batch: Any, whole: bool, tokens_of: Callable[[Any], tuple[list[Any], Any]]
) -> list[list[Any]]:
    """The words of each document of a batch."""
    words, arrangement = tokens_of(batch)
    # As in Keras: strings that came whole are a document each, those of a batch are one.
    one = not whole and isinstance(arrangement, tuple) and len(arrangement) < 2
    return [words] if one else sequences_of(words, arrangement)
