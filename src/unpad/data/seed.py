"""The seed that the order of batches comes from, where none was given."""

from __future__ import annotations

from typing import NamedTuple

import torch

_BITS = (1 << 64) - 1
_times = 0


def seeded() -> None:
    """To be told that somebody has set the seed, to the same number as before perhaps."""
    global _times
    _times += 1


def last_seed() -> tuple[int, int]:
    """The seed of torch's generator, and how often it was set by `set_random_seed`.

    The number is asked for, none is drawn: an order does not hang on what else was drawn.
    """
    return torch.initial_seed(), _times


def mixed(*numbers: int) -> int:
    """One seed of several numbers, another for others: by SplitMix64 (Steele, Lea, Flood 2014).

    numpy's SeedSequence took 2 % of an epoch of a tiny model.
    """
    state = 0
    for number in numbers:
        state = (state ^ (number & _BITS)) + 0x9E3779B97F4A7C15 & _BITS
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _BITS
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _BITS
        state ^= state >> 31
    return state >> 1


def generator(*numbers: int) -> torch.Generator:
    """A stream of random numbers for these numbers, as a seed and an epoch, and for no others."""
    return torch.Generator().manual_seed(mixed(*numbers))


class Seed(NamedTuple):
    """What the orders of a model's batches come from: a seed, and the number of fits since it."""

    base: tuple[int, int]
    fits: int

    @property
    def number(self) -> int:
        """One number of both."""
        return mixed(self.base[0], self.fits)
