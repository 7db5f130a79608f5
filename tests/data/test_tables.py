"""Tables, files and frames: a sequence a row, or a step a row."""

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BatchEncoding

import unpad as keras
from unpad import Ragged
from unpad.ranks import ALONE

from ..examples import draws
from ..messages import says
from ..taggers import sentences, tagger

X, Y = sentences(40)
ROWS = {"words": [x.tolist() for x in X], "tags": [y.tolist() for y in Y], "n": [len(x) for x in X]}
TYPES = {"words": pa.list_(pa.int64()), "tags": pa.list_(pa.int64()), "n": pa.int64()}
TABLE = pa.table({name: pa.array(ROWS[name], TYPES[name]) for name in ROWS})
COLUMNS = ("words", "tags")
L = keras.layers


def lists(ragged):
    return [sequence.tolist() for sequence in ragged]


def fitted(x, y=None, **options):
    model = tagger()
    model.fit(x, y, **{"epochs": 2, "batch_size": 7, "verbose": 0, **options})
    return [w.detach() for w in model.parameters()]


def same(a, b):
    return all(torch.equal(p, q) for p, q in zip(a, b, strict=True))


WHOLE = {
    "table": lambda: TABLE,
    "record batch": lambda: TABLE.combine_chunks().to_batches()[0],
    "pandas": lambda: pd.DataFrame(ROWS),
    "pandas of arrays": lambda: pd.DataFrame({"words": X, "tags": Y}),
    "pandas of Arrow": lambda: TABLE.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda: pl.DataFrame(ROWS),
    "datasets": lambda: datasets.Dataset.from_dict(ROWS),
}


@pytest.mark.parametrize("form", WHOLE)
def test_columns_of_tables_in_memory(form):
    data = WHOLE[form]()
    assert same(fitted(data, columns=COLUMNS), fitted(X, Y))
    model = tagger()
    expected = model.evaluate(X, Y, verbose=0)
    assert model.evaluate(data, columns=COLUMNS, verbose=0) == pytest.approx(expected)
    found = model.predict(data, columns="words", verbose=0)
    wanted = model.predict(X, verbose=0)
    found = Ragged.from_arrow(found).to_list() if isinstance(found, pa.Array) else found
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(found, wanted, strict=True))
    history = model.fit(data, columns=COLUMNS, validation_data=data, verbose=0).history
    assert "val_loss" in history and "waiting" not in history


BATCHES = {
    "record batches": lambda: TABLE.to_batches(max_chunksize=9),
    "a reader": lambda: pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches(9)),
    "pandas": lambda: (pd.DataFrame(ROWS)[i : i + 9] for i in range(0, len(X), 9)),
    "polars": lambda: pl.DataFrame(ROWS).iter_slices(9),
    "lists": lambda: ((X[i : i + 9], Y[i : i + 9]) for i in range(0, len(X), 9)),
}


@pytest.mark.parametrize("form", BATCHES)
def test_tables_as_batches_of_a_function(form):
    def weights(function, **options):
        return fitted(function, batch_size=None, **options)

    options = {} if form == "lists" else {"columns": COLUMNS}
    assert same(weights(lambda: iter(BATCHES[form]()), **options), weights(BATCHES["lists"]))


def test_columns_of_one_number_a_row_stand_beside_others():
    numbers, model = TABLE["n"], tagger()
    weighted = [np.asarray(numbers), numbers, numbers.combine_chunks(), pl.Series(ROWS["n"])]
    first, *others = [fitted(TABLE["words"], TABLE["tags"], sample_weight=w) for w in weighted]
    assert all(same(first, other) for other in others)
    with says("fit: sample_weight: row 1 is null. Leave such rows out, or fill them."):
        model.fit(X[:2], Y[:2], sample_weight=pa.array([1.0, None]), verbose=0)


