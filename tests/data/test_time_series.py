"""timeseries_dataset_from_array: windows of one series as batches."""

import numpy as np
import pytest
import torch

import unpad as keras

from ..messages import says

windows = keras.utils.timeseries_dataset_from_array
SERIES = np.arange(20) * 10


def starts(batches):
    return [int(w[0]) // 10 for x in batches for w in x]


@pytest.mark.parametrize("rate", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("length", [1, 4])
def test_every_window_once_with_its_target(length, stride, rate):
    targets = SERIES + 1
    found = list(windows(SERIES, targets, length, stride, rate, batch_size=3))
    x, y = (np.concatenate(parts) for parts in zip(*found, strict=True))
    want = list(range(0, 20 - (length - 1) * rate, stride))
    assert [len(b[1]) for b in found[:-1]] == [3] * (len(found) - 1)
    assert x.tolist() == [[SERIES[i + k * rate] for k in range(length)] for i in want]
    assert y.tolist() == [targets[i] for i in want]


def test_a_part_of_a_series_with_features():
    series = torch.arange(24.0).reshape(8, 3)
    (x,) = windows(series, None, 2, start_index=2, end_index=6, batch_size=9)
    assert x.shape == (3, 2, 3) and x[0].tolist() == series[2:4].tolist()
    ((x, y),) = windows(series, np.arange(8), 2, start_index=2, end_index=6, batch_size=9)
    assert y.tolist() == [2, 3, 4]
    assert next(iter(windows(series, None, 2, batch_size=None))).shape == (2, 3)


def test_an_order_follows_from_the_seed_and_the_epoch():
    one, same = (windows(SERIES, None, 2, batch_size=4, shuffle=True, seed=3) for _ in range(2))
    first, again = starts(one), starts(one)
    assert first != again and sorted(first) == sorted(again) == list(range(19))
    assert starts(same) == first and starts(same) == again


def test_a_model_is_trained_on_windows():
    x = np.sin(np.arange(200) / 5).astype("float32")[:, None]
    batches = windows(x[:-4], x[4:, 0], 4, batch_size=32, shuffle=True, seed=0)
    model = keras.Sequential([keras.Input((None, 1)), keras.layers.LSTM(8), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.02), "mse")
    losses = model.fit(batches, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    assert model.predict(batches, verbose=0).shape == (193, 1)


def test_what_windows_cannot_be():
    who = "timeseries_dataset_from_array: "
    with says(f"{who}`start_index` must be from 0 to 19, got -1."):
        windows(SERIES, None, 3, start_index=-1)
    with says(f"{who}`end_index` must be from 1 to 20, got 21."):
        windows(SERIES, None, 3, end_index=21)
    with says(f"{who}`sampling_rate` must be from 1 to 19, got 0."):
        windows(SERIES, None, 3, sampling_rate=0)
    with says(f"{who}`sequence_stride` must be from 1 to 19, got 20."):
        windows(SERIES, None, 3, sequence_stride=20)
    with says(f"{who}`format` should be 'tf' or 'grain', got 'torch'."):
        windows(SERIES, None, 3, format="torch")
    with says(f"{who}no window fits: 30 steps, one of 1, of 20."):
        windows(SERIES, None, 30)
