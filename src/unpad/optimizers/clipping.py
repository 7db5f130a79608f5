"""Gradients cut to size, by Keras's three measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Clip:
    """One of Keras's ways to clip; gives new tensors, `.grad` stays what it was.

    Args:
        kind: "clipnorm" (each weight's gradient by its own norm), "clipvalue" (each entry) or
            "global_clipnorm" (all of them by their common norm).
        limit: what is not exceeded.
    """

    kind: str
    limit: float

    def __call__(self, gradients: list[list[Tensor]]) -> list[list[Tensor]]:
        """The gradients of each group, clipped."""
        return _KINDS[self.kind](gradients, self.limit)


def _by_value(gradients: list[list[Tensor]], limit: float) -> list[list[Tensor]]:
    return [[g.clamp(-limit, limit) for g in group] for group in gradients]


def _by_norm(gradients: list[list[Tensor]], limit: float) -> list[list[Tensor]]:
    return [[g * (limit / g.norm().clamp_min(limit)) for g in group] for group in gradients]


def _by_global_norm(gradients: list[list[Tensor]], limit: float) -> list[list[Tensor]]:
    norms = [g.norm() for group in gradients for g in group]
    if not norms:
        return gradients
    norm = torch.stack([n.to(norms[0]) for n in norms]).norm()
    # NaN where the norm is not finite, as in Keras: no gradient is silently made 0.
    scale = limit / norm.clamp_min(limit) + (norm - norm)
    return [[g * scale.to(g) for g in group] for group in gradients]


_KINDS: dict[str, Callable[[list[list[Tensor]], float], list[list[Tensor]]]] = {
    "clipnorm": _by_norm,
    "clipvalue": _by_value,
    "global_clipnorm": _by_global_norm,
}


def clip_of(who: str, **limits: Any) -> Clip | None:
    """The clip that these arguments of Keras ask for, at most one of which is given.

    Raises:
        ValueError: there are two, or the limit is not a positive number.
    """
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if len(given) > 1:
        got = " and ".join(f"{name}={limit!r}" for name, limit in given.items())
        raise ValueError(
            f"{who}: expected one of clipnorm, clipvalue and global_clipnorm, got {got}. They "
            "exclude each other: keep one."
        )
    for name, limit in given.items():
        if not isinstance(limit, (int, float)) or not limit > 0:
            raise ValueError(f"{who}: expected {name} as a positive number, got {limit!r}.")
        return Clip(name, float(limit))
    return None
