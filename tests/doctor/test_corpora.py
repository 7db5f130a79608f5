"""No false alarms on real corpora: documents, words of news, sensors, outlines, pictures' rows."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from unpad import Sequential, layers
from unpad.doctor import examine

from .test_sound import DATA, grid

RNG = np.random.default_rng(0)


@cache
def news(part):
    """Words, letters and groups of 20 Newsgroups; lists of what a document holds."""
    path = DATA / "newsgroups20" / f"{part}.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(path)
    rows = np.random.default_rng(1).permutation(len(table))[:600]
    texts = [table["text"][int(i)].as_py() for i in rows]
    groups = [table["group"][int(i)].as_py() for i in rows]
    words = [re.findall(r"[a-z']+|[0-9]+|[^\sa-z0-9]", text.lower())[:80] for text in texts]
    return words, [list(text[:120]) for text in texts], groups


def numbered(parts, index, first=1):
    return [np.array([index.setdefault(w, len(index) + first) for w in part]) for part in parts]


def classifier(classes, *first):
    net = Sequential([*first, layers.LSTM(4), layers.Dense(classes, activation="softmax")])
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


OF_NEWS = [
    (what, form, held)
    for what in ("words", "letters")
    for form in ("list", "post", "pre", "floats")
    for held in ("test", "split", None)
]


@pytest.mark.by_day(8)
@pytest.mark.parametrize(("what", "form", "held"), OF_NEWS)
def test_documents(what, form, held):
    index, groups = {}, {}

    def of(part):
        words, letters, named = news(part)
        x = numbered(words if what == "words" else letters, index)
        y = np.array([groups.setdefault(g, len(groups)) for g in named])
        keep = [i for i, ids in enumerate(x) if len(ids)]
        x, y = [x[i] for i in keep], y[keep]
        if form != "list":
            x = grid(x, max(map(len, x)), "post" if form == "floats" else form)
            x = x.astype(np.float32) if form == "floats" else x
        return x, y

    x, y = of("train")
    options = {"validation_split": 0.2} if held == "split" else {}
    options = {"validation": of("test")} if held == "test" else options
    net = classifier(len(groups), layers.Embedding(len(index) + 1, 4, mask_zero=form != "list"))
    assert examine(x, y, net, **options).at_least("warning") == []


def _series(name, part):
    """(time, feature) of each case, and its class, of a set that the package aeon carries."""
    found = find_spec("aeon")
    if found is None:
        pytest.skip("the package aeon is not there")
    path = Path(found.origin).parent / "datasets" / "data" / name / f"{name}_{part}.ts"
    text = path.read_text().split("@data")[1].split()
    cases = [line.split(":") for line in text]
    x = [np.array([d.split(",") for d in dims], float).T for *dims, _ in cases]
    return x, [label for *_, label in cases]


SETS = ["ACSF1", "ArrowHead", "BasicMotions", "GunPoint", "ItalyPowerDemand", "JapaneseVowels"]
SETS += ["OSULeaf"]
OF_SERIES = [
    (name, form, held)
    for name in SETS
    for form in ("list", "grid", "standardised")
    for held in ("TEST", None)
]


@pytest.mark.by_day(12)
@pytest.mark.parametrize(("name", "form", "held"), OF_SERIES)
def test_series(name, form, held):
    groups = {}
    x, labels = _series(name, "TRAIN")
    mean, spread = np.concatenate(x).mean(0), np.concatenate(x).std(0)

    def of(x, labels):
        y = np.array([groups.setdefault(label, len(groups)) for label in labels])
        order = np.random.default_rng(2).permutation(len(y))
        x, y = [x[i] for i in order], y[order]
        if form == "standardised":
            x = [(part - mean) / spread for part in x]
        return (x if form == "list" else grid(x, max(map(len, x)), "post")), y

    x, y = of(x, labels)
    options = {"validation": of(*_series(name, held))} if held else {}
    net = classifier(len(groups), *([] if form == "list" else [layers.Masking()]))
    assert examine(x, y, net, **options).at_least("warning") == []


OF_PICTURES = [(form, held) for form in ("rows", "columns", "bytes") for held in ("split", None)]


@pytest.mark.by_day(3)
@pytest.mark.parametrize(("form", "held"), OF_PICTURES)
def test_rows_of_pictures(form, held):
    datasets = pytest.importorskip("sklearn.datasets")
    pictures = datasets.load_digits()
    order = np.random.default_rng(3).permutation(len(pictures.images))[:800]
    x, y = pictures.images[order], pictures.target[order]
    x = x.transpose(0, 2, 1) if form == "columns" else x
    x = x / 16 if form != "bytes" else x
    options = {"validation_split": 0.2} if held else {}
    assert examine(x, y, classifier(10), **options).at_least("warning") == []


def test_there_are_sixty_of_them():
    assert len(OF_NEWS) + len(OF_SERIES) + len(OF_PICTURES) >= 60
