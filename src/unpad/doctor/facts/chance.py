"""Chance: how often what is seen would be seen if nothing were wrong."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

# With 30 checks, and each told below this, one false alarm in 300 sets of data is the most.
SURE = 1e-4


def beyond(seen: float, expected: float, deviation: float) -> float:
    """A bound on the chance of a number so far above what is expected: Gauss's tail."""
    if deviation <= 0:
        return 0.0 if seen > expected else 1.0
    return min(1.0, 0.5 * math.erfc((seen - expected) / deviation / math.sqrt(2)))


def permuted(counts: Tensor, held: int, times: int = 100) -> tuple[float, float, float, Tensor]:
    """How far the shares of two parts are apart, against splits at random.

    Args:
        counts: (n, kinds) of each sequence, the last `held` of which are one part.
        held: how many.
        times: how many splits.

    Returns:
        The total variation distance, its mean and deviation over splits at random, and the shares
        (2, kinds) of both parts.
    """
    n = len(counts)
    counts = counts.double()
    picks = _picks(n, held, times)
    held_counts = picks @ counts
    rest = counts.sum(0) - held_counts
    shares = held_counts / held_counts.sum(1, keepdim=True).clamp(min=1)
    others = rest / rest.sum(1, keepdim=True).clamp(min=1)
    apart = (shares - others).abs().sum(1) / 2
    by_chance = apart[1:]
    both = torch.stack([others[0], shares[0]])
    expected, deviation = float(by_chance.mean()), float(by_chance.std())
    # Of few sequences the tail is longer than Gauss's: so far as the farthest of the splits says,
    # and by a share that falls with their number.
    if times >= 50:
        deviation = max(deviation, (float(by_chance.max()) - expected) / 2.5)
    return float(apart[0]), expected, deviation * (1 + 8 / max(held, 1)), both


@lru_cache(4)
def _picks(n: int, held: int, times: int) -> Tensor:
    """(times + 1, n) which are held out: the last, then splits at random."""
    rng = torch.Generator().manual_seed(0)
    picks = torch.zeros(times + 1, n, dtype=torch.float64)
    picks[0, n - held :] = 1
    order = torch.rand(times, n, generator=rng).argsort(1)[:, :held]
    return picks.scatter_(1, torch.cat([torch.arange(n - held, n)[None], order]), 1.0)


def one_hot_counts(labels: Tensor, of: Tensor, n: int, kinds: int) -> Tensor:
    """(n, kinds) how often each sequence has each kind."""
    flat = of * kinds + labels.clamp(0, kinds - 1)
    return torch.bincount(flat, minlength=n * kinds).reshape(n, kinds)
