"""Axes that were mixed up: a reshape where a transpose was meant, or neither."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..facts import Case
from ..facts.grid import Grid
from ..findings import Finding, Where
from .smooth import smooth

# So many of the sequences that hold the mask value at all must show the pattern.
_NEARLY_ALL = 0.95
# So many values in runs: fewer may be chance.
_VALUES = 8


def axes(case: Case) -> Iterator[Finding]:
    """The first mistake in the axes of each padded array of features."""
    for x in case.inputs:
        if x.grid is not None and x.grid.values.ndim == 3:
            found = reshaped(x.grid) or turned(x.grid) or smooth(x.grid)
            if found is not None:
                yield found


def reshaped(grid: Grid) -> Finding | None:
    """(batch, feature, time) that was reshaped into (batch, time, feature).

    Reshaped back, every row of a sequence ends (or begins) in the same number of masked values,
    and there are none elsewhere. What a feature holds that is 0 throughout repeats every `feature`
    numbers, which is no such pattern, unless `time` divides `feature`: then the runs must differ
    from sequence to sequence.
    """
    n, time, feature = grid.values.shape
    if feature < 2 or time in (1, feature):
        return None
    same = grid.masked()
    found = _rows_end_alike(same.reshape(n, feature, time), feature % time == 0)
    if found is None:
        return None
    shows, runs, end = found
    first = grid.first(shows)
    steps, padding = int(same.all(2)[shows].sum()), int(runs[shows].sum())
    masked = f"only {steps} of its {padding} steps of padding are masked, and at wrong places"
    value = f"{grid.mask_value:g}"
    return Finding(
        "reshaped",
        f"x is {_shape(grid)}, and {masked if steps else 'no step of it is masked'}, although it "
        f"holds padding: this is what reshape makes of an array (batch, feature, time), where a "
        "transpose was meant.",
        f"Reshaped back to ({grid.batch}, {feature}, {time}), each of the {feature} rows of "
        f"sequence {int(grid.places[first])} {end}s in {int(runs[first])} times {value}"
        f"{grid.also(shows)}; as it is, each step holds numbers of several steps.",
        "Instead of reshape, turn the axes of the array as it was: x.transpose(0, 2, 1). Of x as "
        f"it is: x.reshape(-1, {feature}, {time}).transpose(0, 2, 1).",
        {
            "masked steps": steps,
            "padded steps": padding,
            "sequences that show it": int(shows.sum()),
            "sequences looked at": len(shows),
        },
        f"x = x.reshape(-1, {feature}, {time}).transpose(0, 2, 1)",
        Where(sequence=int(grid.places[first])),
        1e-6,
    )


def turned(grid: Grid) -> Finding | None:
    """(batch, feature, time) given to a model whose Masking reads (batch, time, feature)."""
    n, time = grid.values.shape[:2]
    if not grid.masking or time < 2 or n < 3:
        return None
    same = grid.masked()
    if bool(same.all(2).any()):
        return None
    found = _rows_end_alike(same, must_differ=True)
    if found is None:
        return None
    shows, runs, end = found
    first = grid.first(shows)
    return Finding(
        "turned",
        f"x is {_shape(grid)}, and Masking(mask_value={grid.mask_value:g}) masks no step of it: "
        "time seems to be its last axis.",
        f"Each of the {time} rows of sequence {int(grid.places[first])} {end}s in "
        f"{int(runs[first])} times "
        f"{grid.mask_value:g}{grid.also(shows)}, in runs of different lengths.",
        "Steps come before features: x.transpose(0, 2, 1).",
        {"sequences that show it": int(shows.sum()), "sequences looked at": len(shows)},
        "x = x.transpose(0, 2, 1)",
        Where(sequence=int(grid.places[first])),
        1e-6,
    )


def _rows_end_alike(same: Tensor, must_differ: bool) -> tuple[Tensor, Tensor, str] | None:
    """Sequences whose rows all end in one number of flags and have none elsewhere.

    Args:
        same: (n, rows, long) flags.
        must_differ: whether the numbers must differ from sequence to sequence.
    """
    rows, long = same.shape[1:]
    counts = same.sum(2)
    runs = counts[:, 0]
    any_ = counts.sum(1)
    some = (any_ > 0) & (any_ < rows * long)
    alike = some & (counts == runs[:, None]).all(1)
    if not bool(alike.any()):
        return None
    slots = torch.arange(long)
    for at, end in ((slots >= long - runs[:, None], "end"), (slots < runs[:, None], "begin")):
        shows = alike & (same == at[:, None, :]).flatten(1).all(1)
        enough = int((runs * rows)[shows].sum()) >= _VALUES
        differ = len(runs[shows].unique()) > 1
        if int(shows.sum()) >= _NEARLY_ALL * int(some.sum()) and enough:
            return (shows, runs, end) if differ or not must_differ else None
    return None


def _shape(grid: Grid) -> str:
    batch, time, feature = grid.shape
    return f"(batch {batch}, time {time}, feature {feature})"
