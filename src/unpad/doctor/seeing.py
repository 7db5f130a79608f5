"""What pictures show of a case, and of the sequences that a model was probed with."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ..notes import Cut, noted
from ..ragged import Ragged
from .checks.padding import constant_ends, not_masked
from .facts import Case, Input
from .facts.grid import Grid, ends
from .facts.sample import sample_of
from .probes import Laid, Reach
from .report.seen import LEFT_OUT, LOST, READ, STEP, Seen, Share

# So many rows fit a screen, so many classes a legend, so many lengths a histogram.
_ROWS = 20
_CLASSES = 12
_LENGTHS = 10_000
# What was found where padding is read as steps.
_READ = {"not masked", "standardised", "other padding"}


def seen_of(case: Case, kinds: Iterable[str] = ()) -> Seen:
    """Of the first input: lengths, cuts, slots; of the first target: how frequent classes are.

    Args:
        case: that was examined.
        kinds: what was found; says whether what looks like padding is read.
    """
    if not case.inputs:
        return Seen(labels=_labels(case))
    x = case.inputs[0]
    cut = noted(x.called, Cut)
    lost = None if cut is None else (cut.cut, cut.steps, cut.sequences)
    read = None if x.grid is None or not _READ & set(kinds) else _read(x.grid)
    slots, places = ((), ()) if x.grid is None else _slots(x, x.grid, read)
    width = 0 if isinstance(x.given, Ragged) or x.given.ndim < 2 else x.given.shape[1]
    return Seen(_lengths(x, read), width, lost, slots, places, _labels(case))


def seen_in(laid: Laid, kinds: Iterable[str], reach: Reach | None = None) -> Seen:
    """Of a probe: the sequences that were asked with, and where a gradient falls.

    Args:
        laid: with what it was asked.
        kinds: what was found; says whether padding is read.
        reach: of an output's gradient.
    """
    is_read = {"padding", "padding content"} & set(kinds)
    other = READ if is_read else LEFT_OUT
    slots = tuple(tuple(STEP if real else other for real in row) for row in laid.mask.tolist())
    lengths = tuple(int(n) for n in laid.lengths)
    return Seen(lengths, laid.width, None, slots, tuple(range(len(slots))), (), reach)


def _lengths(x: Input, read: Tensor | None) -> tuple[int, ...]:
    if isinstance(x.real, Ragged):
        lengths = x.real.lengths.tolist()
        return tuple(lengths[:: max(1, len(lengths) // _LENGTHS)])
    return () if read is None else tuple((~read).sum(1).tolist())


def _slots(
    x: Input, grid: Grid, read: Tensor | None
) -> tuple[tuple[tuple[str, ...], ...], tuple[int, ...]]:
    n = len(grid.values)
    chosen = torch.linspace(0, n - 1, min(n, _ROWS)).long()
    places = grid.places[chosen]
    real = x.real
    if isinstance(real, Ragged) and real.levels == 1:
        if real.layout.time != grid.values.shape[1]:
            return (), ()
        left_out = ~real.layout.own.mask.cpu()[places]
        found = ends(left_out)
        time = left_out.shape[1]
        step = torch.arange(time)
        at_end = (step >= time - found.trailing[:, None]) | (step < found.leading[:, None])
        rows = _named(left_out, at_end, LEFT_OUT, LOST)
    else:
        if read is None:
            return (), ()
        rows = _named(read[chosen], read[chosen], READ, READ)
    return rows, tuple(int(p) for p in places)


def _named(flags: Tensor, first: Tensor, one: str, other: str) -> tuple[tuple[str, ...], ...]:
    return tuple(
        tuple(STEP if not f else one if a else other for f, a in zip(row, at, strict=True))
        for row, at in zip(flags.tolist(), first.tolist(), strict=True)
    )


def _read(grid: Grid) -> Tensor | None:
    """(n, time) slots that look like padding and are read as steps; None where none do."""
    x = grid.values
    flat = x.flatten(2) if x.ndim > 2 else x[..., None]
    wrong = constant_ends(grid) if x.ndim == 3 else None
    if wrong is not None:
        # The row in which the sequence of the finding ends, or begins.
        place = (grid.places == (wrong.where.sequence or 0)).nonzero()[0, 0]
        side = -1 if " end in " in f" {wrong.shown} " else 0
        equal = (flat == flat[place, side]).all(2)
    elif not_masked(grid) is not None:
        equal = (flat == 0).all(2)
    else:
        return None
    found, step, time = ends(equal), torch.arange(x.shape[1]), x.shape[1]
    runs, _, side = found.side
    return step >= time - runs[:, None] if side == "end" else step < runs[:, None]


def _labels(case: Case) -> tuple[Share, ...]:
    parts, target = case.split, case.targets[0] if case.targets else None
    if parts is not None and parts.y is not None:
        learnt = _counts(parts.x, parts.y)
        held = None if parts.held_y is None else _counts(parts.held_x, parts.held_y)
    elif target is not None and target.classes != 0 and case.inputs:
        learnt, held = _counts(case.inputs[0].real, target.laid), None
    else:
        return ()
    if learnt is None:
        return ()
    kinds = max(len(learnt), 0 if held is None else len(held))
    a = _shares(learnt, kinds)
    b = None if held is None else _shares(held, kinds)
    order = (a if b is None else a + b).argsort(descending=True)[:_CLASSES].tolist()
    return tuple(Share(str(i), float(a[i]), None if b is None else float(b[i])) for i in order)


def _counts(x: Ragged | Tensor, y: Ragged | Tensor) -> Tensor | None:
    sample = sample_of(x, y)
    labels = None if sample is None else sample.labels
    if labels is None or not len(labels) or not bool((labels == labels.round()).all()):
        return None
    if int(labels.min()) < 0 or int(labels.max()) > 1000:
        return None
    return labels.long().bincount()


def _shares(counts: Tensor, kinds: int) -> Tensor:
    found = torch.zeros(kinds, dtype=torch.float64)
    found[: len(counts)] = counts.double() / counts.sum().clamp(min=1)
    return found
