"""Labels beside steps: padded at the other end, shifted, told by length alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...ragged import Ragged
from ..facts import Case, Input, Target
from ..facts.chance import beyond
from ..facts.grid import ends, labels_grid
from ..facts.sample import Sample, sample_of
from ..findings import Finding, Where

_LAGS = (-3, -2, -1, 0, 1, 2, 3)
# Points of accuracy that a shift must cost, and that length must give, to be worth a word.
_MUCH = 0.15
_FEW = 200
_PADDED = 10
_ROWS = 256
_IDS = 200_000


def beside(case: Case) -> Iterator[Finding]:
    """Of each output's targets."""
    for target in case.targets if case.inputs else ():
        yield from other_end(case.inputs[0], target)
        yield from by_padding(case.inputs[0], target)
        if case.inputs[0].steps < _FEW:
            continue  # no label stands beside a step, or a sequence, that is not there
        sample = sample_of(case.inputs[0].real, target.laid)
        if sample is None or sample.labels is None or not _classes(sample.labels):
            continue
        if sample.per_step:
            found = list(shifted(sample))
            yield from found or cut_elsewhere(sample)
        else:
            yield from by_length(sample)


def _classes(labels: Tensor) -> bool:
    """Whether they are classes: some, not negative, and few."""
    if len(labels) < _FEW or not bool((labels == labels.round()).all()):
        return False
    return int(labels.min()) >= 0 and 2 <= int(labels.max()) + 1 <= 1000


def other_end(x: Input, target: Target) -> Iterator[Finding]:
    """Steps padded at one end, labels at the other, by the same numbers of slots."""
    if not isinstance(x.real, Ragged) or x.real.levels > 1 or len(x.real) < _PADDED:
        return
    layout = x.real.layout
    n, shape = layout.batch, getattr(target.given, "shape", ())
    if tuple(shape[:2]) != (n, layout.time) or layout.steps in (0, n * layout.time):
        return
    places = torch.linspace(0, n - 1, min(n, _ROWS)).long()
    grid = labels_grid(target.given, places)
    if grid is None:
        return
    mask = layout.take(places)[0].mask.cpu()
    padded = ends(~mask)
    own, _, end = padded.side
    padding = (own > 0) & (own < grid.shape[1]) & (padded.inside == 0)
    if int(padding.sum()) < _PADDED or len(own[padding].unique()) < 3:
        return
    first = grid[:, 0] if end == "end" else grid[:, -1]
    fill = first[padding].mode().values
    filled = ends(grid == fill)
    there = filled.leading if end == "end" else filled.trailing
    shows = padding & (there >= own)
    if int(shows.sum()) < 0.95 * int(padding.sum()):
        return
    at_padding = float((grid[~mask] == fill).double().mean())
    beside = grid[~mask]
    if at_padding > 0.5 or float((beside == beside.mode().values).double().mean()) > 0.95:
        return  # y is padded where x is, with this or with another value
    place = int(places[int(shows.to(torch.uint8).argmax())])
    sides = ("end", "start") if end == "end" else ("start", "end")
    yield Finding(
        "other end",
        f"x is padded at the {sides[0]} and y at the {sides[1]}: a label stands beside another's "
        "step.",
        f"In {int(shows.sum())} of {int(padding.sum())} padded sequences, the first is {place}, y "
        f"has {fill:g} at the {sides[1]} in as many slots as x is padded at the {sides[0]}; only "
        f"{at_padding:.0%} of the padded slots have it.",
        "Pad and cut both on the same side, or give both as lists.",
        {"sequences that show it": int(shows.sum()), "padded sequences": int(padding.sum())},
        f'pad_sequences(labels, padding="{"post" if end == "end" else "pre"}")',
        Where(sequence=place),
        1e-9,
    )


