"""Windows over a long series as batches: Keras's `timeseries_dataset_from_array`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .. import arguments
from ..data.dataset import Dataset
from ..ragged.numbers import as_tensor

_WHO = "timeseries_dataset_from_array"


def _windows(
    data: Any, targets: Any, starts: Any, steps: Any, size: int | None, seed: int | None
) -> Dataset:
    """Batches of windows of one series, each cut when it is asked for.

    Args:
        data: (time, ...).
        targets: (time, ...) the target of the window that starts there, or None.
        starts: where the windows start.
        steps: of a window, counted from its start.
        size: windows a batch; None for one window, without an axis of batches.
        seed: of an order that is drawn anew each epoch; None for the series' own.
    """
    rows = size or 1

    def batches(epoch: int) -> Iterator[Any]:
        order = starts
        if seed is not None:
            order = np.random.default_rng((seed, epoch)).permutation(starts)
        for first in range(0, len(order), rows):
            at = order[first : first + rows] if size is not None else order[first]
            x = torch.from_numpy(data[np.add.outer(at, steps)])
            yield x if targets is None else (x, torch.as_tensor(targets[at]))

    return Dataset(batches, -(-len(starts) // rows))


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Dataset:
    """Batches of sliding windows over a series, for `fit`, `evaluate`, `predict` and loops.

    Args:
        data: (time, ...) an array or tensor.
        targets: the target of the window that starts at each step; None for none.
        sequence_length: steps of a window.
        sequence_stride: steps from the start of one window to that of the next.
        sampling_rate: every so many steps of the series one of a window's.
        batch_size: windows a batch; None gives them one by one.
        shuffle: whether windows come in an order that is drawn anew each epoch.
        seed: of that order; by default numpy's next number.
        start_index: the first step that windows may hold.
        end_index: the step before which they end.
        format: "tf" or "grain", as in Keras; either way a `data.Dataset` of tensors.

    Returns:
        Batches (batch, sequence_length, ...), with their targets (batch, ...) where there are any.

    Raises:
        ValueError: an argument is not what it may be, or no window fits.

    Example:
        >>> import numpy as np
        >>> series = np.arange(6)
        >>> batches = timeseries_dataset_from_array(series[:-1], series[3:], 3, batch_size=2)
        >>> [y.tolist() for x, y in batches]
        [[3, 4], [5]]
    """
    arguments.integer(_WHO, "seed", seed, 0, or_none=True)
    values = as_tensor(data, f"{_WHO}: data").numpy()
    beside = None if targets is None else as_tensor(targets, f"{_WHO}: targets").numpy()
    n = len(values)
    arguments.positive(_WHO, "sequence_length", sequence_length)
    arguments.positive(_WHO, "batch_size", batch_size, or_none=True)
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        arguments.integer(_WHO, name, value)
        if not 0 < value < n:
            raise ValueError(f"{_WHO}: `{name}` must be from 1 to {n - 1}, got {value}.")
    first = 0 if start_index is None else arguments.integer(_WHO, "start_index", start_index)
    last = n if end_index is None else arguments.integer(_WHO, "end_index", end_index)
    if not 0 <= first < n:
        raise ValueError(f"{_WHO}: `start_index` must be from 0 to {n - 1}, got {first}.")
    if not first < last <= n:
        raise ValueError(f"{_WHO}: `end_index` must be from {first + 1} to {n}, got {last}.")
    if format not in ("tf", "grain"):
        raise ValueError(f"{_WHO}: `format` should be 'tf' or 'grain', got {format!r}.")
    count = last - first - (sequence_length - 1) * sampling_rate
    beside = beside if beside is None else beside[first:last]
    count = count if beside is None else min(count, len(beside))
    if count < 1:
        raise ValueError(
            f"{_WHO}: no window fits: {sequence_length} steps, one of {sampling_rate}, of "
            f"{last - first}."
        )
    if arguments.flag(_WHO, "shuffle", shuffle):
        seed = int(np.random.randint(1_000_000)) if seed is None else seed
    starts = np.arange(0, count, sequence_stride)
    return _windows(
        values[first:last], beside, starts, np.arange(sequence_length) * sampling_rate,
        batch_size, seed if shuffle else None,
    )  # fmt: skip
