"""Adam's update of all weights on the library's own threads (csrc/adam.h)."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from .groups import by_group
from .library import DTYPES, Adam, address, call, serves, words
from .threads import threads


def serves_all(tensors: Sequence[Tensor]) -> bool:
    """Whether the library can update these weights by these gradients, and all of one type."""
    if not tensors or not serves(tensors[0]):
        return not tensors
    dtype = tensors[0].dtype
    # Asked of every tensor at every step: what is cheap to ask, 3 us for a model of five weights.
    return all(t.dtype is dtype and t.is_cpu and t.is_contiguous() for t in tensors)


class Update(NamedTuple):
    """What an update is made with.

    Args:
        t: which one it is, counted from 1.
        learning_rate: the step size.
        betas: how fast m and v forget.
        epsilon: beside the root of v as it is, as Keras has it.
        weight_decay: decoupled: weights shrink by learning_rate * weight_decay.
    """

    t: int
    learning_rate: float
    betas: tuple[float, float]
    epsilon: float
    weight_decay: float

    def settings(self) -> Adam:
        """The library's own form of it."""
        beta_1, beta_2 = self.betas
        rate = self.learning_rate * (1 - beta_2**self.t) ** 0.5 / (1 - beta_1**self.t)
        keep = 1 - self.learning_rate * self.weight_decay
        return Adam(beta_1, beta_2, rate, self.epsilon, keep)


def step(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    update: Update,
) -> None:
    """Moves, in place, CPU tensors that `serves_all` has agreed to.

    A gradient may be sparse, (rows, width) by what each reading of a row gives to it: every row
    moves, those that were not read by a gradient of 0, with the bits that the summed gradient
    gives. The array that holds it is not made: its fresh pages alone took as long as the update.

    Args:
        weights: what moves.
        gradients: of the same shapes.
        means: m, the running means of the gradients.
        squares: v, those of their squares.
        update: how.
    """
    parts: list[int] = []  # of unpad_adam_part
    held: list[Tensor] = []  # as long as the call
    for w, g, m, v in zip(weights, gradients, means, squares, strict=True):
        order = starts = width = 0
        if g.is_sparse:
            rows, g = g._indices()[0], g._values().contiguous()
            by_row = by_group(rows, w.size(0))
            order, starts, width = *map(address, by_row), w.size(1)
            held += (g, *by_row)
        parts += (w.data_ptr(), g.data_ptr(), m.data_ptr(), v.data_ptr(), w.numel())
        parts += (order, starts, width)
    dtype, settings = DTYPES[weights[0].dtype], update.settings()
    call("unpad_adam_step", dtype, threads(), ctypes.byref(settings), len(weights), words(parts))
