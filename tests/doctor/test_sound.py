"""No false alarms: sound data and models, drawn at random and from public corpora, give nothing."""

import gzip
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from unpad import Sequential, layers
from unpad.doctor import examine
from unpad.doctor.checks import CHECKS

from ..examples import TIMES

SETS = 180 if TIMES == 1 else 10_000
# What is told with a chance below 1e-4 is told once by chance in so many.
ALLOWED = 0 if TIMES == 1 else 1
ALARMS = []
DATA = Path(os.environ.get("UNPAD_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


# --- drawn --------------------------------------------------------------------------------------


def drawn(seed):
    """A sound set of data and a model for it: x, y, model, options."""
    rng = np.random.default_rng(seed)
    n, width = int(rng.integers(20, 400)), int(rng.integers(4, 40))
    lengths = np.clip(rng.poisson(width * rng.uniform(0.3, 0.9), n), 1, width)
    kind = rng.choice(["gauss", "walk", "zipf", "markov", "counts"])
    per_step = bool(rng.random() < 0.5)
    classes = int(rng.integers(2, 6))
    vocabulary = int(rng.integers(10, 500))
    steps, labels = [], []
    chain = rng.dirichlet(np.ones(classes), classes)
    zipf = 1 / np.arange(1, vocabulary + 1)
    # Which id is which class is a matter of chance, and of the id's alone.
    of_id = rng.integers(0, classes, vocabulary + 1)
    centre = rng.normal(0, 1, (classes, 4))
    for length in lengths:
        state, tags = rng.integers(classes), []
        for _ in range(length):
            state = rng.choice(classes, p=chain[state])
            tags.append(state)
        tags = np.array(tags)
        if kind in ("zipf", "markov"):
            ids = rng.choice(vocabulary, length, p=zipf / zipf.sum()) + 1
            if kind == "markov":
                ids = np.clip(tags * (vocabulary // classes) + 1 + ids % 3, 1, vocabulary)
            else:
                tags = of_id[ids]
            steps.append(ids)
        elif kind == "counts":
            steps.append(rng.poisson(3, (length, 4)).astype(float) + 1)
        else:
            noise = rng.normal(0, 1, (length, 4))
            steps.append((noise.cumsum(0) if kind == "walk" else noise) + centre[tags])
        labels.append(tags if per_step else int(np.bincount(tags).argmax()))
    y = labels if per_step else np.array(labels)
    form = rng.choice(["list", "post", "pre"])
    ids = kind in ("zipf", "markov")
    x = steps if form == "list" else grid(steps, width, form)
    if form != "list" and per_step:
        y = grid(labels, width, form)
    door = form != "list"
    first = [layers.Embedding(vocabulary + 1, 4, mask_zero=door)] if ids else []
    first += [layers.Masking()] if door and not ids else []
    body = [layers.Bidirectional(layers.LSTM(3, return_sequences=per_step)), layers.Dropout(0.2)]
    model = Sequential([*first, *body, layers.Dense(classes, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    split = {"validation_split": 0.2} if rng.random() < 0.5 else {}
    if rng.random() < 0.5:
        # Of sources that are gathered one after the other, and cut where one ends.
        held = int(n * 0.2)
        sources = np.sort(rng.integers(0, rng.integers(1, n), n - held))
        split["groups"] = np.concatenate([sources, n + np.sort(rng.integers(0, 9, held))])
    return x, y, model, split


def grid(sequences, width, side):
    first = np.asarray(sequences[0])
    found = np.zeros((len(sequences), width, *first.shape[1:]), first.dtype)
    for row, part in zip(found, sequences, strict=True):
        row[slice(0, len(part)) if side == "post" else slice(width - len(part), width)] = part
    return found


@pytest.mark.parametrize("first", range(0, SETS, 30))
def test_sound_sets_give_nothing(first):
    for seed in range(first, first + 30):
        x, y, model, split = drawn(seed)
        # The laws take a model's time: by day every fifteenth is asked them, at night every fifth.
        asked = None if seed % (15 if TIMES == 1 else 5) == 0 else CHECKS
        found = examine(x, y, model, only=asked, **split)
        ALARMS.extend([(seed, found.kinds)] if found else [])
        assert len(ALARMS) <= ALLOWED, ALARMS


# --- public corpora -----------------------------------------------------------------------------


@cache
def sentences(part):
    path = DATA / "ud_english_ewt" / f"{part}.conllu.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    found, words, tags = [], [], []
    for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines():
        columns = line.split("\t")
        if len(columns) > 3 and columns[0].isdigit():
            words.append(columns[1].lower())
            tags.append(columns[3])
        elif not line.strip() and words:
            found.append((words, tags))
            words, tags = [], []
    return found


def numbered(parts, index, first):
    return [np.array([index.setdefault(w, len(index) + first) for w in part]) for part in parts]


@cache
def corpus():
    words, tags, letters = {}, {}, {}
    found = {}
    for part in ("train", "dev", "test"):
        rows = sentences(part)
        found[part] = (
            numbered([w for w, _ in rows], words, 1),
            numbered([t for _, t in rows], tags, 0),
            numbered([list(" ".join(w)) for w, _ in rows], letters, 1),
        )
    return found, len(words) + 1, len(tags), len(letters) + 1


SETUPS = [
    (task, held, form, size)
    for task in ("tags", "letters", "long or short", "first tag")
    for held in ("dev", "test", "split", None)
    for form in ("list", "post", "pre")
    for size in (2000, 400)
]


@pytest.mark.parametrize(("task", "held", "form", "size"), SETUPS)
def test_sentences_give_nothing(task, held, form, size):
    found, words, tags, letters = corpus()
    rng = np.random.default_rng(0)

    def task_of(part, n):
        w, t, c = found[part]
        chosen = rng.permutation(len(w))[:n]
        x = [(c if task == "letters" else w)[i] for i in chosen]
        y = {
            "tags": [t[i] for i in chosen],
            "letters": [x_ % 3 for x_ in x],
            "first tag": np.array([t[i][0] for i in chosen]),
            # A property of the words: whether one of the fifty most frequent ends it.
            "long or short": np.array([int(w[i][0] % 2) for i in chosen]),
        }[task]
        if form != "list":
            width = max(map(len, x))
            x = grid(x, width, form)
            y = y if isinstance(y, np.ndarray) else grid(y, width, form)
        return x, y

    x, y = task_of("train", size)
    per_step = not isinstance(y, np.ndarray) or y.ndim == 2
    count = letters if task == "letters" else words
    classes = {"tags": tags, "letters": 3, "first tag": tags, "long or short": 2}[task]
    model = Sequential([
        layers.Embedding(count, 4, mask_zero=form != "list"),
        layers.LSTM(4, return_sequences=per_step),
        layers.Dense(classes, activation="softmax"),
    ])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy")
    options = {"validation_split": 0.2} if held == "split" else {}
    if held in ("dev", "test"):
        options = {"validation": task_of(held, size // 2)}
    assert examine(x, y, model, **options).at_least("warning") == []
