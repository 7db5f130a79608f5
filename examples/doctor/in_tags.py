"""Mistakes beside the steps: which class is each word of a sentence of?"""

from typing import Any

import numpy as np
from mistake import Measured, Mistake

import unpad as keras
from unpad import layers
from unpad.doctor import examine, quiet
from unpad.preprocessing.sequence import pad_sequences

# isort: split
import corpora

_WIDTH = 40  # of the padded arrays


class Sentences:
    """Some sentences as ids, to learn from and to be told.

    Args:
        small: whether a few are enough.
    """

    def __init__(self, small: bool) -> None:
        corpus = corpora.sentences()
        sizes = (400, 100) if small else (3000, 500)
        self.train, self.test = (
            [(words, tags) for words, tags in part if 4 <= len(words) <= _WIDTH][:most]
            for part, most in zip((corpus.train, corpus.test), sizes, strict=True)
        )
        self.tags = {t: i for i, t in enumerate(sorted({t for _, ts in self.train for t in ts}))}
        self.words = vocabulary(words for words, _ in self.train)
        self.epochs = 3 if small else 4

    def x(self, part: list, words: dict[str, int] | None = None) -> list[np.ndarray]:
        """Ids of words; 1 is one that is not known, 0 is kept for padding."""
        known = self.words if words is None else words
        return [np.array([known.get(w, 1) for w in sentence]) for sentence, _ in part]

    def y(self, part: list) -> list[np.ndarray]:
        """Ids of classes."""
        return [np.array([self.tags[t] for t in tags]) for _, tags in part]

    def tagger(self, masked: bool = True, classes: int | None = None) -> keras.Sequential:
        """An LSTM in both directions."""
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                layers.Embedding(len(self.words) + 2, 32, mask_zero=masked),
                layers.Bidirectional(layers.LSTM(24, return_sequences=True)),
                layers.Dense(classes or len(self.tags), activation="softmax"),
            ]
        )
        model.compile(
            keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        return model

    def fitted(self, model: Any, x: Any, y: Any) -> Any:
        """The model, trained; whatever `fit` would say of the data."""
        with quiet():
            model.fit(x, y, batch_size=16, epochs=self.epochs, verbose=0)
        return model

    def right(self, model: Any, x: Any, y: Any) -> float:
        """The share of labels told right, as the model counts them."""
        return model.evaluate(x, y, verbose=0)[1]


def vocabulary(texts: Any, first: int = 2) -> dict[str, int]:
    """Ids of words, in the order in which they come."""
    known: dict[str, int] = {}
    for words in texts:
        for word in words:
            known.setdefault(word, len(known) + first)
    return known


def _measured(
    s: Sentences,
    model: Any,
    reported: Any,
    before: Any,
    after: Any,
    honest: float | None = None,
    first: int = 0,
) -> Measured:
    """Compares a model that was trained with a mistake with one that was not.

    Args:
        s: the sentences.
        model: with the mistake, trained.
        reported: what it is evaluated on, with the mistake.
        before: what the doctor is given.
        after: the same without the mistake.
        honest: the model's figure, where it is not that on the sentences as they are.
        first: the first class.
    """
    x, y = after[0], after[1]
    sound = s.fitted(s.tagger(), x, y)
    return Measured(
        s.right(model, *reported),
        s.right(model, s.x(s.test), [v + first for v in s.y(s.test)]) if honest is None else honest,
        s.right(sound, s.x(s.test), s.y(s.test)),
        examine(*before),
        examine(x, y, sound),
    )


def shifted(small: bool) -> Measured:
    """A start mark before the words, none before their labels."""
    s = Sentences(small)
    x, x_test = ([np.append(1, v[:-1]) for v in s.x(part)] for part in (s.train, s.test))
    y = s.y(s.train)
    model = s.fitted(s.tagger(), x, y)
    reported = x_test, s.y(s.test)
    # It will have its start mark when it is used, too.
    honest = s.right(model, *reported)
    return _measured(s, model, reported, (x, y, model), (s.x(s.train), y), honest)


def other_end(small: bool) -> Measured:
    """Words padded in front, as pad_sequences does; labels behind."""
    s = Sentences(small)

    def laid(part: list) -> tuple[np.ndarray, np.ndarray]:
        x = pad_sequences(s.x(part), _WIDTH)
        return x, pad_sequences(s.y(part), _WIDTH, padding="post")

    x, y = laid(s.train)
    model = s.fitted(s.tagger(), x, y)
    after = s.x(s.train), s.y(s.train)
    return _measured(s, model, laid(s.test), (x, y, model), after)


def counted(small: bool) -> Measured:
    """Padding is a class like any other, and counts as told right."""
    s = Sentences(small)

    def laid(part: list) -> tuple[np.ndarray, np.ndarray]:
        y = [v + 1 for v in s.y(part)]
        return pad_sequences(s.x(part), 2 * _WIDTH, padding="post"), pad_sequences(
            y, 2 * _WIDTH, padding="post"
        )

    x, y = laid(s.train)
    model = s.fitted(s.tagger(masked=False, classes=len(s.tags) + 1), x, y)
    after = s.x(s.train), s.y(s.train)
    return _measured(s, model, laid(s.test), (x, y, model), after, first=1)


def one_id(small: bool) -> Measured:
    """A vocabulary of capitals, and words as they are written: hardly one is known."""
    s = Sentences(small)
    y = s.y(s.train)
    shouted = {w.upper(): i for w, i in s.words.items()}
    x, x_test = s.x(s.train, shouted), s.x(s.test, shouted)
    model = s.fitted(s.tagger(), x, y)
    reported = x_test, s.y(s.test)
    honest = s.right(model, *reported)
    return _measured(s, model, reported, (x, y, model), (s.x(s.train), y), honest)


MISTAKES = [
    Mistake(
        "shifted",
        "a start mark before the words alone",
        "word classes",
        "right",
        shifted,
        "ud_english_ewt",
    ),
    Mistake(
        "other end", "words padded in front, labels behind", "word classes", "right", other_end
    ),
    Mistake("not masked", "padding is a class, and counts", "word classes", "right", counted),
    Mistake(
        "one id", "a vocabulary of capitals", "word classes", "right", one_id, "ud_english_ewt"
    ),
]