def shifted(sample: Sample) -> Iterator[Finding]:
    """Labels that follow from an id some steps away, and not from the id beside them."""
    assert sample.labels is not None
    if not sample.ids or int(sample.values.min()) < 0:
        return
    labels = sample.labels.long()
    # Numbered anew, so that tables are as large as the sample and not as the vocabulary.
    names, ids = sample.values.unique(return_inverse=True)
    # An id that is the label itself, some steps away, is a task and no mistake.
    lengths = sample.lengths.repeat_interleave(sample.lengths)
    # Over the same steps for every lag.
    at = ((sample.positions >= 3) & (sample.positions < lengths - 3)).nonzero()[:, 0]
    if len(at) < _FEW or len(names) * (int(labels.max()) + 1) > 20 * _IDS:
        return
    learn = sample.sequence_ids[at] % 2 == 0
    here = _told_by(ids[at], labels[at], learn)
    prior = float(labels.bincount().max()) / len(labels)
    if here - prior > 0.5 * (1 - prior):
        return  # not even a shift that told every label would be far enough above
    scores = {lag: _told_by(ids[at + lag], labels[at], learn) if lag else here for lag in _LAGS}
    best = max(scores, key=lambda lag: scores[lag])
    score, count = scores[best], len(at)
    echoes = float((names[ids[at + best]] == labels[at]).double().mean())
    if best == 0 or echoes > 0.9 or score - max(here, prior) < _MUCH:
        return
    if here - prior > 0.5 * (score - prior):
        return
    deviation = (max(here, prior) * (1 - max(here, prior)) / max(count, 1)) ** 0.5 + 1e-3
    chance = beyond(score, max(here, prior), deviation) * len(_LAGS)
    if chance > 1e-4:
        return
    way, by = ("later", best) if best > 0 else ("earlier", -best)
    said = f"{by} step{'s' if by > 1 else ''} {way}"
    yield Finding(
        "shifted",
        f"Labels seem to belong to the step {said}: they are shifted against x.",
        f"From the id {said} {score:.0%} of the labels can be told, from the id beside them "
        f"{here:.0%}, from nothing {prior:.0%} (told on sequences that were not counted).",
        "Look at where a start mark was added, or a first column dropped, on one side alone.",
        {"by the shifted id": score, "by the id beside it": here, "by nothing": prior, "lag": best},
        f"y = np.roll(y, {best}, axis=1)",
        chance=chance,
    )


def _told_by(x: Tensor, y: Tensor, learn: Tensor) -> float:
    """The share of labels that an id tells, on sequences that were not counted."""
    kinds, classes = int(x.max()) + 1, int(y.max()) + 1
    pairs, right = x * classes + y, 0
    for half in (learn, ~learn):
        table = torch.bincount(pairs[half], minlength=kinds * classes).reshape(kinds, classes)
        most, best = table.max(1)
        best[most == 0] = table.sum(0).argmax() if bool(half.any()) else 0
        right += int((best[x[~half]] == y[~half]).sum())
    return right / len(x)


def cut_elsewhere(sample: Sample) -> Iterator[Finding]:
    """Labels that ids tell in short sequences, and not in those that fill the grid."""
    assert sample.labels is not None
    if not sample.ids or int(sample.values.min()) < 0 or int(sample.values.max()) > _IDS:
        return
    labels, ids, of = sample.labels.long(), sample.values, sample.sequence_ids
    full = (sample.lengths == int(sample.lengths.max()))[of]
    learn, other = ~full & (of % 2 == 0), ~full & (of % 2 == 1)
    if min(int(learn.sum()), int(other.sum()), int(full.sum())) < _FEW:
        return
    kinds, classes = int(ids.max()) + 1, int(labels.max()) + 1
    if kinds * classes > 20 * _IDS:
        return
    table = torch.bincount((ids * classes + labels)[learn], minlength=kinds * classes)
    most, best = table.reshape(kinds, classes).max(1)
    seen = most[ids] > 0
    here, there = ((best[ids] == labels)[seen & part].double() for part in (other, full))
    if min(len(here), len(there)) < _FEW:
        return
    score, cut = float(here.mean()), float(there.mean())
    prior = float(labels[full].bincount().max()) / int(full.sum())
    deviation = (score * (1 - score) / len(there)) ** 0.5 + 1e-3
    chance = beyond(score - cut, 0.0, deviation)
    if score - prior < 2 * _MUCH or cut - prior > 0.3 * (score - prior) or chance > 1e-4:
        return
    yield Finding(
        "other end",
        "x and y seem to be cut at different ends: in sequences that fill the grid a label stands "
        "beside another's step.",
        f"From its id {score:.0%} of the labels of shorter sequences can be told, of those that "
        f"fill the grid {cut:.0%}, from nothing {prior:.0%}.",
        "Cut both at the same side, or give both as lists.",
        {"in short ones": score, "in full ones": cut, "by nothing": prior},
        'pad_sequences(labels, maxlen=n, truncating="post")  # as x',
        chance=chance,
    )


