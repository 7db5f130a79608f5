"""Groups: labels that the source of a sequence tells, and sources on both sides of a split."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..facts import Case, Groups
from ..facts.chance import SURE, beyond
from ..facts.sample import Sample, sample_of
from ..findings import Finding, Where

# Points of accuracy that knowing the source must give to be worth a word.
_MUCH = 0.3
# Of the held-out sequences: what a score can be moved by.
_SHARED = 0.05
_FEW = 40
# Draws of the labels of other sequences.
_TIMES = 50


def grouped(case: Case) -> Iterator[Finding]:
    """What groups show, where a person gives them."""
    if case.groups is None or not case.inputs:
        return
    yield from shared(case.groups)
    parts = case.split
    for target in case.targets:
        x, y = case.inputs[0].real, target.laid
        if parts is not None and parts.drawn:
            x, y = parts.x, parts.y
        # Enough for groups to come more than once.
        sample = sample_of(x, y, 2_000)
        if sample is not None:
            yield from telling(sample, case.groups.own[sample.places])


def shared(groups: Groups) -> Iterator[Finding]:
    """Held-out sequences of groups that are trained on."""
    own, held = groups.own, groups.held
    if held is None or not len(held) or not len(own):
        return
    kinds = len(groups.names)
    known, asked = (part.bincount(minlength=kinds) for part in (own, held))
    both = torch.isin(held, own)
    share = float(both.double().mean())
    if share < _SHARED or int((known + asked > 0).sum()) < 2:
        return
    # Of a split at random: unless all the others of its group are held out too.
    others = (known + asked - 1)[held].double()
    by_chance = float((1 - (len(held) / (len(own) + len(held))) ** others).mean())
    first = int(both.to(torch.uint8).argmax())
    count = int(((known > 0) & (asked > 0)).sum())
    yield Finding(
        "shared groups",
        f"{share:.0%} of the held-out sequences are of groups that are trained on.",
        f"{count:,} of {int((asked > 0).sum()):,} groups of the held-out part, the first "
        f"{groups.names[int(held[first])]!r}, held-out sequence {first}; a split by groups has "
        f"none, one at random {by_chance:.0%}. A score on them says nothing of new groups.",
        "Split by groups: all sequences of one stand on one side.",
        {"share": share, "groups on both sides": count, "at random": by_chance},
        "train, held = next(GroupShuffleSplit(1, test_size=.2).split(x, y, groups))",
        Where(sequence=first),
    )


def telling(sample: Sample, groups: Tensor) -> Iterator[Finding]:
    """Labels that the group alone tells, on sequences that were not counted."""
    labels = sample.labels
    if labels is None or len(sample.lengths) < _FEW or not len(labels):
        return
    if not bool((labels == labels.round()).all()) or int(labels.min()) < 0:
        return
    classes, kinds = int(labels.max()) + 1, int(groups.max()) + 1
    if not 2 <= classes <= 1000:
        return
    # How often each sequence has each label.
    n = len(groups)
    of = sample.sequence_ids if sample.per_step else torch.arange(n)
    counts = torch.bincount(of * classes + labels.long(), minlength=n * classes)
    counts = counts.reshape(n, classes).double()
    # Every other sequence of each group is counted, so that those of one sequence tell nothing.
    rank = _ranks(groups)
    halves = rank % 2 == 0, rank % 2 == 1

    def told(counts: Tensor) -> float:
        right = 0.0
        for half in halves:
            table = torch.zeros(kinds, classes, dtype=torch.float64)
            table.index_add_(0, groups[half], counts[half])
            best = table.argmax(1)
            best[table.sum(1) == 0] = table.sum(0).argmax()
            right += float(counts[~half].gather(1, best[groups[~half]][:, None]).sum())
        return right / float(counts.sum())

    score = told(counts)
    prior = float(counts.sum(0).max() / counts.sum())
    if score - prior < _MUCH:
        return
    rng = torch.Generator().manual_seed(0)
    drawn = torch.tensor(
        [told(counts[torch.randperm(n, generator=rng)]) for _ in range(_TIMES)], dtype=torch.float64
    )
    expected = float(drawn.mean())
    deviation = max(float(drawn.std()), (float(drawn.max()) - expected) / 2.5, 1e-3)
    chance = beyond(score, expected, deviation)
    if score - expected < _MUCH or chance > SURE:
        return
    yield Finding(
        "group tells",
        f"The group of a sequence alone tells {score:.0%} of the labels.",
        f"Without it {prior:.0%}, and {expected:.0%} where labels are those of other sequences; "
        "told on sequences that were not counted. A model that knows the group by its sound, its "
        "device or its words need learn nothing else.",
        "Gather each class from many groups, and hold whole groups out, so that the score counts "
        "new ones.",
        {"by group": score, "by nothing": prior, "by chance": expected, "groups": kinds},
        "train, held = next(StratifiedGroupKFold(5).split(x, y, groups))",
        chance=chance,
    )


def _ranks(groups: Tensor) -> Tensor:
    """(n,) how many of the same group come before each."""
    order = groups.argsort(stable=True)
    counts = groups.bincount()
    starts = (counts.cumsum(0) - counts)[groups[order]]
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order)) - starts
    return ranks
