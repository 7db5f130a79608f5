"""Adam's update of all weights on the library's own threads (csrc/update/adam.h)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from . import checks
from .around import as_tensors
from .groups import by_group
from .library import DTYPES, address, call, serves
from .paths import forced
from .structures import doubles, words
from .threads import threads


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

    def settings(self) -> bytes:
        """The library's own form of it, unpad_adam."""
        beta_1, beta_2 = self.betas
        rate = self.learning_rate * (1 - beta_2**self.t) ** 0.5 / (1 - beta_1**self.t)
        keep = 1 - self.learning_rate * self.weight_decay
        return doubles((beta_1, beta_2, rate, self.epsilon, keep))


def compare(*parties: Sequence[Tensor]) -> None:
    """Compares the sizes of weights, gradients, means and squares, for who else moves them.

    Raises:
        ValueError: a weight and what moves it are not of one size.
    """
    for number, (w, g, m, v) in enumerate(zip(*parties, strict=True)):
        if not w.numel() == g.numel() == m.numel() == v.numel():
            checks.update(number, (w, g, m, v))


def step(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    update: Update,
) -> bool:
    """Moves these weights, in place, where the library serves them.

    A gradient may be sparse, (rows, width) by what each reading of a row gives to it: every row
    moves, those that were not read by a gradient of 0, with the bits that the summed gradient
    gives. The array that holds it is not made: its fresh pages alone took as long as the update.

    Args:
        weights: what moves.
        gradients: of the same shapes.
        means: m, the running means of the gradients.
        squares: v, those of their squares.
        update: how.

    Returns:
        Whether they have moved: not where they, or what goes with them, are of several types, not
        contiguous, or not for the library. Then none has.

    Raises:
        ValueError: a weight and what moves it are not of one size; no weight has moved.
    """
    if not weights or not serves(weights[0]) or forced() not in (None, "compiled"):
        return not weights
    with as_tensors():
        parts, _held = _parts(weights, gradients, means, squares)
    if not parts:
        return False
    settings, count = update.settings(), len(weights)
    call("unpad_adam_step", DTYPES[weights[0].dtype], threads(), settings, count, words(parts))
    return True


def _parts(*parties: Sequence[Tensor]) -> tuple[list[int], list[Tensor]]:
    """The fields of an unpad_adam_part for each weight, and what must live as long as they do.

    There are none where the library does not serve one of the weights.
    """
    dtype = parties[0][0].dtype
    parts: list[int] = []
    held: list[Tensor] = []
    for number, (w, g, m, v) in enumerate(zip(*parties, strict=True)):
        order = starts = width = 0
        count = w.numel()
        if not count == g.numel() == m.numel() == v.numel():
            checks.update(number, (w, g, m, v))
        if g.is_sparse:
            rows, g = g._indices()[0], g._values().contiguous()
            by_row = by_group(rows, w.shape[0])
            order, starts, width = *map(address, by_row), w.shape[1]
            held += (g, *by_row)
            if g.shape != (len(rows), width):
                return [], []
        # Asked of every tensor at every step: what is cheap to ask.
        if not (
            w.dtype is g.dtype is m.dtype is v.dtype is dtype
            and w.is_cpu and g.is_cpu and m.is_cpu and v.is_cpu
            and w.is_contiguous() and g.is_contiguous()
            and m.is_contiguous() and v.is_contiguous()
        ):  # fmt: skip
            return [], []
        parts += (w.data_ptr(), g.data_ptr(), m.data_ptr(), v.data_ptr(), count)
        parts += (order, starts, width)
    return parts, held
