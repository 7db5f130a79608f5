"""Keras's `random`: numbers drawn from a seed, from a generator that a layer holds, or torch's.

The same seed gives the same numbers, those of Keras on torch. Without one torch's own generator
draws, which `utils.set_random_seed` seeds.
"""

from .draws import (
    beta,
    binomial,
    categorical,
    dropout,
    gamma,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from .seed_generator import SeedGenerator

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]
