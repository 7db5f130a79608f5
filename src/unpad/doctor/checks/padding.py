"""Padding that nothing masks: constant rows at the ends of sequences."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..facts import Case, Input, Masks
from ..facts.grid import Ends, Grid, ends
from ..findings import Finding, Where, numbers
from .axes import reshaped, turned

# Natural sequences end in the same row now and then; padding ends many of them so, in runs of
# different lengths, on one side, and stands nowhere else.
_MANY = 0.3
_MOST = 0.5
_HARDLY_ANY = 0.01


def padding(case: Case) -> Iterator[Finding]:
    """What stands at the ends of each padded array and is trained on."""
    for x in case.inputs:
        if x.grid is None or _mixed_up(x.grid):
            continue
        found = constant_ends(x.grid) if x.grid.values.ndim == 3 else None
        if found is None and case.masks is not None and _takes_steps(case.masks, x):
            found = not_masked(x.grid)
            if found is not None and case.masks.by_hand:
                asked = case.masks.asked
                found = found if asked is not None and asked(x) else None
        if found is None and case.masks is not None and x.grid.values.ndim == 2:
            found = _other_id(x.grid, case.masks)
        if found is not None:
            yield found


def _mixed_up(grid: Grid) -> bool:
    return grid.values.ndim == 3 and (reshaped(grid) or turned(grid)) is not None


def _takes_steps(masks: Masks, x: Input) -> bool:
    """Whether zeros are taken for steps, and nobody sees to them by hand."""
    if x.grid is None or x.opened or masks.value is not None:
        return False
    return not masks.embeds if x.grid.values.ndim == 3 else masks.embeds and not masks.zero


def constant_ends(grid: Grid) -> Finding | None:
    """Sequences that end in one and the same row, which is not the mask value."""
    masked = grid.masked().flatten(2).all(2).any(1)
    if bool(masked.any()):
        # Something is masked: what is padded with another value are other sequences.
        rest = ~masked
        if int(rest.sum()) < 8:
            return None
        return constant_ends(grid._replace(values=grid.values[rest], places=grid.places[rest]))
    found = _common_row(grid)
    if found is None:
        return None
    row, runs, end = found
    if grid.values.shape[2] > 1 and bool((row == row[0]).all()):
        return _other_value(grid, float(row[0]), runs, end)
    scaled = _standardised(grid.values) or _min_maxed(grid.values, row)
    if not grid.masking and not scaled:
        return None
    if grid.values.shape[2] == 1 and not scaled:
        return _other_value(grid, float(row[0]), runs, end)
    first = grid.first(runs > 0)
    place = int(grid.places[first])
    how = "standardised" if _standardised(grid.values) else "scaled"
    masked = f"Masking(mask_value={grid.mask_value:g}) masks no step"
    masked = masked if grid.masking else "no step of it is masked"
    return Finding(
        "standardised",
        f"x seems to be {how} after padding: {masked}, and padding is trained on.",
        f"{grid.share(runs > 0)} {end} in rows that all equal {numbers(row.tolist())}, sequence "
        f"{place} in {int(runs[first])} of them: what {grid.mask_value:g} becomes, "
        "(value - mean) / std of each feature.",
        "Scale the real steps, then pad, or never pad: unpad.scaling.Scaler(StandardScaler()). Or "
        f"put the padding back: x[(x == x[{place}, {-1 if end == 'end' else 0}]).all(-1)] = "
        f"{grid.mask_value:g}.",
        _counted(grid, runs),
        f"x[(x == x[{place}, {-1 if end == 'end' else 0}]).all(-1)] = {grid.mask_value:g}",
        Where(sequence=place),
        1e-6,
    )


def _counted(grid: Grid, runs: Tensor) -> dict[str, float]:
    return {
        "sequences that show it": int((runs > 0).sum()),
        "sequences looked at": len(runs),
        "share of slots": float(runs.sum()) / (len(runs) * grid.values.shape[1]),
    }


def _other_value(grid: Grid, value: float, runs: Tensor, end: str) -> Finding | None:
    others = grid.values[grid.values != value]
    if others.numel() == 0:
        return None
    far = value < 0 <= float(others.min()) or abs(value) >= 10 * float(others.abs().max())
    if not grid.masking and not far:
        return None
    first = grid.first(runs > 0)
    none = (
        f"Masking(mask_value={grid.mask_value:g}) masks no step of x"
        if grid.masking
        else "no step of x is masked"
    )
    return Finding(
        "other padding",
        f"{none}, but it seems to be padded with {value:g}.",
        f"{grid.share(runs > 0)} {end} in steps whose features are all {value:g}, sequence "
        f"{int(grid.places[first])} in {int(runs[first])} of them, and no other step is.",
        f"Masking(mask_value={value:g}).",
        _counted(grid, runs) | {"value": value},
        f"keras.layers.Masking(mask_value={value:g})",
        Where(sequence=int(grid.places[first])),
        1e-6,
    )


def _common_row(grid: Grid) -> tuple[Tensor, Tensor, str] | None:
    """The row that many sequences end in, how long each does, and on which side."""
    x = grid.values
    time = x.shape[1]
    if len(x) < 2 or time < 3:
        return None
    for edge, end in ((x[:, -1], "end"), (x[:, 0], "begin")):
        rows, counts = edge.unique(dim=0, return_counts=True)
        row = rows[int(counts.argmax())]
        if int(counts.max()) < max(2, _MANY * len(x)) or bool(grid.masked(row).all()):
            continue
        found = ends((x == row).all(2))
        runs = found.trailing if end == "end" else found.leading
        if _like_padding(found, runs, time):
            return row, runs, end
    return None


def _like_padding(found: Ends, runs: Tensor, time: int) -> bool:
    """Whether runs at one end have different lengths, and such steps stand nowhere else."""
    n = len(runs)
    elsewhere = found.trailing + found.leading + found.inside - runs
    different = len(runs[(runs > 0) & (runs < time)].unique())
    return (
        int((elsewhere > 0).sum()) <= _HARDLY_ANY * n
        and int(runs.sum()) >= 6
        and different >= (3 if n >= 8 else 2)
    )


def _standardised(x: Tensor) -> bool:
    """Whether each feature has mean 0 and deviation 1 over all slots, about."""
    flat = x.flatten(0, 1)
    spread, mean = torch.std_mean(flat, 0, correction=0)
    fits = (mean.abs() < 0.3) & (spread > 0.6) & (spread < 1.5)
    return bool(fits.double().mean() >= 0.9)


def _min_maxed(x: Tensor, row: Tensor) -> bool:
    """Whether each feature goes from 0 to 1, about, and the row is no flags, which do so too."""
    flat = x.flatten(0, 1)
    low, high = flat.aminmax(dim=0)
    fits = (low >= 0) & (high <= 1) & (low < 0.1) & (high > 0.9)
    within = (row > 1e-3) & (row < 1 - 1e-3)
    return bool(fits.double().mean() >= 0.9) and bool(within.double().mean() >= 0.5)


def _other_id(grid: Grid, masks: Masks) -> Finding | None:
    """An id that ends many sequences and stands nowhere else, but is not 0, which is masked."""
    x = grid.values
    if not masks.embeds or len(x) < 8 or x.shape[1] < 4 or int(x.min()) < 0:
        return None
    for edge, end in ((x[:, -1], "end"), (x[:, 0], "start")):
        value, count = edge.mode().values, int((edge == edge.mode().values).sum())
        found = ends(x == value)
        runs = found.trailing if end == "end" else found.leading
        if int(value) == 0 or count < _MOST * len(x) or not _like_padding(found, runs, x.shape[1]):
            continue
        first, pad = grid.first(runs > 0), int(value)
        masked = "mask_zero masks id 0, but" if masks.zero else "nothing is masked, and"
        return Finding(
            "other padding",
            f"{masked} x seems to be padded with id {pad}.",
            f"{grid.share(runs > 0)} {end} in id {pad}, sequence {int(grid.places[first])} in "
            f"{int(runs[first])} of {x.shape[1]} slots, and it stands nowhere else.",
            "Pad with 0, and let mask_zero=True take it away; or give the sequences as a list.",
            _counted(grid, runs) | {"value": pad},
            f"x = np.where(x == {pad}, 0, x); Embedding(n, width, mask_zero=True)",
            Where(sequence=int(grid.places[first])),
            1e-6,
        )
    return None


def not_masked(grid: Grid) -> Finding | None:
    """Zeros at one end of most sequences, that are trained on like any step.

    Asked where neither Masking nor mask_zero opens the array.
    """
    x = grid.values
    ids = x.ndim == 2
    if len(x) < 8 or x.shape[1] < 4 or (not ids and x.shape[2] < 2):
        return None
    zeros = (x == 0).flatten(2).all(2) if not ids else x == 0
    found = ends(zeros)
    runs, others, end = found.side
    padded = runs > 0
    if int(padded.sum()) < _MOST * len(x) or not _like_padding(
        found._replace(leading=others, trailing=runs), runs, x.shape[1]
    ):
        return None
    if not ids and float((x[~zeros] == 0).double().mean()) > _HARDLY_ANY:
        return None  # flags and one-hot rows: 0 is a value as any other
    first = grid.first(padded)
    share = float(zeros.double().mean())
    what = "id 0 stands" if ids else "steps of zeros stand"
    cure = "Embedding(mask_zero=True)" if ids else "Masking() in front"
    return Finding(
        "not masked",
        f"x seems to be padded with 0, but nothing masks it: {share:.0%} of what is trained on is "
        "padding.",
        f"In {grid.share(padded)} {what} at the {end} and nowhere else, in sequence "
        f"{int(grid.places[first])} {int(runs[first])} of {x.shape[1]} slots.",
        f"If it is padding: {cure}; or give the sequences as a list, without padding.",
        _counted(grid, runs),
        "keras.layers.Embedding(n, width, mask_zero=True)" if ids else "keras.layers.Masking()",
        Where(sequence=int(grid.places[first])),
        1e-6,
    )