@pytest.mark.parametrize("kind", ["lists", "fixed"])
def test_a_column_of_vectors_is_rows_where_the_input_says_so(kind):
    def model():
        keras.utils.set_random_seed(1)
        words, more = keras.Input((None,), name="words"), keras.Input((2,), name="more")
        pooled = L.GlobalAveragePooling1D()(L.Embedding(20, 3, mask_zero=True)(words))
        joined = L.Concatenate()([pooled, more])
        found = keras.Model([words, more], L.Dense(1, name="n")(joined))
        found.compile("sgd", "mse")
        return found

    vectors = np.random.default_rng(0).random((len(X), 2)).astype("float32")
    column = pa.array(vectors.tolist(), pa.list_(pa.float32(), *([2] if kind == "fixed" else [])))
    table = TABLE.append_column("more", column)
    expected, found = model(), model()
    options = {"batch_size": 7, "verbose": 0}
    expected.fit({"words": X, "more": vectors}, np.asarray(ROWS["n"]), **options)
    found.fit(table, **options)
    assert same(expected.parameters(), found.parameters())
    alone = keras.Sequential([keras.Input((2,)), L.Dense(1)])
    assert np.array_equal(alone.predict(vectors), alone.predict(table, columns="more"))
    with says("Dense: expected a feature axis"):
        alone.predict([[0.5, 0.5], [0.5]])


def test_texts_are_told_how_they_become_ids(tmp_path):
    table = pa.table({"text": ["a b", "c"], "tags": [[0, 1], [0]]})
    pq.write_table(table, tmp_path / "texts.parquet")
    told = "x: got texts, as 'a b', and a model takes numbers. They become ids before: ids = layer("
    for data, place in ((table, ""), (tmp_path, "texts.parquet, row group 0: ")):
        with says(f"fit: {place}{told}"):
            fitted(data, columns=("text", "tags"), shuffle=False)


def test_columns_beside_y_and_alone():
    data = datasets.Dataset.from_dict(ROWS)
    assert same(fitted(data["words"], data["tags"]), fitted(X, Y))
    assert same(fitted(pl.DataFrame(ROWS)["words"], pd.DataFrame(ROWS)["tags"]), fitted(X, Y))
    assert same(fitted(TABLE.select(["words"]), Y), fitted(X, Y))


def test_weights_and_names():
    weight = np.arange(len(X)) / 9
    table = TABLE.append_column("weight", pa.array(weight))
    expected = fitted(X, Y, sample_weight=weight)
    assert same(fitted(table, columns=("words", "tags", "weight")), expected)
    by_name = {"x": "words", "y": "tags", "sample_weight": "weight"}
    assert same(fitted(table, columns=by_name), expected)
    assert same(fitted(TABLE.rename_columns(["input_ids", "labels", "n"])), fitted(X, Y))
    with says(
        "fit: which of the columns 'words', 'tags', 'n' are x and y is not said. Say it: colu"
    ):
        fitted(TABLE)
    with says(
        "fit: columns: unknown column 'tag'; did you mean 'tags'? Known are: n, tags, words."
    ):
        fitted(TABLE, columns=("words", "tag"))
    with says("fit: expected columns as ('x column', 'y column') or ('x column', 'y column', "):
        fitted(TABLE, columns=7)


# --- nulls ---------------------------------------------------------------------------------------


def test_a_null_is_a_step_that_is_missing():
    holes = [[1, None, 3, 4], [None, 2]]
    table = pa.table({"words": holes, "tags": [[0, 9, 1, 2], [9, 1]]})
    expected = fitted([[1, 3, 4], [2]], [[0, 1, 2], [1]])
    assert same(fitted(table, columns=COLUMNS), expected)
    frame = pd.DataFrame({"words": holes, "tags": [[0, 9, 1, 2], [9, 1]]})
    assert same(fitted(frame, columns={"x": "words", "y": "tags"}), expected)
    assert same(
        fitted(pl.DataFrame({"words": holes, "tags": [[0, 9, 1, 2], [9, 1]]}), columns=COLUMNS),
        expected,
    )


def test_a_null_that_is_no_step_is_refused():
    table = pa.table({"words": [[1], [2]], "weight": [1.0, None], "tags": [[1], [1]]})
    with says("fit: column 'weight': row 1 is null. Leave such rows out, or fill them."):
        fitted(table, columns=("words", "tags", "weight"))
    with says("Ragged.from_arrow: sequence 1 is null. Drop such rows, or fill them with an empty"):
        fitted(pa.table({"words": [[1], None], "tags": [[1], [1]]}), columns=COLUMNS)


