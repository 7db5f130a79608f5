"""Keras 2's Tokenizer: words to ids by how frequent they are, and back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..arguments import wrong

__all__ = ["Tokenizer", "text_to_word_sequence", "tokenizer_from_json"]

_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_MODES = ("binary", "count", "tfidf", "freq")


def text_to_word_sequence(
    input_text: str, filters: str = _FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """The words of a text.

    Args:
        input_text: the text.
        filters: letters that are taken for `split`.
        lower: whether words are in small letters.
        split: what stands between words.
    """
    text = input_text.lower() if lower else input_text
    cut = text.translate({ord(letter): split for letter in filters})
    return [word for word in cut.split(split) if word]


class Tokenizer:
    """Gives each word an id, the most frequent one 1, as Keras 2's; 0 is nobody's.

    `layers.TextVectorization` does the same work, learns alike and goes into a model's file.

    Args:
        num_words: ids are below it; less frequent words are unknown ones.
        filters: letters that are taken for `split`.
        lower: whether words are in small letters.
        split: what stands between words.
        char_level: whether each letter is a word.
        oov_token: a word for unknown ones, with id 1; by default they are left out.

    Example:
        >>> words = Tokenizer(oov_token="?")
        >>> words.fit_on_texts(["the cat", "the dog"])
        >>> words.texts_to_sequences(["the bird", ""])
        [[2, 1], []]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = _FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
    ) -> None:
        self.num_words, self.filters, self.lower = num_words, filters, lower
        self.split, self.char_level, self.oov_token = split, char_level, oov_token
        #: How often each word was there, and in how many texts.
        self.word_counts: Counter[str] = Counter()
        self.word_docs: Counter[str] = Counter()
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.document_count = 0

    def _words(self, text: Any) -> list[str]:
        if isinstance(text, (list, tuple)):
            return [word.lower() if self.lower else word for word in text]
        if not isinstance(text, str):
            raise wrong("Tokenizer", "a text", "a string or a list of words", text)
        if self.char_level:
            return list(text.lower() if self.lower else text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Counts the words of texts, beside those counted before, and gives all their ids.

        Args:
            texts: strings, or lists of words.
        """
        for text in texts:
            words = self._words(text)
            self.document_count += 1
            self.word_counts.update(words)
            self.word_docs.update(set(words))
        first = [] if self.oov_token is None else [self.oov_token]
        ranked = sorted(self.word_counts.items(), key=lambda pair: -pair[1])
        words = first + [word for word, _ in ranked if word not in first]
        self.word_index = {word: i for i, word in enumerate(words, 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}

    def _ids(self, words: list[str]) -> Iterator[int]:
        unknown = None if self.oov_token is None else self.word_index.get(self.oov_token)
        for word in words:
            i = self.word_index.get(word)
            if i is None or (self.num_words is not None and i >= self.num_words):
                i = unknown
            if i is not None:
                yield i

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The ids of each text's words; a model takes the lists as they are.

        Args:
            texts: strings, or lists of words.
        """
        return [list(self._ids(self._words(text))) for text in texts]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of ids, with a space between them; ids of nobody are left out.

        Args:
            sequences: lists of ids.
        """
        known = ((self.index_word.get(int(i)) for i in ids) for ids in sequences)
        return [" ".join(word for word in words if word is not None) for words in known]

    def sequences_to_matrix(self, sequences: Any, mode: str = "binary") -> np.ndarray:
        """A row for each sequence, a column for each id.

        Args:
            sequences: lists of ids.
            mode: "binary", "count", "freq" (the share of the words) or "tfidf".

        Raises:
            ValueError: neither `num_words` nor a vocabulary is known, or the mode is not.
        """
        width = self.num_words or (len(self.word_index) + 1 if self.word_index else None)
        if width is None or mode not in _MODES:
            what = f"one of {', '.join(_MODES)}" if width else "known: give num_words, or fit first"
            raise ValueError(f"Tokenizer: expected mode or words to be {what}, got {mode!r}.")
        table = np.zeros((len(sequences), width))
        for row, ids in zip(table, sequences, strict=True):
            for i, count in Counter(i for i in ids if i < width).items():
                row[i] = {
                    "binary": 1.0,
                    "count": count,
                    "freq": count / len(ids),
                    "tfidf": (1 + np.log(count)) * np.log(
                        1 + self.document_count / (1 + self.word_docs[self.index_word.get(i, "")])
                    ),
                }[mode]  # fmt: skip
        return table

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """A row for each text, a column for each id; see `sequences_to_matrix`.

        Args:
            texts: strings, or lists of words.
            mode: as there.
        """
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def get_config(self) -> dict[str, Any]:
        """The arguments, and what was counted."""
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token")
        counted = ("document_count", "word_counts", "word_docs", "word_index")
        return {name: getattr(self, name) for name in (*names, *counted)}

    def to_json(self, **kwargs: Any) -> str:
        """All of it as text, which `tokenizer_from_json` makes the same of.

        Args:
            kwargs: of `json.dumps`.
        """
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The Tokenizer that `to_json` wrote, here or in Keras 2.

    Args:
        json_string: the text.

    Raises:
        ValueError: it is another text.
    """
    config = json.loads(json_string).get("config")
    if not isinstance(config, dict):
        raise wrong("tokenizer_from_json", "json_string", "what to_json gives", json_string)
    kept = {n: config.pop(n) for n in ("document_count", "word_counts", "word_docs", "word_index")}
    for name in ("index_docs", "index_word"):
        config.pop(name, None)
    # Keras 2 wrote these as texts of their own.
    kept = {n: json.loads(v) if isinstance(v, str) else v for n, v in kept.items()}
    made = Tokenizer(**config)
    made.document_count = int(kept["document_count"])
    made.word_counts, made.word_docs = Counter(kept["word_counts"]), Counter(kept["word_docs"])
    made.word_index = {word: int(i) for word, i in kept["word_index"].items()}
    made.index_word = {i: word for word, i in made.word_index.items()}
    return made
