"""Axes of equally long series: neighbours along time are alike, neighbours in features are not."""

from __future__ import annotations

import torch
from torch import Tensor

from ..facts.grid import Grid
from ..findings import Finding, Where

# So many sequences tell a slot's mean and spread.
_SEQUENCES = 20
# Half the squared difference of neighbours, over the variance: 1 for noise, near 0 for a series.
_SMOOTH = 0.3
_ROUGH = 0.6
# Fewer neighbours may be alike by chance.
_SLOTS = 8


def smooth(grid: Grid) -> Finding | None:
    """A reshape or an exchange of axes that the values themselves show, without any padding."""
    x = grid.values
    n, time, feature = x.shape
    if n < _SEQUENCES or time * feature < 2 * _SLOTS or min(time, feature) < 2:
        return None
    x = x.double()
    spread, mean = torch.std_mean(x, 0)
    if not bool((spread > 0).all()):
        return None
    z = (x - mean) / spread  # whatever is one slot's own is gone: scales, means, trends
    return _reshaped(grid, z) or _turned(grid, z, mean, spread)


def _roughness(z: Tensor, axis: int) -> float:
    return float(z.diff(dim=axis).square().mean()) / 2


def _reshaped(grid: Grid, z: Tensor) -> Finding | None:
    """Read on in one row, numbers go on smoothly, but for one jump every `time` numbers."""
    n, time, feature = z.shape
    if time == feature or feature % time == 0:
        return None
    apart = z.reshape(n, -1).diff(dim=1).square().mean(0) / 2
    place = torch.arange(1, time * feature)
    jumps, rows = place % time == 0, (place % feature == 0) & (place % time != 0)
    if int(jumps.sum()) < 1 or int(rows.sum()) < 2 or int((~jumps).sum()) < _SLOTS:
        return None
    within, at_rows = float(apart[~jumps].mean()), float(apart[rows].mean())
    at_jumps = float(apart[jumps].mean())
    if max(within, at_rows) > _SMOOTH or at_jumps < _ROUGH:
        return None
    return Finding(
        "reshaped",
        f"x is (batch {grid.batch}, time {time}, feature {feature}), but its numbers are those of "
        f"(batch, {feature}, {time}) read on: this is what reshape makes, where a transpose was "
        "meant.",
        f"From the last feature of a step to the first of the next, numbers differ by {at_rows:.2g}"
        f" of what chance gives, as series go on; every {time} numbers by {at_jumps:.2g}.",
        "Instead of reshape, turn the axes of the array as it was: x.transpose(0, 2, 1). Of x as "
        f"it is: x.reshape(-1, {feature}, {time}).transpose(0, 2, 1).",
        {"difference at steps": at_rows, "difference at jumps": at_jumps, "sequences": n},
        f"x = x.reshape(-1, {feature}, {time}).transpose(0, 2, 1)",
        Where(sequence=int(grid.places[0])),
        1e-6,
    )


def _turned(grid: Grid, z: Tensor, mean: Tensor, spread: Tensor) -> Finding | None:
    """Neighbours in features are alike, steps are not, and each step has a scale of its own."""
    _, time, feature = z.shape
    if feature < _SLOTS or time > feature:
        return None
    along, across = _roughness(z, 1), _roughness(z, 2)
    if across > _SMOOTH / 2 or along < _ROUGH:
        return None
    means, scales = mean.mean(1), spread.mean(1)
    apart = float(means.std() / scales.median())
    ratio = float(scales.max() / scales.min())
    if (apart < 1 and ratio < 3) or _goes_on(means) or _goes_on(scales.log()):
        return None
    return Finding(
        "turned",
        f"x is (batch {grid.batch}, time {time}, feature {feature}), but time seems to be its last "
        "axis.",
        f"Neighbouring features differ by {across:.2g} of what chance gives, as neighbouring steps "
        f"of a series do; neighbouring steps by {along:.2g}, and each has a mean and a scale of "
        f"its own, up to {ratio:.3g} times another's.",
        "Steps come before features: x.transpose(0, 2, 1).",
        {"difference in features": across, "difference in steps": along, "ratio of scales": ratio},
        "x = x.transpose(0, 2, 1)",
        Where(sequence=int(grid.places[0])),
        1e-6,
    )


def _goes_on(values: Tensor) -> bool:
    """Whether the steps' own numbers change slowly from step to step, as in a daily profile."""
    if len(values) < 6:
        return False  # too few to tell, of sensors as of steps
    return float(values.diff().square().mean()) / 2 < _SMOOTH * float(values.var())
