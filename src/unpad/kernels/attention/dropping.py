"""Which of attention's weights are dropped: a number for each pair, as csrc/attention draws it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_LOW = 0xFFFFFFFF


class Drop(NamedTuple):
    """What is dropped in one call.

    What is drawn for a pair of steps follows from the seed, the query's step in the batch, its head
    and the key's place in its sequence alone: neither from the path nor from threads or tiles.

    Args:
        rate: of the weights that are dropped, above 0 and up to 1.
        seed: () int64, a new one for each call.
    """

    rate: float
    seed: Tensor

    def kept(self, steps: Tensor, keys: int, heads: int, dtype: torch.dtype) -> Tensor:
        """(count, heads, queries, keys), 0 where a weight is dropped, else 1 / (1 - rate).

        The formula stands in csrc/include/unpad_kernels.h.

        Args:
            steps: (count, queries) of the queries.
            keys: places of keys from a sequence's first on.
            heads: of the queries.
            dtype: of what is given.
        """
        seed = self.seed.to(steps.device)
        r = steps[:, None, :] * heads + torch.arange(heads, device=steps.device)[:, None]
        r = seed + (r + 1) * _signed(0x9E3779B97F4A7C15)
        r = (r ^ _shifted(r, 30)) * _signed(0xBF58476D1CE4E5B9)
        r = (r ^ _shifted(r, 27)) * _signed(0x94D049BB133111EB)
        r = (r ^ _shifted(r, 31))[..., None]
        x = (torch.arange(keys, device=steps.device) + (r & _LOW)) & _LOW
        x = _times(x ^ (x >> 16), 0x7FEB352D)
        x = _times(x ^ (x >> 15), 0x846CA68B)
        x = ((x ^ (x >> 16)) + _shifted(r, 32)) & _LOW
        x = _times(x ^ (x >> 16), 0x7FEB352D)
        by = 1 / (1 - self.rate) if self.rate < 1 else 0.0
        return (x >= min(int(self.rate * 2**32), _LOW)).to(dtype) * by


def _signed(x: int) -> int:
    return x - 2**64


def _shifted(x: Tensor, by: int) -> Tensor:
    """As numbers without a sign are shifted."""
    return (x >> by) & (2 ** (64 - by) - 1)


def _times(x: Tensor, by: int) -> Tensor:
    """Modulo 2^32, of numbers below that; a product may go beyond 2^63 and still ends right."""
    return (x * by) & _LOW
