"""Mistakes in what is held out, and in what is cut: what is a text about?"""

import re
from collections import Counter
from typing import Any

import numpy as np
from mistake import Measured, Mistake

import unpad as keras
from unpad import layers
from unpad.doctor import examine, quiet
from unpad.preprocessing.sequence import pad_sequences

# isort: split
import corpora

_WORDS = 8_000
_LONGEST = 200


class Texts:
    """Texts as ids of words, with the number of their kind.

    Args:
        small: whether a few are enough.
        kinds: how many kinds, the most frequent first.
        most: how many texts are learnt from, if not small.
    """

    def __init__(self, small: bool, kinds: int = 20, most: int = 2000) -> None:
        corpus = corpora.texts()
        often = Counter(kind for _, kind in corpus.train).most_common(kinds)
        self.kinds = {kind: i for i, (kind, _) in enumerate(often)}
        sizes = (300, 300) if small else (most, 1000)
        parts = []
        for part, count in zip((corpus.train, corpus.test), sizes, strict=True):
            texts = [(_split(t), self.kinds[k]) for t, k in part[: 2 * count] if k in self.kinds]
            parts.append([text for text in texts if len(text[0]) >= 10][:count])
        counts = Counter(word for words, _ in parts[0] for word in words)
        known = {w: i + 2 for i, (w, _) in enumerate(counts.most_common(_WORDS))}
        self.x, self.x_test = (
            [np.array([known.get(w, 1) for w in words]) for words, _ in part] for part in parts
        )
        self.y, self.y_test = (np.array([kind for _, kind in part]) for part in parts)
        self.size = len(known) + 2

    def model(self, kinds: int) -> keras.Sequential:
        """The mean of a text's words, and a layer."""
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                layers.Embedding(self.size, 32, mask_zero=True),
                layers.GlobalAveragePooling1D(),
                layers.Dense(kinds, activation="softmax"),
            ]
        )
        model.compile(
            keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        return model

    def fitted(self, x: Any, y: Any, kinds: int, epochs: int) -> keras.Sequential:
        """Trained; whatever `fit` would say of the data."""
        model = self.model(kinds)
        with quiet():
            model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
        return model


def _split(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())[:_LONGEST]


def _f1(model: Any, x: Any, y: np.ndarray) -> float:
    """Of class 1."""
    told = np.argmax(model.predict(x, verbose=0), -1)
    both = float(((told == 1) & (y == 1)).sum())
    return 2 * both / max(1.0, float((told == 1).sum() + (y == 1).sum()))


def _right(model: Any, x: Any, y: np.ndarray) -> float:
    return model.evaluate(x, y, verbose=0)[1]


def _divided(count: int, share: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(0).permutation(count)
    cut = int(count * share)
    return order[cut:], order[:cut]


def _of(x: list, chosen: np.ndarray) -> list:
    return [x[i] for i in chosen]


def leak(small: bool) -> Measured:
    """A rare class made frequent by copies, before the split."""
    t = Texts(small)
    y, y_test = (t.y == 3).astype(int), (t.y_test == 3).astype(int)
    copies = np.concatenate([np.arange(len(y)), np.repeat(np.flatnonzero(y), 10)])
    learnt, held = _divided(len(copies))
    x, labels = _of(t.x, copies), y[copies]

    epochs = 6
    model = t.fitted(_of(x, learnt), labels[learnt], 2, epochs)
    reported = _f1(model, _of(x, held), labels[held])
    found = examine(_of(x, learnt), labels[learnt], model, validation=(_of(x, held), labels[held]))
    # First the split, then the copies of what is learnt from.
    learnt, held = _divided(len(y))
    learnt = np.concatenate([learnt, np.repeat(learnt[y[learnt] == 1], 10)])
    sound = t.fitted(_of(t.x, learnt), y[learnt], 2, epochs)
    left = examine(_of(t.x, learnt), y[learnt], sound, validation=(_of(t.x, held), y[held]))
    return Measured(
        reported, _f1(model, t.x_test, y_test), _f1(sound, t.x_test, y_test), found, left
    )


def overlap(small: bool) -> Measured:
    """Windows of texts that overlap, drawn for both sides."""
    t = Texts(small, most=400)
    long, step = 40, 10

    def windows(x: list, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cut = [
            (s[i : i + long], k)
            for s, k in zip(x, y, strict=True)
            for i in range(0, len(s) - long, step)
        ]
        return np.stack([w for w, _ in cut]), np.array([k for _, k in cut])

    x, y = windows(t.x, t.y)
    learnt, held = _divided(len(x))
    epochs = 6
    model = t.fitted(x[learnt], y[learnt], 20, epochs)
    found = examine(x[learnt], y[learnt], model, validation=(x[held], y[held]))
    reported = _right(model, x[held], y[held])

    texts, others = _divided(len(t.x))
    x, y = windows(_of(t.x, texts), t.y[texts])
    held_x, held_y = windows(_of(t.x, others), t.y[others])
    sound = t.fitted(x, y, 20, epochs)
    left = examine(x, y, sound, validation=(held_x, held_y))
    new = windows(t.x_test, t.y_test)
    return Measured(reported, _right(model, *new), _right(sound, *new), found, left)


def cut(small: bool) -> Measured:
    """Texts cut to their last 20 words, which are often a signature."""
    t = Texts(small)
    x, x_test = (pad_sequences(x, 20) for x in (t.x, t.x_test))
    model = t.fitted(x, t.y, 20, 6)
    sound = t.fitted(t.x, t.y, 20, 6)
    honest = _right(model, x_test, t.y_test)
    return Measured(
        honest,
        honest,
        _right(sound, t.x_test, t.y_test),
        examine(x, t.y, model),
        examine(t.x, t.y, sound),
    )


def rare(small: bool) -> Measured:
    """An accuracy where hardly any label is of the class that is looked for."""
    t = Texts(small)
    of = int(np.bincount(t.y).argmin())
    y, y_test = (t.y == of).astype(int), (t.y_test == of).astype(int)
    model = t.fitted(t.x, y, 2, 1)
    found = examine(t.x, y, model)
    sound = t.fitted(t.x, y, 2, 8)
    sound.compile("adam", "sparse_categorical_crossentropy")
    return Measured(
        _right(model, t.x_test, y_test),
        _f1(model, t.x_test, y_test),
        _f1(sound, t.x_test, y_test),
        found,
        examine(t.x, y, sound),
    )


MISTAKES = [
    Mistake("leak", "a rare kind copied ten times, then split", "one kind of text", "F1", leak),
    Mistake(
        "overlap", "windows that overlap, drawn for both sides", "kinds of text", "right", overlap
    ),
    Mistake("cut", "pad_sequences(maxlen=20)", "kinds of text", "right", cut),
    Mistake(
        "rare class",
        "accuracy, where it should be F1",
        "one kind of text",
        "see left",
        rare,
        "newsgroups20",
    ),
]
