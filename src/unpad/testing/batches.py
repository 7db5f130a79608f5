"""Batches that tell where a mistake is: every value names its sequence, step and feature."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..ragged import Layout, Ragged


def coded(
    lengths: Sequence[int], feature: Sequence[int] = (), dtype: torch.dtype = torch.float64
) -> Ragged:
    """A batch whose values are sequence * 100 + step * 10 + feature, scaled below 1.

    Args:
        lengths: of the sequences; 0 is legal.
        feature: shape of one step.
        dtype: of the values; integers are not scaled.
    """
    layout = Layout.from_lengths(list(lengths))
    size = 1
    for n in feature:
        size *= n
    code = layout.own.sequence_ids * 100 + layout.own.positions * 10
    values = (code[:, None] + torch.arange(size)).reshape(-1, *feature).to(dtype)
    if dtype.is_floating_point:
        # The sine keeps neighbours apart and everything in the range that layers work in.
        values = torch.sin(values / 37 + 0.1)
    return Ragged(values, layout)


def grid(
    ragged: Ragged, side: str, extra: int = 2, fill: float = float("nan")
) -> tuple[Tensor, Tensor]:
    """A batch as a padded array and its mask, padded on one side or with holes in the middle.

    Args:
        ragged: the batch.
        side: "left", "right" or "holes" (every other slot is missing).
        extra: slots that no sequence needs.
        fill: what missing slots hold; for integers it must be one.

    Returns:
        (batch, time, *feature), and (batch, time) bool.
    """
    layout = ragged.layout
    places = layout.own.positions
    if side == "holes":
        places, time = 2 * places + 1, 2 * layout.longest + extra
    else:
        time = layout.longest + extra
        if side == "left":
            places = places + (time - layout.own.lengths)[layout.own.sequence_ids]
    x = ragged.values.new_full((layout.batch, time, *ragged.feature), fill)
    mask = torch.zeros(layout.batch, time, dtype=torch.bool)
    x[layout.own.sequence_ids, places] = ragged.values
    mask[layout.own.sequence_ids, places] = True
    return x, mask


def padded(batch: Ragged | Tensor, side: str) -> Ragged | Tensor:
    """The same batch out of a padded array, what fills it NaN where there is one."""
    if not isinstance(batch, Ragged) or batch.levels > 1:
        return batch
    x, mask = grid(batch, side, fill=float("nan") if batch.dtype.is_floating_point else 0)
    return Ragged.from_padded(x, mask=mask)
