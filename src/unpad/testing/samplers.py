"""The law of samplers: each sequence once an epoch, and the same whenever it is asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..data.sampler import checked
from .laws import LawBroken

#: So many processes share the batches.
_WORLD = 3


def check_sampler(make: Callable[[], Any], n: int, epochs: int = 3) -> None:
    """Asks a sampler for what `fit` relies on, and raises where it does not hold.

    Every sequence is in one batch of an epoch and in one only; an epoch is the same whenever it is
    asked, in whatever order, by a sampler that is made anew, and whatever else draws random
    numbers; and where it divides its batches among processes, these make up the whole. No
    sequences at all are an epoch of no batches.

    Args:
        make: makes the sampler.
        n: how many sequences it has.
        epochs: so many are asked.

    Raises:
        LawBroken: something of this does not hold; the text says what, and in which epoch.

    Example:
        >>> from unpad.data import Sampler
        >>> check_sampler(lambda: Sampler([3, 1, 2], batch_size=2), 3)
    """
    sampler = make()
    who = type(sampler).__name__
    drawn = [_epoch(sampler, n, k) for k in range(epochs)]
    for again, whose in ((sampler, "asked again"), (make(), "made anew")):
        for k in reversed(range(epochs)):
            _ = torch.rand(3), np.random.rand(3), random.random()  # what others draw
            if _epoch(again, n, k) != drawn[k]:
                raise LawBroken(
                    f"{who}: epoch {k} is another when it is {whose}. Draw from a generator of the "
                    "seed and the epoch: torch.Generator().manual_seed(...)."
                )
    for k in range(epochs):
        shares = [sampler.epoch(k, rank, _WORLD) for rank in range(_WORLD)]
        try:
            checked([batch for share in shares for batch in share], n, f"{who}: {_WORLD} processes")
        except ValueError as error:
            raise LawBroken(f"{error} Epoch {k}.") from None


def _epoch(sampler: Any, n: int, k: int) -> list[list[int]]:
    try:
        return [batch.tolist() for batch in checked(sampler.epoch(k), n, type(sampler).__name__)]
    except ValueError as error:
        raise LawBroken(f"{error} Epoch {k}.") from None
