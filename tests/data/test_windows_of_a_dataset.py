"""Dataset.window and flat_map, as tf.data's."""

import numpy as np
import pytest

from unpad.data import Dataset


def windows(n, **options):
    made = Dataset.range(n).window(**options)
    return made, [[int(x) for x in window] for window in made]


@pytest.mark.parametrize("n", [0, 1, 4, 7])
@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("shift", [None, 1, 2, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("drop", [False, True])
def test_windows(n, size, shift, stride, drop):
    made, found = windows(n, size=size, shift=shift, stride=stride, drop_remainder=drop)
    every = [list(range(i, n, stride))[:size] for i in range(0, n, shift or size)]
    want = [w for w in every if len(w) == size or not drop]
    assert found == want
    assert len(made) == len(want)


def test_windows_become_sequences_and_targets():
    series = np.arange(8.0)[:, None]
    data = Dataset.from_tensor_slices(series).window(4, shift=1, drop_remainder=True)
    data = data.flat_map(lambda window: window.batch(4)).map(lambda w: (w[:-1], w[-1])).batch(2)
    x, y = next(iter(data))
    assert x[..., 0].tolist() == [[0, 1, 2], [1, 2, 3]] and y[:, 0].tolist() == [3, 4]
    assert sum(len(y) for _, y in data) == 5


def test_parts_of_tuples_and_dicts_have_datasets_of_their_own():
    rows = {"a": [1, 2, 3], "b": [4, 5, 6]}
    (first, _) = Dataset.from_tensor_slices(rows).window(2)
    assert [int(v) for v in first["b"]] == [4, 5]
    pairs = Dataset.zip((Dataset.range(4), Dataset.range(4, 8))).window(2)
    laid = pairs.flat_map(lambda x, y: Dataset.zip((x.batch(2), y.batch(2))))
    assert [(x.tolist(), y.tolist()) for x, y in laid] == [([0, 1], [4, 5]), ([2, 3], [6, 7])]


def test_flat_map_wants_a_dataset():
    with pytest.raises(ValueError, match="flat_map: expected what map_func gives as a Dataset, go"):
        list(Dataset.range(2).flat_map(lambda x: x))
