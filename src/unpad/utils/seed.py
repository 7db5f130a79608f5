"""One seed for every generator that a script may use."""

from __future__ import annotations

import random

import numpy as np
import torch

from ..data.seed import seeded
from ..signatures import checked


@checked
def set_random_seed(seed: int) -> None:
    """Seeds Python's, numpy's and torch's generators, and the order of `fit`'s batches.

    The same seed, the same bits.

    Args:
        seed: a whole number.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    seeded()
