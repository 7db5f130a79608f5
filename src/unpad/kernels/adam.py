"""Adam's update of all weights on the library's own threads (csrc/adam.h)."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from torch import Tensor

from .groups import by_group
from .library import DTYPES, Adam, AdamTable, address, call, serves
from .threads import threads


def serves_all(tensors: Sequence[Tensor]) -> bool:
    """Whether the library can update these weights by these gradients, and all of one type."""
    if not tensors or not serves(tensors[0]):
        return not tensors
    dtype = tensors[0].dtype
    # Asked of every tensor at every step: what is cheap to ask, 3 us for a model of five weights.
    return all(t.dtype is dtype and t.is_cpu and t.is_contiguous() for t in tensors)


def step(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    *,
    t: int,
    learning_rate: float,
    betas: tuple[float, float],
    epsilon: float,
    weight_decay: float,
) -> None:
    """The t-th update, in place, of CPU tensors that `serves_all` has agreed to.

    Args:
        weights: what moves.
        gradients: of the same shapes.
        means: m, the running means of the gradients.
        squares: v, those of their squares.
        t: counted from 1.
        learning_rate: the step size.
        betas: how fast m and v forget.
        epsilon: beside the root of v as it is, as Keras has it.
        weight_decay: decoupled: weights shrink by learning_rate * weight_decay.
    """
    settings = _settings(t, learning_rate, betas, epsilon, weight_decay)
    # An array of unpad_adam_part, five words each, filled in one go: 2 us instead of 8 for five.
    words: list[int] = []
    for w, g, m, v in zip(weights, gradients, means, squares, strict=True):
        words += (w.data_ptr(), g.data_ptr(), m.data_ptr(), v.data_ptr(), w.numel())
    parts = (ctypes.c_int64 * len(words))(*words)
    dtype = DTYPES[weights[0].dtype]
    call("unpad_adam_step", dtype, threads(), ctypes.byref(settings), len(weights), parts)


def step_rows(
    weight: Tensor,
    rows: Tensor,
    gradients: Tensor,
    mean: Tensor,
    square: Tensor,
    *,
    t: int,
    learning_rate: float,
    betas: tuple[float, float],
    epsilon: float,
    weight_decay: float,
) -> None:
    """The t-th update of a table of which some rows were read: the bits that `step` gives.

    Each row moves, those that were not read by a gradient of 0. The array of the table's size that
    holds the summed gradient is not made: its fresh pages alone took as long as the update.

    Args:
        weight: (rows, width), what moves.
        rows: (readings,) int64, the row of each reading.
        gradients: (readings, width), what each gives to its row.
        mean: m, of the table's shape, as is the next.
        square: v.
        t: as in `step`, and so are the others.
        learning_rate: the step size.
        betas: how fast m and v forget.
        epsilon: beside the root of v.
        weight_decay: decoupled.
    """
    settings = _settings(t, learning_rate, betas, epsilon, weight_decay)
    gradients = gradients.contiguous()
    order, starts = by_group(rows, len(weight))
    arrays = map(address, (weight, mean, square, gradients, order, starts))
    table = AdamTable(*arrays, *weight.shape)
    dtype = DTYPES[weight.dtype]
    call("unpad_adam_rows", dtype, threads(), ctypes.byref(settings), ctypes.byref(table))


def _settings(
    t: int, learning_rate: float, betas: tuple[float, float], epsilon: float, weight_decay: float
) -> Adam:
    beta_1, beta_2 = betas
    rate = learning_rate * (1 - beta_2**t) ** 0.5 / (1 - beta_1**t)
    return Adam(beta_1, beta_2, rate, epsilon, 1 - learning_rate * weight_decay)