def by_padding(x: Input, target: Target) -> Iterator[Finding]:
    """What a padded array holds at its ends, or on which side, that tells the label."""
    y = target.laid
    if x.grid is None or not isinstance(y, Tensor) or len(y) != x.grid.batch or y.numel() != len(y):
        return
    labels = y.detach().cpu().flatten()[x.grid.places]
    values = x.grid.values
    if len(labels) < 40 or values.shape[1] < 4 or not bool((labels == labels.round()).all()):
        return
    kinds, of = labels.unique(return_inverse=True)
    flat = values.flatten(2) if values.ndim > 2 else values[..., None]
    runs = ends((flat[:, 1:] == flat[:, :-1]).all(2))
    if not 2 <= len(kinds) <= 20 or int((runs.trailing + runs.leading > 1).sum()) < len(labels) / 2:
        return
    # How each is padded: on which side, and with what.
    side = runs.trailing > runs.leading
    edge = torch.where(side, flat[:, -1, 0], flat[:, 0, 0])
    padded = runs.trailing + runs.leading > 1
    how = torch.stack([side.long(), edge.double().mul(1e3).round().long()], 1)
    ways, way = how[padded].unique(dim=0, return_inverse=True)
    if not 2 <= len(ways) <= 4 or int(padded.sum()) < 40:
        return
    own = of[padded]
    table = torch.bincount(way * len(kinds) + own, minlength=len(ways) * len(kinds))
    score = float(table.reshape(len(ways), -1).max(1).values.sum()) / len(own)
    prior = float(own.bincount().max()) / len(own)
    deviation = (prior * (1 - prior) / len(own)) ** 0.5
    chance = beyond(score, prior, deviation) * len(ways)
    if score - prior < 2 * _MUCH or score < 0.9 or chance > 1e-4:
        return
    yield Finding(
        "padding tells",
        f"How a sequence is padded tells {score:.0%} of the labels.",
        f"There are {len(ways)} ways, by side and by value; without them {prior:.0%}. A model need "
        "look at nothing else.",
        "Pad all classes alike: gather them first, then pad.",
        {"by padding": score, "by nothing": prior, "ways": len(ways)},
        "x = pad_sequences(sequences_of_all_classes)",
        chance=chance,
    )


def by_length(sample: Sample) -> Iterator[Finding]:
    """Lengths that tell the label by themselves."""
    assert sample.labels is not None
    labels, lengths = sample.labels.long(), sample.lengths
    if len(lengths.unique()) < 2:
        return
    classes = int(labels.max()) + 1
    bins = torch.bucketize(lengths.double(), torch.quantile(lengths.double(), _TENTHS)).long()
    of = torch.arange(len(labels)) % 2 == 0
    right = 0
    for half in (of, ~of):
        table = torch.bincount(bins[half] * classes + labels[half], minlength=11 * classes)
        right += int((table.reshape(11, classes).argmax(1)[bins[~half]] == labels[~half]).sum())
    score, prior = right / len(labels), float(labels.bincount().max()) / len(labels)
    deviation = (prior * (1 - prior) / len(labels)) ** 0.5
    chance = beyond(score, prior, deviation)
    if score - prior < 2 * _MUCH or chance > 1e-4:
        return
    yield Finding(
        "length tells",
        f"The length of a sequence alone tells {score:.0%} of the labels.",
        f"Without it {prior:.0%}; told on sequences that were not counted.",
        "If that is no property of the task, classes were cut, padded or gathered differently. "
        "Compare with a model that sees lengths only.",
        {"by length": score, "by nothing": prior},
        "lengths_only = [[1] * len(sequence) for sequence in sequences]",
        chance=chance,
    )


_TENTHS = torch.linspace(0.1, 0.9, 9, dtype=torch.float64)
