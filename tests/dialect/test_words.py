"""TensorFlow's words of strings, ragged lists, devices and tables, and what is refused by name."""

from functools import reduce

import numpy as np
import pytest
import torch

import unpad

from ..messages import says

TEXTS = np.array(["1,2,3", "4"], dtype=object)


@pytest.fixture
def tf():
    with unpad.as_keras():
        import tensorflow

        yield tensorflow


def test_strings_are_cut_and_read_as_numbers(tf):
    words = tf.strings.split(TEXTS, ",")
    assert words.to_list() == [["1", "2", "3"], ["4"]]
    assert words.to_tensor("-").tolist() == [["1", "2", "3"], ["4", "-", "-"]]
    numbers = tf.strings.to_number(words, tf.dtypes.int64)
    assert numbers.lengths.tolist() == [3, 1] and numbers.dtype == torch.int64
    assert numbers.to_tensor(-1).tolist() == [[1, 2, 3], [4, -1, -1]]
    record = tf.strings.split("2\ta\tb", sep="\t")
    count = tf.strings.to_number(record[0], out_type="int32")
    assert record[1 : count + 1].numpy().tolist() == ["a", "b"]
    assert tf.strings.to_number("0.5").item() == 0.5
    assert tf.strings.length(TEXTS).tolist() == [5, 1]


def test_strings_are_put_together(tf):
    assert tf.strings.reduce_join(["a", "b"], separator="-") == "a-b"
    grid = np.array([["a", "b"], ["c", "d"]], dtype=object)
    assert tf.strings.reduce_join(grid, axis=0).tolist() == ["ac", "bd"]
    assert tf.strings.reduce_join(tf.strings.split(TEXTS, ","), axis=-1).tolist() == ["123", "4"]
    with says("tf.strings.reduce_join: keepdims=True is not supported: tf.expand_dims."):
        tf.strings.reduce_join(grid, keepdims=True)


def test_what_only_arranges_takes_strings_too(tf):
    assert tf.concat((TEXTS, TEXTS[:1]), 0).numpy().tolist() == ["1,2,3", "4", "1,2,3"]
    assert tf.expand_dims(TEXTS, -1).shape == (2, 1) and tf.expand_dims("a", 0).tolist() == ["a"]
    assert tf.pad(["a"], [[1, 2]], constant_values="b").tolist() == ["b", "a", "b", "b"]
    assert tf.constant("a") == "a" and tf.constant(["a"]).numpy().tolist() == ["a"]
    assert tf.equal(TEXTS, "4").tolist() == [False, True]
    assert tf.shape(TEXTS) == (2,)
    with pytest.raises(TypeError, match="reduce_sum: expected numbers, got strings"):
        tf.reduce_sum(TEXTS)
    assert tf.einsum("ij->ji", tf.ones((2, 3))).shape == (3, 2)  # its first word is no data


def test_strings_are_an_array_of_them():
    texts = unpad.ops.convert_to_tensor([["a cat"], ["the dog"]])
    assert texts.shape == (2, 1) and texts.numpy()[1, 0] == "the dog"
    assert unpad.ops.convert_to_tensor([[1.0]]).tolist() == [[1.0]]


def test_batches_of_strings_are_asked_for_as_tensors_are(tf):
    (batch,) = tf.data.Dataset.from_tensor_slices(TEXTS).batch(2)
    assert batch.numpy()[1] == "4" and type(batch.numpy()) is np.ndarray


def test_ragged_lists(tf):
    assert tf.ragged.constant([[1], [2, 3], []]).lengths.tolist() == [1, 2, 0]
    rows = tf.ragged.constant(np.array([["a"], ["b", "c"]], dtype=object))
    assert unpad.layers.StringLookup(vocabulary=["a", "b"])(rows).lengths.tolist() == [1, 2]


