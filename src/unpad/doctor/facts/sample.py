"""Some sequences of a case as flat steps, with their labels beside them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...ragged import Ragged

# Enough to show a mistake, and few enough to be read quickly.
_SEQUENCES = 256


class Sample(NamedTuple):
    """Sequences, real steps only, end to end.

    Args:
        values: (steps, *feature).
        lengths: (n,) steps of each.
        places: (n,) which sequences they are.
        labels: (steps,) or (n,) classes or numbers; None where there are none of one number.
        per_step: whether a label belongs to a step.
        batch: how many sequences there are in all.
    """

    values: Tensor
    lengths: Tensor
    places: Tensor
    labels: Tensor | None
    per_step: bool
    batch: int

    @property
    def ids(self) -> bool:
        """Whether steps are ids."""
        return self.values.ndim == 1 and not self.values.is_floating_point()

    @property
    def sequence_ids(self) -> Tensor:
        """(steps,) which sequence each step belongs to, by its place in the sample."""
        return torch.arange(len(self.lengths)).repeat_interleave(self.lengths)

    @property
    def starts(self) -> Tensor:
        """(n,) where each sequence starts."""
        return self.lengths.cumsum(0) - self.lengths

    @property
    def positions(self) -> Tensor:
        """(steps,) the place of each step in its sequence."""
        return torch.arange(len(self.values)) - self.starts.repeat_interleave(self.lengths)

    def sequences(self) -> tuple[Tensor, ...]:
        """The steps of each sequence."""
        return self.values.split(self.lengths.tolist())


def sample_of(
    x: Ragged | Tensor, y: Ragged | Tensor | None = None, at_most: int = _SEQUENCES
) -> Sample | None:
    """Some of the sequences, evenly drawn; None where steps are no sequences of one level.

    Args:
        x: real steps; of a grid every slot is one.
        y: labels of steps on the same layout, or of sequences.
        at_most: how many.
    """
    if isinstance(x, Ragged) and x.levels > 1:
        return None
    if (not isinstance(x, Ragged) and x.ndim < 2) or not len(x):
        return None
    n = len(x)
    every = torch.arange(n)
    return sample_at(x, y, every if n <= at_most else torch.linspace(0, n - 1, at_most).long())


def sample_at(x: Ragged | Tensor, y: Ragged | Tensor | None, places: Tensor) -> Sample:
    """These of the sequences.

    Args:
        x: real steps, of one level.
        y: labels of steps on the same layout, or of sequences.
        places: which, in their order.
    """
    if isinstance(x, Ragged):
        layout, steps = x.layout.take(places)
        values, lengths = x.values.detach().index_select(0, steps), layout.lengths
    else:
        rows = x.detach()[places]
        values, lengths = rows.flatten(0, 1), torch.full((len(rows),), x.shape[1])
        steps = None
    labels, per_step = _labels(x, y, places, steps)
    return Sample(values.cpu(), lengths.cpu(), places, labels, per_step, len(x))


def _labels(
    x: Ragged | Tensor, y: Ragged | Tensor | None, places: Tensor, steps: Tensor | None
) -> tuple[Tensor | None, bool]:
    if isinstance(y, Ragged):
        same = isinstance(x, Ragged) and y.levels == 1 and y.layout.agrees(x.layout)
        found = y.values[steps] if same and steps is not None else None
        return _numbers(found), True
    if y is None or len(y) != len(x):
        return None, False
    if isinstance(x, Tensor) and y.ndim >= 2 and y.shape[:2] == x.shape[:2]:
        return _numbers(y[places].flatten(0, 1)), True
    return _numbers(y[places]), False


def _numbers(labels: Tensor | None) -> Tensor | None:
    """One number a label; what has several is left alone."""
    if labels is None:
        return None
    labels = labels.detach().cpu()
    while labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    return labels if labels.ndim == 1 else None
