"""Whatever gives sequences goes into fit, evaluate, predict and adapt, in every form."""

from itertools import count, cycle

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

import unpad as keras
from unpad import Ragged
from unpad import layers as L

from ..messages import says
from ..taggers import TAGS, VOCABULARY, sentences

X, Y = sentences(12)
WEIGHT = [1 + i % 3 for i in range(len(X))]
CUT = [slice(i, i + 5) for i in range(0, len(X), 5)]
COLUMNS = ("words", "tags", "weight")
BATCH = {
    "x": lambda x, y, w: x,
    "(x, y)": lambda x, y, w: (x, y),
    "(x, y, weight)": lambda x, y, w: (x, y, w),
    "dict": lambda x, y, w: {"words": x, "tags": y, "weight": w},
}
PARTS = {
    "lists": list,
    "tensors": lambda s: [torch.as_tensor(a) for a in s],
    "Ragged": lambda s: Ragged.from_list(s, dtype=torch.int64),
    "nested": lambda s: torch.nested.nested_tensor(
        [torch.as_tensor(a) for a in s], layout=torch.jagged
    ),
    "Arrow": lambda s: pa.array([a.tolist() for a in s], pa.list_(pa.int64())),
}


def batches(form, parts="lists"):
    lay = PARTS[parts]
    return [BATCH[form](lay(X[cut]), lay(Y[cut]), np.array(WEIGHT[cut])) for cut in CUT]


class Again:
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


class Numbered(keras.utils.PyDataset):
    def __init__(self, form, workers=1):
        super().__init__(workers=workers)
        self.items = batches(form)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class Endless(keras.utils.PyDataset):
    num_batches = None

    def __init__(self, form):
        super().__init__()
        self.items = batches(form)

    def __getitem__(self, i):
        return self.items[i % len(self.items)]