# --- Parquet -------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    for i in range(4):
        pq.write_table(TABLE.slice(10 * i, 10), tmp_path / f"part-{i}.parquet", row_group_size=5)
    return tmp_path


def in_order(folder, **options):
    return fitted(folder, columns=COLUMNS, shuffle=False, **options)


def test_a_folder_of_parquet_files_in_order_is_what_lies_in_memory(folder):
    expected = fitted(X, Y, shuffle=False)
    assert same(in_order(folder), expected)
    assert same(in_order(str(folder)), expected)
    assert same(in_order(ds.dataset(folder)), expected)
    reader = pa.RecordBatchReader.from_batches(TABLE.schema, TABLE.to_batches(max_chunksize=7))
    assert same(in_order(reader, epochs=1), fitted(X, Y, shuffle=False, epochs=1))
    with says("fit: the RecordBatchReader can be read once, and epochs=2 need it 2 times."):
        in_order(reader)
    model = tagger()
    found = Ragged.from_arrow(model.predict(folder, columns="words", verbose=0))
    assert torch.allclose(found.values, Ragged.from_list(model.predict(X, verbose=0)).values)
    expected = model.evaluate(X, Y, verbose=0)
    assert model.evaluate(folder, columns=COLUMNS, verbose=0) == pytest.approx(expected)


def test_a_data_set_that_is_filtered_is_read_in_its_order(folder):
    few = [i for i, x in enumerate(X) if len(x) > 4]
    expected = fitted([X[i] for i in few], [Y[i] for i in few], shuffle=False)
    data = ds.dataset(folder).filter(ds.field("n") > 4)
    assert same(in_order(data), expected)
    assert same(in_order(data.scanner()), expected)
    assert same(fitted(data, columns=COLUMNS), fitted(data, columns=COLUMNS))
    way = "All that it stands for: sorted(glob.glob('a/*.parquet'))."
    with says(f"fit: there is no file or folder 'a/*.parquet'. {way}", FileNotFoundError):
        fitted("a/*.parquet", columns=COLUMNS)


def test_a_row_that_is_null_is_named_beside_steps_that_are_too(tmp_path):
    rows = {"words": [[1, None, 2], None, [3]], "tags": [[1, 9, 2], None, [0]]}
    pq.write_table(pa.table(rows), tmp_path / "all.parquet")
    with says("fit: all.parquet, row group 0: Ragged.from_arrow: sequence 1 is null"):
        in_order(tmp_path)
    with says("predict: all.parquet, row group 0: Ragged.from_arrow: sequence 1 is null"):
        tagger().predict(tmp_path, columns="words", verbose=0)


def test_a_list_of_files_is_a_folder_of_them(folder):
    files = sorted(folder.glob("**/*.parquet"))
    assert len(files) > 1
    assert same(fitted(files, columns=COLUMNS), fitted(folder, columns=COLUMNS))
    with says("fit: there is no file or folder 'nowhere.parquet'.", FileNotFoundError):
        fitted([str(files[0]), "nowhere.parquet"], columns=COLUMNS)


def test_the_order_is_drawn_by_row_groups_and_is_of_the_seed_and_the_epoch(folder):
    first, again = (fitted(folder, columns=COLUMNS) for _ in range(2))
    assert same(first, again) and not same(first, in_order(folder))
    model = tagger()
    model.fit(folder, columns=COLUMNS, epochs=1, batch_size=7, verbose=0)
    torch.rand(9)
    model.fit(folder, columns=COLUMNS, initial_epoch=1, epochs=2, batch_size=7, verbose=0)
    assert same(first, [w.detach() for w in model.parameters()])
    by_steps = {"batch_size": None, "batch_steps": 30, "bucket_by_length": True}
    assert same(*(fitted(folder, columns=COLUMNS, **by_steps) for _ in range(2)))


