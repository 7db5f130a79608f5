"""Keras 2's TimeseriesGenerator: windows of a series as batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arguments import wrong


class TimeseriesGenerator:
    """Batches of windows, each with the target right behind it, as Keras 2's.

    `utils.timeseries_dataset_from_array` does the same work; its targets are those of
    the windows' start.

    Args:
        data: (time, ...).
        targets: (time, ...) as long as the data.
        length: steps of the series that a window goes over.
        sampling_rate: every so many of them one is in it.
        stride: steps between two windows.
        start_index: of the series, from which on there are windows.
        end_index: of the series, up to which there are.
        shuffle: whether each batch holds windows that are drawn.
        reverse: whether a window's steps go backwards.
        batch_size: windows a batch.

    Raises:
        ValueError: the data and targets differ in length, or leave no window.

    Example:
        >>> x, y = TimeseriesGenerator(np.arange(5), np.arange(5), length=2)[0]
        >>> x.tolist(), y.tolist()
        ([[0, 1], [1, 2], [2, 3]], [2, 3, 4])
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
    ) -> None:
        self._data, self._targets = np.asarray(data), np.asarray(targets)
        if len(self._data) != len(self._targets):
            raise wrong("TimeseriesGenerator", "targets", f"{len(self._data)} of them", targets)
        last = len(self._data) - 1 if end_index is None else end_index
        self._ends = np.arange(start_index + length, last + 1, stride)
        if not len(self._ends):
            raise ValueError(
                f"TimeseriesGenerator: no window of {length} steps from {start_index} to {last}."
            )
        self._offsets = np.arange(-length, 0, sampling_rate)
        self._reverse, self._shuffle, self._size = reverse, shuffle, batch_size

    def __len__(self) -> int:
        """The number of batches."""
        return -(-len(self._ends) // self._size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The windows of a batch, (batch, steps, ...), and their targets."""
        if not 0 <= index < len(self):
            raise IndexError(f"TimeseriesGenerator: batch {index} of {len(self)}.")
        at = self._ends[index * self._size : (index + 1) * self._size]
        if self._shuffle:
            at = np.random.choice(self._ends, self._size)
        windows = self._data[np.add.outer(at, self._offsets)]
        return windows[:, ::-1] if self._reverse else windows, self._targets[at]

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return (self[i] for i in range(len(self)))