class Listed(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class Going(IterableDataset):
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return iter(self.items)


def examples(form):
    return [BATCH[form](*row) for row in zip(X, Y, WEIGHT, strict=True)]


def columns_of(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}


def loader(form, collate_fn=None):
    zipped = {"x": list, "dict": columns_of}.get(form, lambda rows: tuple(zip(*rows, strict=True)))
    return DataLoader(Listed(examples(form)), batch_size=5, collate_fn=collate_fn or zipped)


OF_BATCHES = {
    "generator": lambda form: (batch for batch in batches(form)),
    "function": lambda form: lambda: batches(form),
    "iterable": lambda form: Again(batches(form)),
    "list": batches,
    "DataLoader of batches": lambda form: DataLoader(Listed(batches(form)), batch_size=None),
    "DataLoader of examples": loader,
    "Dataset": lambda form: Listed(examples(form)),
    "IterableDataset": lambda form: Going(examples(form)),
    "PyDataset": Numbered,
    "threads": lambda form: Numbered(form, workers=2),
    "endless": Endless,
    **{p: lambda form, p=p: Again(batches(form, p)) for p in PARTS},
}
ROWS = {"words": [x.tolist() for x in X], "tags": [y.tolist() for y in Y], "weight": WEIGHT}
INTEGERS = pa.list_(pa.int64())
TABLE = pa.table(
    {"words": pa.array(ROWS["words"], INTEGERS), "tags": pa.array(ROWS["tags"], INTEGERS)}
).append_column("weight", pa.array(WEIGHT))
TABLES = {
    "dict": lambda folder: ROWS,
    "table": lambda folder: TABLE,
    "record batch": lambda folder: TABLE.to_batches()[0],
    "reader": lambda folder: pa.RecordBatchReader.from_batches(
        TABLE.schema, TABLE.to_batches(max_chunksize=7)
    ),
    "file": lambda folder: str(folder / "all.parquet"),
    "folder": lambda folder: folder,
    "data set of files": lambda folder: ds.dataset(folder),
    "polars": lambda folder: pl.DataFrame(ROWS),
    "pandas": lambda folder: pd.DataFrame(ROWS),
    "datasets": lambda folder: datasets.Dataset.from_dict(ROWS),
    "stream of datasets": lambda folder: datasets.Dataset.from_dict(ROWS).to_iterable_dataset(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("rows")
    pq.write_table(TABLE, found / "all.parquet", row_group_size=5)
    return found


def small():
    """Embedding and Dense: what a source costs is not the model's."""
    keras.utils.set_random_seed(1)
    found = keras.Sequential(
        [
            keras.Input((None,)),
            L.Embedding(VOCABULARY, 3, mask_zero=True),
            L.Dense(TAGS, activation="softmax"),
        ]
    )
    found.compile("sgd", "sparse_categorical_crossentropy")
    return found


@pytest.fixture(scope="module")
def model():
    found = small()
    found.predict(X, verbose=0)
    return found


def everywhere(model, make, columns, weighed, limit=None):
    """What evaluate, predict and three kinds of adapt make of a source."""
    options = {"verbose": 0, "columns": columns}
    found = model.predict(make(), steps=limit, **{**options, "columns": columns and columns[0]})
    found = Ragged.from_arrow(found).to_list() if isinstance(found, pa.Array) else list(found)
    named = {"columns": columns and columns[0], "steps": limit}
    integers, mean, bins = L.IntegerLookup(), L.Normalization(None), L.Discretization(num_bins=3)
    for layer in (integers, mean, bins):
        layer.adapt(make(), **named)
    expected = Ragged.from_list(X).values.double()
    assert sorted(integers.get_vocabulary()[1:]) == sorted({*expected.int().tolist()})
    assert float(mean.mean) == pytest.approx(float(expected.mean()))
    assert mean.count == len(expected) and len(bins.bin_boundaries) == 2
    for a, b in zip(found, model.predict(X, verbose=0), strict=True):
        np.testing.assert_allclose(np.asarray(a).reshape(np.shape(b)), b, atol=1e-6)
    if weighed is not None:
        scores = model.evaluate(make(), steps=limit, **options)
        weight = WEIGHT if weighed else None
        alone = model.evaluate(X, Y, sample_weight=np.array(weight) if weighed else None, verbose=0)
        assert scores == pytest.approx(alone)


# A list of lists is sequences, one of dicts is refused: see `test_what_says_too_little`.
FORMS = [
    (source, form)
    for source in OF_BATCHES
    for form in (["(x, y, weight)"] if source in PARTS else BATCH)
    if source != "list" or form.startswith("(")
]


@pytest.mark.parametrize(("source", "form"), FORMS)
def test_batches_and_examples(model, source, form):
    columns = COLUMNS if form == "dict" else None
    weighed = {"x": None, "(x, y)": False}.get(form, True)
    limit = len(CUT) if source == "endless" else None
    everywhere(model, lambda: OF_BATCHES[source](form), columns, weighed, limit)
    if form == "x":
        return
    here, there = small(), small()
    options = {"shuffle": False, "verbose": 0}
    of_its_own = {} if source not in ("Dataset", "IterableDataset") else {"batch_size": 5}
    there.fit(
        OF_BATCHES[source](form), columns=columns, steps_per_epoch=limit, **of_its_own, **options
    )
    here.fit(X, Y, sample_weight=np.array(WEIGHT) if weighed else None, batch_size=5, **options)
    for a, b in zip(here.parameters(), there.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("source", TABLES)
def test_tables(model, folder, source):
    everywhere(model, lambda: TABLES[source](folder), COLUMNS, True)


def test_texts_are_learned_from_whatever_gives_them(folder):
    texts = ["b a", "", "b c b"]
    table = pa.table({"text": texts, "n": [1, 2, 3]})
    pq.write_table(table, folder / "texts.parquet")
    path = folder / "texts.parquet"
    for data, columns in (
        (lambda: iter([texts[:2], texts[2:]]), None),
        ([(texts[:2], [0, 1]), (texts[2:], [1])], None),
        (Listed([(text, 1) for text in texts]), None),
        (table, "text"),
        (path, "text"),
        (str(path), "text"),
        (datasets.Dataset.from_dict({"text": texts})["text"], None),
        (pl.DataFrame({"text": texts}), None),
        (pd.Series(texts), None),
    ):
        layer = L.TextVectorization()
        layer.adapt(data, columns=columns)
        assert layer.get_vocabulary()[2:] == ["b", "c", "a"]
    words = L.StringLookup()
    words.adapt(pa.table({"words": [["b", None, "a"], [], ["b"]]}))
    assert words.get_vocabulary()[1:] == ["b", "a"]
    with says(f"TextVectorization: {str(path)!r} is the name of a file or folder. Its columns: co"):
        L.TextVectorization().adapt(str(path))
    with says("TextVectorization: steps counts the batches of an iterable; texts.parquet has none"):
        L.TextVectorization().adapt(path, steps=2, columns="text")
    with says("StringLookup: which of the columns 'text', 'n' are x is not said. Say it: columns="):
        L.StringLookup().adapt(table)
    with says("StringLookup: columns names the columns of a table, a frame or a data set, got x"):
        L.StringLookup().adapt(texts, columns="text")
    path.unlink()


# --- what cannot be taken ------------------------------------------------------------------------

WAYS = {
    "list of rows": (
        lambda rows: rows,
        "expected a batch as (x, y), got a list of tuples, as of examples one by one. Sequences of "
        "different lengths go into lists: collate_fn=lambda rows: tuple(map(list, zip(*rows))).",
    ),
    "list of columns": (
        lambda rows: list(zip(*rows, strict=True)),
        "expected a batch as (x, y), got a list of tuples, as of examples one by one.",
    ),
    "zip": (
        lambda rows: zip(*rows, strict=True),
        "expected a batch as x, (x, y) or (x, y, sample_weight), got a zip, which can be gone "
        "through once. Make a list or tuple of it.",
    ),
    "default": (
        torch.utils.data.default_collate,
        "the DataLoader raised RuntimeError: stack expects each tensor to be equal size, but got "
        "[0] at entry 0 and [1] at entry 1. Sequences of different lengths go into lists: collate_",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_a_loader_collates_in_another_way_is_refused(model, way):
    collate, text = WAYS[way]
    data = loader("(x, y)", collate)
    for who, place, ask in asked(model):
        with says(f"{who}: {place}: {text}", (ValueError, RuntimeError)):
            ask(data)
    with says("fit: batch 0 of epoch 1: expected a batch as (x, y), got a list of dicts, as of"):
        model.fit(loader("dict", lambda rows: rows), columns=COLUMNS, verbose=0)


def asked(model, batch=0):
    options = {"verbose": 0}
    return [
        ("fit", f"batch {batch} of epoch 1", lambda data: model.fit(data, **options)),
        ("evaluate", f"batch {batch}", lambda data: model.evaluate(data, **options)),
        ("predict", f"batch {batch}", lambda data: model.predict(data, **options)),
        ("Normalization", f"batch {batch}", lambda data: L.Normalization(None).adapt(data)),
        ("IntegerLookup", f"batch {batch}", lambda data: L.IntegerLookup().adapt(data)),
    ]


def raises():
    yield (X[:2], Y[:2])
    raise KeyError("gone")


FAULTS = {
    "raises": (raises, 1, "the generator raised KeyError: 'gone'."),
    "changes": (
        lambda: iter([(X[:2], Y[:2]), X[2:4]]),
        1,
        "expected a batch as (x, y), like the first, got (x).",
    ),
    "repeats": (
        lambda: cycle(batches("(x, y)")),
        8,
        "the cycle has given the same 3 batches three times over, and does not end. Say how many ",
    ),
    "is no batch": (lambda: iter([(X, Y, Y, Y)]), 0, "expected a batch as x, (x, y) or (x, y, "),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_stream_that_goes_wrong_is_one_error_everywhere(fault):
    make, batch, text = FAULTS[fault]
    for who, place, ask in asked(small(), batch):
        with says(f"{who}: {place}: {text}", (ValueError, RuntimeError)):
            ask(make())


def test_what_never_ends_asks_how_many(model):
    for who, _, ask in asked(model):
        option = "steps_per_epoch" if who == "fit" else "steps"
        with says(f"{who}: the Endless never ends. Say how many of its batches to take: {option}"):
            ask(Endless("(x, y)"))
        with says(f"{who}: the generator gave no batch."):
            ask(x for x in ())
    with says("fit: validation_data: the Endless never ends. Say how many of its batches to take"):
        model.fit(X, Y, validation_data=Endless("(x, y)"), verbose=0)
    layer = L.IntegerLookup()
    layer.adapt(([i] for i in count()), steps=3)
    assert layer.get_vocabulary() == [-1, 2, 1, 0]

    class Unsaid(keras.utils.PyDataset):
        pass

    with says(
        "Unsaid: define __len__(self); where batches never end, num_batches = None.",
        (NotImplementedError),
    ):
        model.fit(Unsaid(), verbose=0)


def test_what_says_too_little(model):
    rows = [{"words": x, "tags": y} for x, y in zip(X, Y, strict=True)]
    for who, _, ask in asked(model):
        with says(f"{who}: got a list of dicts. Where each is a row: pyarrow.Table.from_pylist(x)"):
            ask(rows)
    two = {"a": np.ones((2, 3)), "b": np.ones((2, 3))}
    with says("Normalization: batch 0: which of the columns 'a', 'b' are x is not said. Say it: "):
        L.Normalization().adapt(iter([two]))
    with says("Normalization: adapt learns from one input, got 2 as (array("):
        L.Normalization().adapt(two, columns={"x": ["a", "b"]})


def test_one_batch_of_features_that_differ_is_named():
    grids = [np.ones((4, 3)), np.ones((4, 3)), np.ones((4, 2))]
    with says("Normalization: batch 2: built for (3,) features, got (batch, 2)."):
        L.Normalization().adapt(iter(grids))


class Hearing(Endless):
    """Says what it hears, and which batches it is asked for."""

    def __init__(self, workers=1):
        super().__init__("(x, y)")
        self.workers, self.heard = workers, []

    def on_epoch_begin(self):
        self.heard.append("begin")

    def on_epoch_end(self):
        self.heard.append("end")

    def __getitem__(self, i):
        self.heard.append(i)
        return super().__getitem__(i)


@pytest.mark.parametrize("workers", [1, 3])
def test_an_endless_dataset_hears_of_epochs(workers):
    data, model = Hearing(workers), small()
    model.fit(data, epochs=2, steps_per_epoch=2, verbose=0)
    begin, *first, end, again, c, d, last = data.heard  # of threads either may be first
    assert [begin, {*first}, end] == ["begin", {0, 1}, "end"]
    assert [again, {c, d}, last] == ["begin", {2, 3}, "end"]
    data.heard.clear()
    model.evaluate(data, steps=2, verbose=0)
    model.predict(data, steps=1, verbose=0)
    begin, *first, end, again, only, last = data.heard
    assert [begin, {*first}, end, again, only, last] == ["begin", {0, 1}, "end", "begin", 0, "end"]
    data.heard.clear()
    data.workers = 1
    model.fit(batches("(x, y)"), epochs=2, validation_data=data, validation_steps=1, verbose=0)
    assert data.heard == ["begin", 0, "end", "begin", 0, "end"]