def test_numbers(tf):
    assert tf.pad(tf.constant([1, 2]), [[0, 1]]).tolist() == [1, 2, 0]
    x = torch.arange(6.0).reshape(2, 3)
    want = torch.fft.fft2(x).real
    transform = tf.signal.fft2d(tf.cast(x, tf.complex64))
    assert torch.equal(tf.math.real(transform), want) and tf.math.real(x).equal(x)
    assert tf.math.imag(transform).shape == (2, 3)
    one = unpad.Ragged.from_list([x, x[:1]])
    each = tf.math.real(tf.signal.fft2d(tf.cast(one, tf.complex64))).to_list()
    assert torch.equal(each[0], want) and torch.equal(each[1], torch.fft.fft2(x[:1]).real)
    assert tf.math.reduce_std(tf.constant([1.0, 3.0])).item() == 1
    rows, ids = tf.constant([[1.0], [3.0], [8.0]]), tf.constant([0, 0, 2])
    assert tf.math.unsorted_segment_mean(rows, ids, num_segments=3).tolist() == [[2], [0], [8]]
    assert tf.math.unsorted_segment_sum(rows, ids, 3).tolist() == [[4], [0], [8]]
    assert tf.nest.flatten({"a": 1, "b": [2]}) == [1, 2]


def test_where_things_are_made(tf):
    for name in ("/CPU:0", "CPU:0", "cpu"):
        with tf.device(name):
            assert tf.zeros(2).device.type == "cpu"
    assert tf.device("/device:GPU:1") == torch.device("cuda:1")


def test_a_table_is_read_in_batches(tf, tmp_path):
    (tmp_path / "a.csv").write_text("ann|3|0.5\nbob|4|\ncat|5|2\n")
    read = tf.data.experimental.make_csv_dataset
    options = {"field_delim": "|", "header": False, "num_epochs": 1}
    data = read(
        str(tmp_path / "*.csv"), 2, ["who", "n", "x"], label_name="x", shuffle=False, **options
    )
    (first, label), (second, _) = data
    assert first["who"].numpy().tolist() == ["ann", "bob"] and second["n"].tolist() == [5]
    assert first["n"].dtype == torch.int32 and label.tolist() == [0.5, 0]
    some = read(str(tmp_path / "a.csv"), 3, ["who", "n", "x"], select_columns=["n"], **options)
    assert sorted(next(iter(some))["n"].tolist()) == [3, 4, 5]
    (tmp_path / "b.csv").write_text("who,n\nann,1\n")
    endless = iter(read(str(tmp_path / "b.csv"), 1))
    assert [next(endless)["n"].item() for _ in range(3)] == [1, 1, 1]
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read(str(tmp_path / "c.csv"), 1)
    with says("make_csv_dataset: ignore_errors=True is not supported. Leave it out."):
        read(str(tmp_path / "b.csv"), 1, ignore_errors=True)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("audio.decode_wav", "audio is out of scope."),
        ("image.resize", "images are out of scope."),
        ("signal.stft", "audio is out of scope."),
        ("distribute.MirroredStrategy", "torchrun and fit share a batch among processes"),
        ("io.read_file", "Python opens files"),
    ],
)
def test_what_is_out_of_scope_says_so(tf, name, why):
    with pytest.raises(AttributeError, match=f"not here: {why}"):
        reduce(getattr, name.split("."), tf)


@pytest.mark.parametrize("name", ["keras_hub", "keras_nlp", "tensorflow_hub", "tensorflow_text"])
def test_packages_on_top_of_keras_are_refused_by_name(name):
    with unpad.as_keras(), pytest.raises(ImportError, match=f"{name}: not here: "):
        __import__(name)


def test_a_module_as_an_attribute_knows_what_is_not_in_it():
    with unpad.as_keras():
        from tensorflow import keras

        with pytest.raises(AttributeError, match=r"keras\.layers\.Conv2D: not here: images"):
            keras.layers.Conv2D(8, 3)
        series = np.arange(5.0)
        batches = keras.preprocessing.timeseries_dataset_from_array(series, None, 2)
        assert next(iter(batches)).numpy().tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]
