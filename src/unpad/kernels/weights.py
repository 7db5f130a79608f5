"""A layer's weights: as a list of each kind, or those of each direction in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor


def in_turn(*kinds: Sequence[Tensor]) -> list[Tensor | None]:
    """Of two directions, as the operator takes them; None for none."""
    return [kind[d] if d < len(kind) else None for d in (0, 1) for kind in kinds]


def by_kind(weights: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    """Kernels, recurrent kernels, biases, recurrent biases: each a list over the directions."""
    kernels, recurrent, biases, shifts = (
        [w for w in weights[kind::4] if w is not None] for kind in range(4)
    )
    return kernels, recurrent, biases, shifts