def test_pieces_that_are_smaller_than_a_row_group_or_larger(folder, monkeypatch):
    from unpad.data.source import arrow

    expected = in_order(folder)
    for rows in (35, 15):  # whole batches of 7 or 5 in each piece, so that none is cut elsewhere
        monkeypatch.setattr(arrow, "SEQUENCES", rows)
        size = 7 if rows == 35 else 5
        assert same(in_order(folder, batch_size=size), fitted(X, Y, shuffle=False, batch_size=size))
    assert same(expected, fitted(X, Y, shuffle=False))
    monkeypatch.setattr(arrow, "SEQUENCES", 3)
    seen = []
    found = arrow.files(folder, keras.data.source.Asked("fit", COLUMNS))
    for piece in found.read(found.plan(torch.Generator().manual_seed(3)), 0):
        for part in piece.parts:
            seen += part.x.to_pylist()
    assert sorted(seen) == sorted(ROWS["words"]) and seen != ROWS["words"]


def pieces_of(path, columns=("x", None)):
    from unpad.data.source import arrow

    found = arrow.files(path, keras.data.source.Asked("fit", columns))
    return found.read(found.plan(None), 0)


def test_a_large_row_group_is_gone_through_and_not_decoded_as_a_whole(tmp_path):
    """A million rows are one in what pyarrow writes when nothing is said."""
    n, steps = 400_000, 8
    lists_of = pa.ListArray.from_arrays(np.arange(n + 1, dtype="int32") * steps, np.arange(n * 8))
    table = pa.table({"x": lists_of})
    pq.write_table(table, tmp_path / "all.parquet", row_group_size=n)
    del lists_of, table
    before, most, first = pa.total_allocated_bytes(), 0, 0
    for piece in pieces_of(tmp_path / "all.parquet"):
        values = piece.parts[0].x.combine_chunks().flatten()
        assert values[0].as_py() == first
        first += len(values)
        most = max(most, pa.total_allocated_bytes() - before)
    assert first == n * steps
    assert most < n * steps * 8 / 3


def test_a_piece_of_long_sequences_is_no_more_than_so_many_bytes(tmp_path, monkeypatch):
    from unpad.data.source import arrow

    rows = [[i] * 500 for i in range(40)]
    pq.write_table(pa.table({"x": rows}), tmp_path / "all.parquet", row_group_size=3)
    monkeypatch.setattr(arrow, "BYTES", 9 * 500 * 8)
    pieces = [[len(part.x) for part in piece.parts] for piece in pieces_of(tmp_path)]
    assert pieces == [[3, 3, 3]] * 4 + [[3, 1]]
    monkeypatch.setattr(arrow, "BYTES", 2 * 500 * 8)
    pieces = [[len(part.x) for part in piece.parts] for piece in pieces_of(tmp_path)]
    assert pieces == [[2], [1]] * 12 + [[2], [1, 1]]


def test_what_a_data_set_adds_to_its_files_is_there(tmp_path):
    """A folder's name as a column, and columns of another type than a file's."""
    for kind, label in ((pa.int32(), 1), (pa.int64(), 2)):
        (tmp_path / f"label={label}").mkdir()
        table = pa.table({"x": pa.array([[1, 2], [3]], pa.list_(kind))})
        pq.write_table(table, tmp_path / f"label={label}" / "all.parquet")
    schema = pa.schema({"x": pa.list_(pa.int64()), "label": pa.int32()})
    data = ds.dataset(tmp_path, schema=schema, partitioning="hive")
    found = [*pieces_of_data(data, ("x", "label"))]
    assert [p.x.to_pylist() for p in found] == [[[1, 2], [3]]] * 2
    assert all(p.x.type == pa.list_(pa.int64()) for p in found)
    assert [p.y.tolist() for p in found] == [[1, 1], [2, 2]]


def pieces_of_data(data, columns):
    from unpad.data.source import arrow

    found = arrow.arrow(data, keras.data.source.Asked("fit", columns))
    return [part for piece in found.read(found.plan(None), 0) for part in piece.parts]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 40), st.integers(1, 30))
