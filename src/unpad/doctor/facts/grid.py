"""A padded array as the doctor looks at it: some of its sequences, and runs at their ends."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ...ragged import Ragged
from ...ragged.batch import values_of
from ...ragged.numbers import as_tensor

# Enough to be sure of what nearly every sequence shows; a million numbers are read in some
# milliseconds.
_SEQUENCES = 256
_NUMBERS = 1_000_000


class Grid(NamedTuple):
    """Some sequences of a padded array, evenly drawn from all of them.

    Args:
        values: (n, time, *feature).
        places: (n,) which sequences they are.
        batch: how many there are in all.
        mask_value: that of the model's Masking; 0 where it has none.
        masking: whether the model has a Masking.
    """

    values: Tensor
    places: Tensor
    batch: int
    mask_value: float
    masking: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole array."""
        return (self.batch, *self.values.shape[1:])

    def masked(self, values: Tensor | None = None) -> Tensor:
        """The values that equal the mask value."""
        values = self.values if values is None else values
        return values.isnan() if self.mask_value != self.mask_value else values == self.mask_value

    def share(self, flags: Tensor) -> str:
        """How many of the sequences that were looked at, in words."""
        looked = "" if len(self.values) == self.batch else " looked at"
        return f"{int(flags.sum())} of {len(self.values)} sequences{looked}"

    def also(self, flags: Tensor) -> str:
        """In which sequences the same is seen, in words that go on after the first."""
        return "" if len(self.values) == 1 else f", and so on in {self.share(flags)}"

    def first(self, flags: Tensor) -> int:
        """The place in the sample of the first sequence where the flag is True."""
        return int(flags.to(torch.uint8).argmax())


def as_ids(given: Ragged | Tensor) -> Ragged | Tensor:
    """Whole numbers that are no integers, as integers; what holds others comes back as it is.

    Args:
        given: what a model embeds.
    """
    values = values_of(given)
    axes = 1 if isinstance(given, Ragged) else 2
    if not values.is_floating_point() or values.ndim != axes or not values.numel():
        return given
    return given.to(dtype=torch.int64) if bool((values == values.round()).all()) else given


def grid_of(given: Ragged | Tensor, mask_value: float | None) -> Grid | None:
    """What there is to look at; None where it is no padded array of ids or of features."""
    if isinstance(given, Ragged):
        layout = given.layout
        # A list of arrays of one shape is a padded array too.
        if given.levels > 1 or not layout.batch or layout.own.slots is not None:
            return None
        if layout.steps != layout.batch * layout.longest:
            return None
        x: Tensor = given.values.unflatten(0, (layout.batch, layout.longest))
    else:
        x = given
    is_ids = x.ndim == 2 and not x.is_floating_point() and x.dtype != torch.bool
    is_features = x.ndim == 3 and x.is_floating_point()
    if not (is_ids or is_features) or x.numel() == 0:
        return None
    n = max(8, min(_SEQUENCES, _NUMBERS // x[0].numel()))
    if len(x) > n:
        places = torch.linspace(0, len(x) - 1, n, dtype=torch.float64).long()
        values = x.detach()[places]
    else:
        places, values = torch.arange(len(x)), x.detach()
    value = 0.0 if mask_value is None else mask_value
    return Grid(values.cpu(), places, len(x), value, mask_value is not None)


def labels_grid(given: Any, places: Tensor) -> Tensor | None:
    """Some sequences' labels that came as an array (batch, time); None where they are none."""
    numbers = isinstance(given, np.ndarray) and given.dtype.kind in "iufb"
    if not numbers and (not isinstance(given, Tensor) or given.is_nested):
        return None
    if given.ndim < 2 or len(given) <= int(places.max()):
        return None
    at = places if isinstance(given, Tensor) else places.numpy()
    grid = as_tensor(given[at], "y")
    while grid.ndim > 2 and grid.shape[-1] == 1:
        grid = grid[..., 0]
    return grid if grid.ndim == 2 else None


class Ends(NamedTuple):
    """Runs of flagged slots at the ends of sequences, (n,) each.

    Args:
        trailing: flagged slots at the end.
        leading: flagged slots at the start; 0 where all are flagged.
        inside: flagged slots elsewhere.
    """

    trailing: Tensor
    leading: Tensor
    inside: Tensor

    @property
    def side(self) -> tuple[Tensor, Tensor, str]:
        """The longer runs, the shorter ones, and where the longer are."""
        if int(self.leading.sum()) > int(self.trailing.sum()):
            return self.leading, self.trailing, "start"
        return self.trailing, self.leading, "end"


def ends(flags: Tensor) -> Ends:
    """The runs of (n, time) flags."""
    time = flags.shape[1]
    steps = torch.arange(1, time + 1)
    last = (~flags * steps).amax(1)
    first = (~flags * (time + 1 - steps)).amax(1)
    trailing, leading = time - last, time - first
    leading = torch.where(trailing == time, 0, leading)
    return Ends(trailing, leading, flags.sum(1) - trailing - leading)
