"""Labels as they were laid beside a padded array: at slots that are no steps, in another order."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...ragged import Ragged
from ..facts import Case, Input, Target
from ..facts.grid import ends, labels_grid
from ..findings import Finding, Where

_FEW = 10
_ROWS = 512


def laid_labels(case: Case) -> Iterator[Finding]:
    """Of each output's labels, where they came as a padded array beside one."""
    for target in case.targets if case.inputs else ():
        laid = _beside(case.inputs[0], target)
        if laid is None:
            continue
        labels, mask, places = laid
        found = list(_of_others(labels, mask, places))
        yield from found or _lost(labels, mask, places)


def _beside(x: Input, target: Target) -> tuple[Tensor, Tensor, Tensor] | None:
    """Labels and mask of some sequences, (n, time) each, and which they are."""
    if not isinstance(x.real, Ragged) or x.real.levels > 1 or len(x.real) < _FEW:
        return None
    layout = x.real.layout
    n, shape = layout.batch, getattr(target.given, "shape", ())
    if tuple(shape[:2]) != (n, layout.time) or layout.steps in (0, n * layout.time):
        return None
    places = torch.linspace(0, n - 1, min(n, _ROWS)).long()
    grid = labels_grid(target.given, places)
    return None if grid is None else (grid, layout.take(places)[0].mask.cpu(), places)


def _of_others(labels: Tensor, mask: Tensor, places: Tensor) -> Iterator[Finding]:
    """As many labels as steps, but of other sequences: one of both was put into another order."""
    lengths = mask.sum(1)
    fill = _fill_of(labels)
    if fill is None:
        return
    own = labels.shape[1] - _run(labels == fill, mask)
    if len(lengths.unique()) < 4 or int(own.max()) == 0:
        return
    same = float((own == lengths).double().mean())
    # All of them, in another order: what chance makes equal is the sum of squared shares.
    alike = bool((own.sort().values == lengths.sort().values).double().mean() > 0.95)
    if not _only_fill(labels == fill, own):
        return  # what stands at padding is a label too
    shares = lengths.bincount().double() / len(lengths)
    by_chance = float(shares.square().sum())
    deviation = (by_chance * (1 - by_chance) / len(lengths)) ** 0.5
    if not alike or same > by_chance + 5 * deviation or same > 0.5:
        return
    first = int((own != lengths).to(torch.uint8).argmax())
    yield Finding(
        "shuffled",
        "Labels seem to be those of other sequences: x or y was put into another order.",
        f"y has as many labels as x has steps in {same:.0%} of the sequences, {by_chance:.0%} by "
        f"chance, but all lengths of x are among those of y. Sequence {int(places[first])} has "
        f"{int(lengths[first])} steps and {int(own[first])} labels.",
        "Put both into order by one permutation, before they are padded.",
        {"share that agrees": same, "by chance": by_chance, "sequences looked at": len(lengths)},
        "order = rng.permutation(len(x)); x, y = x[order], y[order]",
        Where(sequence=int(places[first])),
        1e-6,
    )


def _only_fill(filled: Tensor, own: Tensor) -> bool:
    """Whether flags stand in one run at one end, and nowhere else."""
    elsewhere = filled.sum(1) - (filled.shape[1] - own)
    return float((elsewhere == 0).double().mean()) > 0.99


def _fill_of(labels: Tensor) -> float | None:
    """What stands at the ends of many sequences; None where nothing does."""
    edge = torch.cat([labels[:, 0], labels[:, -1]])
    value = edge.mode().values
    return float(value) if int((edge == value).sum()) >= 0.3 * len(labels) else None


def _run(filled: Tensor, mask: Tensor) -> Tensor:
    """(n,) filled slots at the end at which x is padded."""
    found = ends(filled)
    at_end = float((~mask[:, -1]).double().mean()) >= float((~mask[:, 0]).double().mean())
    return found.trailing if at_end else found.leading


def _lost(labels: Tensor, mask: Tensor, places: Tensor) -> Iterator[Finding]:
    """Labels of several kinds at slots that are masked: those steps are real."""
    outside = labels[~mask]
    if len(outside) < 50 or not bool((labels == labels.round()).all()):
        return
    fill = outside.mode().values
    shows = ((labels != fill) & ~mask).any(1)
    lost = int((outside != fill).sum())
    if int(shows.sum()) < max(_FEW // 2, 0.05 * len(labels)) or lost < 0.01 * int(mask.sum()):
        return
    others = outside[outside != fill]
    # Labels of all kinds everywhere say nothing of slots; two fills are of two parts.
    if lost > 0.4 * len(outside) or len(others.unique()) < 2:
        return
    first = int(shows.to(torch.uint8).argmax())
    yield Finding(
        "labels lost",
        f"{lost:,} labels stand at slots that are masked: they count for nothing.",
        f"In {int(shows.sum())} of {len(labels)} sequences, the first is {int(places[first])}; "
        f"elsewhere such slots hold {float(fill):g}. {len(others.unique())} kinds of labels stand "
        "there, as at real steps.",
        "What is masked is real: an id or value that is both padding and data, or labels that are "
        "longer than x. Let ids begin with 1, or give both as lists.",
        {"labels": lost, "sequences that show it": int(shows.sum()), "sequences": len(labels)},
        "x = [np.add(sequence, 1) for sequence in sequences]",
        Where(sequence=int(places[first])),
        1e-6,
    )
