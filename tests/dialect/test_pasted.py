"""What pasted scripts begin with: texts in folders, local files, a tokenizer, windows."""

import hashlib

import numpy as np
import pytest

import unpad as keras
from unpad.preprocessing.text import Tokenizer, tokenizer_from_json


@pytest.fixture
def folders(tmp_path):
    for kind, words in {"bad": "poor film", "good": "fine film"}.items():
        (tmp_path / kind).mkdir()
        for i in range(5):
            (tmp_path / kind / f"{i}.txt").write_text(f"{words} {i}")
    (tmp_path / "good" / "notes.md").write_text("no text")
    return tmp_path


def test_texts_in_folders(folders):
    data = keras.utils.text_dataset_from_directory(folders, batch_size=4, seed=1, verbose=False)
    texts, labels = zip(*data, strict=True)
    texts, labels = np.concatenate(texts), np.concatenate(labels)
    assert data.class_names == ["bad", "good"]
    assert all(("fine" in text) == bool(label) for text, label in zip(texts, labels, strict=True))
    words = keras.layers.TextVectorization()
    words.adapt(data.map(lambda text, label: text))
    layers = [keras.layers.Embedding(20, 4), keras.layers.GlobalAveragePooling1D()]
    model = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    model.fit(data.map(lambda text, label: (words(text), label)), verbose=0)


def test_both_parts_are_cut_from_one_order(folders):
    options = {"validation_split": 0.2, "seed": 3, "verbose": False, "batch_size": None}
    read = keras.utils.text_dataset_from_directory
    both = read(folders, subset="both", **options)
    apart = [read(folders, subset=part, **options) for part in ("training", "validation")]
    for a, b in zip(both, apart, strict=True):
        assert sorted(a.file_paths) == sorted(b.file_paths)
    assert [len(part) for part in both] == [8, 2]
    one_hot = read(folders, label_mode="categorical", max_length=4, verbose=False, shuffle=False)
    texts, labels = next(iter(one_hot))
    assert (texts[0], labels[0].tolist()) == ("poor", [1.0, 0.0])
    with pytest.raises(ValueError, match="go together"):
        read(folders, subset="training")
    (folders / "empty").mkdir()
    with pytest.raises(ValueError, match="no text files"):
        read(folders / "empty", labels=None)


def test_a_file_that_is_here(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "a.txt").write_text("here")
    origin = "https://example.org/files/a.txt"
    found = keras.utils.get_file(origin=origin)
    assert found == keras.utils.get_file("a.txt") == str(tmp_path / "datasets" / "a.txt")
    sums = {name: hashlib.new(name, b"here").hexdigest() for name in ("md5", "sha256")}
    for given in sums.values():
        assert keras.utils.get_file("a.txt", origin, file_hash=given) == found
    with pytest.raises(ValueError, match="its md5 is"):
        keras.utils.get_file("a.txt", origin, md5_hash="0" * 32)
    with pytest.raises(FileNotFoundError, match=r"b\.txt is not here.*https.*put it at"):
        keras.utils.get_file("b.txt", "https://example.org/b.txt")


def lists(*rows):
    made = np.empty(len(rows), dtype=object)
    made[:] = rows
    return made


def test_imdb_and_reuters_from_local_files(tmp_path):
    x, y = lists([1, 2, 9], [3]), np.array([0, 1])
    np.savez(tmp_path / "imdb.npz", x_train=x, y_train=y, x_test=x[:1], y_test=y[:1])
    np.savez(tmp_path / "reuters.npz", x=lists(*[[n] for n in range(1, 11)]), y=np.arange(10))
    load = keras.datasets.imdb.load_data
    (xs, labels), (tested, _) = load(str(tmp_path / "imdb.npz"), num_words=10)
    assert sorted(zip(xs, labels.tolist(), strict=True)) == [([1, 4, 5, 2], 0), ([1, 6], 1)]
    assert tested == [[1, 4, 5, 2]]
    (a, _), (b, _) = keras.datasets.reuters.load_data(str(tmp_path / "reuters.npz"))
    assert (len(a), len(b)) == (8, 2)


def test_a_data_file_that_would_run_something_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("ran",)

    made = np.empty(1, dtype=object)
    made[0] = Evil()
    np.savez(tmp_path / "imdb.npz", x_train=made)
    with pytest.raises(ValueError, match=r"builtins\.print, which is no list of numbers"):
        keras.datasets.imdb.load_data(str(tmp_path / "imdb.npz"))


def test_tokenizer():
    words = Tokenizer(num_words=4, oov_token="?")
    words.fit_on_texts(["The cat, the dog!", "the cat"])
    assert words.word_index == {"?": 1, "the": 2, "cat": 3, "dog": 4}
    assert words.texts_to_sequences(["dog the bird", ""]) == [[1, 2, 1], []]
    assert words.sequences_to_texts([[2, 3, 0]]) == ["the cat"]
    assert words.texts_to_matrix(["the the"], "count").tolist() == [[0, 0, 2, 0]]
    again = tokenizer_from_json(words.to_json())
    assert again.texts_to_sequences(["the dog"]) == words.texts_to_sequences(["the dog"])


def test_windows_of_keras_2():
    series = np.arange(10)
    kind = keras.preprocessing.sequence.TimeseriesGenerator
    windows = kind(series, series * 10, length=4, sampling_rate=2, stride=2, batch_size=2)
    assert [x.tolist() for x, _ in windows] == [[[0, 2], [2, 4]], [[4, 6]]]
    assert [y.tolist() for _, y in windows] == [[40, 60], [80]]
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(kind(series / 10, series / 10, length=4), verbose=0)
    with pytest.raises(ValueError, match="no window of 20 steps"):
        kind(series, series, length=20)


def test_halves():
    left, right = keras.utils.split_dataset((np.arange(10), np.arange(10)), left_size=0.7)
    assert (len(left), [int(x) for x, _ in right]) == (7, [7, 8, 9])
    parts = keras.utils.unpack_x_y_sample_weight(keras.utils.pack_x_y_sample_weight(1, 2))
    assert parts == (1, 2, None)
    with pytest.raises(ValueError, match="8 and 5 of 10"):
        keras.utils.split_dataset(np.arange(10), left_size=8, right_size=5)


def test_functions_of_metrics_give_a_number_a_step():
    one_hot, scores = [[0, 1], [1, 0]], [[0.2, 0.8], [0.3, 0.7]]
    assert keras.metrics.categorical_accuracy(one_hot, scores).tolist() == [1, 0]
    assert keras.metrics.sparse_categorical_accuracy([1, 0], scores).tolist() == [1, 0]
    assert keras.metrics.binary_accuracy([[1, 0]], [[0.9, 0.6]]).tolist() == [0.5]
    ragged = keras.Ragged.from_list([[[0.2, 0.8]], []])
    found = keras.metrics.sparse_categorical_accuracy(keras.Ragged.from_list([[1], []]), ragged)
    assert found.to_list()[0].tolist() == [1]
    assert keras.metrics.mean_squared_error is keras.losses.mean_squared_error
    assert issubclass(keras.Metric, keras.metrics.Metric)
