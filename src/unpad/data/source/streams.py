"""Where the streams of random numbers stand that anything may draw from."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class Streams:
    """Torch's, numpy's and Python's streams, as they stand when this is made.

    Args:
        state: of others, as `state_dict` gives them.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self._state = state or {
            "torch": torch.get_rng_state(),
            "numpy": np.random.get_state(),
            "python": random.getstate(),
        }

    @classmethod
    def seeded(cls, seed: int) -> Streams:
        """As they stand where each begins with a seed, from 0 to 2**63 - 1."""
        return cls(
            {
                "torch": torch.Generator().manual_seed(seed).get_state(),
                "numpy": np.random.RandomState(seed % (1 << 32)).get_state(),
                "python": random.Random(seed).getstate(),
            }
        )

    def state_dict(self) -> dict[str, Any]:
        """Where each stands, as data."""
        return dict(self._state)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Streams):
            return NotImplemented
        (kind, keys, *rest), (other_kind, other_keys, *others) = (
            s._state["numpy"] for s in (self, other)
        )
        return (
            torch.equal(self._state["torch"], other._state["torch"])
            and (kind, rest) == (other_kind, others)
            and np.array_equal(keys, other_keys)
            and self._state["python"] == other._state["python"]
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def set(self) -> None:
        """Has each go on from there."""
        torch.set_rng_state(self._state["torch"])
        np.random.set_state(self._state["numpy"])
        random.setstate(self._state["python"])

    @contextmanager
    def again(self) -> Iterator[None]:
        """Has each stand there for a while, and then where it stood before."""
        before = Streams()
        self.set()
        try:
            yield
        finally:
            before.set()
