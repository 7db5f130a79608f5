"""What a CRF gives to its loss: the scores of steps' tags, with those that all sequences share."""

from __future__ import annotations

from typing import Any

import torch

from ...kernels.chain import Scores
from ...ragged import Ragged


class TagScores(Ragged):
    """A Ragged of (steps, tags) that carries `transitions`, `start` and `end`.

    Pairs of tags, (steps, tags, tags), are never laid out. What is made of it by other means than
    `detach` and `to` are plain values, without transitions, which the loss refuses.

    Args:
        steps: the scores of tags by themselves.
        scores: the same values, and what is added.
    """

    __slots__ = ("_scores",)

    def __init__(self, steps: Ragged, scores: Scores) -> None:
        self._fill_in(scores.values, steps.layout, steps._numpy)
        object.__setattr__(self, "_scores", scores)

    @property
    def scores(self) -> Scores:
        """All that a path scores."""
        return self._scores

    def detach(self) -> TagScores:
        return TagScores(self, self._scores.detach())

    def to(self, device: Any = None, dtype: torch.dtype | None = None) -> TagScores:
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        scores = self._scores.map(lambda part: part.to(device=device, dtype=dtype))
        return TagScores(super().to(device, dtype), scores)

    def __reduce__(self) -> tuple:
        return TagScores, (Ragged._trusted(self._values, self._layout, self._numpy), self._scores)


def scores_of(steps: Ragged) -> Scores:
    """Those of pairs of tags, or of steps' tags and transitions, whichever a Ragged holds."""
    return steps.scores if isinstance(steps, TagScores) else Scores(steps.values)