@draws(15)
def test_an_epoch_begun_at_batch_k_is_the_rest_of_it(tmp_path_factory, sizes, start, size):
    from unpad.training.feeding import Laid, to_fit

    folder = tmp_path_factory.mktemp("rows")
    ids = iter(range(1, 1000))
    for i, n in enumerate(sizes):
        rows = [[next(ids)] for _ in range(n)]
        pq.write_table(pa.table({"x": rows, "y": rows}), folder / f"{i}.parquet", row_group_size=4)
    model = keras.Sequential([keras.layers.Embedding(1000, 2), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    options = {"batch_size": size, "batch_steps": None, "shuffle": True, "bucket_by_length": False}

    def feed():
        found = keras.data.source.recognised(
            str(folder), keras.data.source.Asked("fit", ("x", "y"))
        )
        return to_fit(model, found, Laid(model, "fit"), options, 5, ALONE)

    def ids_of(batches):
        return [batch.inputs[0].values.flatten().tolist() for batch in batches]

    whole = ids_of(feed().batches(2))
    assert sorted(i for batch in whole for i in batch) == list(range(1, sum(sizes) + 1))
    assert ids_of(feed().batches(2, start)) == whole[start:]
    assert feed().count(2) == len(whole)


def test_a_bad_row_of_a_file_is_named(folder):
    spoilt = {**ROWS, "words": [*ROWS["words"][:37], [1, 99], *ROWS["words"][38:]]}
    spoilt["tags"] = [*ROWS["tags"][:37], [1, 1], *ROWS["tags"][38:]]
    pq.write_table(pa.table(spoilt).slice(30), folder / "part-3.parquet", row_group_size=5)
    with says(
        "fit: part-3.parquet, row group 1: Embedding: id 99 in sequence 2, step 1, but input_"
    ):
        in_order(folder)
    with says("fit: there is no file or folder 'nowhere.parquet'.", FileNotFoundError):
        fitted("nowhere.parquet", columns=COLUMNS)
    (folder / "sub").mkdir()
    with says(
        f"fit: '{folder / 'sub'}' is no Parquet file and no folder of them: it holds no file."
    ):
        fitted(folder / "sub", columns=COLUMNS)


# --- data sets of the hub, tokens ----------------------------------------------------------------


def test_a_file_that_is_cut_is_named(folder, tmp_path):
    whole = next(folder.glob("**/*.parquet")).read_bytes()
    (tmp_path / "a.parquet").write_bytes(whole)
    (tmp_path / "b.parquet").write_bytes(whole[:200])
    with says("fit: b.parquet cannot be read: Could not open Parquet input source "):
        fitted(tmp_path, columns=COLUMNS)


def test_data_sets_of_the_hub():
    data = datasets.Dataset.from_dict(ROWS)
    expected = fitted(X, Y, shuffle=False)
    stream = data.to_iterable_dataset()
    assert same(fitted(stream, columns=COLUMNS, shuffle=False), expected)
    made = data.with_transform(lambda rows: {"a": rows["words"], "b": rows["tags"]})
    assert same(fitted(made, columns=("a", "b"), shuffle=False), expected)
    assert same(
        fitted(data.select(range(39, -1, -1)), columns=COLUMNS, shuffle=False),
        fitted(X[::-1], Y[::-1], shuffle=False),
    )
    with says("fit: got DatasetDict of 'train'. Choose one: x['train']."):
        fitted(datasets.DatasetDict(train=data), columns=COLUMNS)


def test_what_tokenizers_give():
    words = [f"w{i}" for i in range(12)]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="w1"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.enable_padding(pad_id=0, pad_token="w0")
    x, y = [s for s in X if len(s)], [s for s in Y if len(s)]
    encoded = tokenizer.encode_batch([" ".join(words[i] for i in s) for s in x])
    assert same(fitted(encoded, y), fitted(x, y))
    grid = np.array([e.ids for e in encoded])
    mask = np.array([e.attention_mask for e in encoded])
    labels = np.full_like(grid, -100)
    labels[mask != 0] = np.concatenate(y)
    for form in (np.asarray, torch.tensor, lambda a: [row.tolist() for row in a]):
        batch = {"input_ids": form(grid), "attention_mask": form(mask), "labels": form(labels)}
        assert same(fitted(BatchEncoding(batch)), fitted(x, y))
    assert same(
        fitted(lambda: iter([BatchEncoding(batch)]), batch_size=None),
        fitted(x, y, batch_size=len(x), shuffle=False),
    )
    assert same(
        fitted(lambda: iter([batch]), batch_size=None),
        fitted(x, y, batch_size=len(x), shuffle=False),
    )


# --- long frames ---------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(-9, 9), st.booleans())),
    st.sampled_from(["pandas", "polars", "arrow"]),
)
@draws(60)
def test_a_long_frame_is_read_as_a_loop_would(rows, kind):
    rows = [(who, t, None if gone else v) for who, t, v, gone in rows]
    data = {"who": [r[0] for r in rows], "t": [r[1] for r in rows], "v": [r[2] for r in rows]}
    frame = {
        "pandas": lambda: pd.DataFrame({**data, "v": pd.array(data["v"], "Int64")}),
        "polars": lambda: pl.DataFrame(
            data, schema={"who": pl.Int64, "t": pl.Int64, "v": pl.Int64}
        ),
        "arrow": lambda: pa.table({k: pa.array(v, pa.int64()) for k, v in data.items()}),
    }[kind]()
    expected: dict = {}
    for who, t, v in rows:
        expected.setdefault(who, []).append((t, v))
    wanted = [
        [v for _, v in sorted(s, key=lambda r: r[0]) if v is not None] for s in expected.values()
    ]
    assert lists(Ragged.from_frame(frame, by="who", time="t", columns="v")) == wanted
    pairs = Ragged.from_frame(frame, by="who", time="t", columns=["v"])
    assert lists(pairs) == [[[v] for v in s] for s in wanted]


def test_long_frames_of_features_and_what_is_wrong_with_them():
    frame = pd.DataFrame(
        {"patient": ["b", "a", "b"], "t": [2, 1, 1], "pulse": [80, 60, 70], "fever": [38.5, 37, 39]}
    )
    r = Ragged.from_frame(frame, by="patient", time="t")
    assert lists(r) == [[[70, 39], [80, 38.5]], [[60, 37]]]
    assert list(frame["patient"].unique()) == ["b", "a"]
    with says("Ragged.from_frame: unknown column 'time'; "):
        Ragged.from_frame(frame, by="patient", time="time")
    with says("Ragged.from_frame: expected numbers in column 'patient', got "):
        Ragged.from_frame(frame, by="t", columns=["patient"])
    frame.loc[1, "fever"] = np.nan
    with says("Ragged.from_frame: of the columns of row 1 some are null and others not."):
        Ragged.from_frame(frame, by="patient", time="t")
    with says(
        "Ragged.from_frame: expected a frame of pandas or polars or an Arrow table, got list."
    ):
        Ragged.from_frame([1], by="patient")


def test_words_and_labels_are_told_how_they_become_numbers():
    x, words = [[], [1, 2], [3]], [[], ["N", "V"], ["D"]]
    model = keras.Sequential([keras.layers.Embedding(9, 4), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    tags = (
        "fit: y: got labels, as 'N', and a model takes numbers. They become numbers before: "
        "lookup = StringLookup(num_oov_indices=0); lookup.adapt(y); y = lookup(y)."
    )
    for y in (
        words,
        [np.array(w, dtype=object) for w in words],
        list("NVD"),
        np.array(["N", "V", "D"]),
    ):
        with says(tags):
            model.fit(x, y, verbose=0)
    with says(
        "fit: x: got words, as 'N', and a model takes numbers. They become numbers before: "
        "lookup = StringLookup(); lookup.adapt(x); x = lookup(x)."
    ):
        model.fit(words, x, verbose=0)
    lookup = keras.layers.StringLookup(num_oov_indices=0)
    lookup.adapt(words)
    model.fit(x, lookup(words), verbose=0)  # as the error says
