"""The seed that the order of batches comes from, where none was given."""

from __future__ import annotations

import numpy as np
import torch

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
    """One seed of several numbers, which is that of no others."""
    sequence = np.random.SeedSequence([n % (1 << 64) for n in numbers])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(*numbers: int) -> torch.Generator:
    """A stream of random numbers for these numbers, as a seed and an epoch, and for no others."""
    return torch.Generator().manual_seed(mixed(*numbers))
