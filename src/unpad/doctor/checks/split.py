"""The split: what is validated on, against what is trained on."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..facts import Case, Split
from ..facts.case import Batch
from ..facts.chance import SURE, beyond, one_hot_counts, permuted
from ..facts.runs import keys_of, met
from ..facts.sample import Sample, sample_at, sample_of
from ..findings import Finding, Where
from .scaled import scaled_otherwise
from .unknown import unseen
from .vocabularies import own_numbers

# A leak of so many of the held-out sequences moves a score by points.
_LEAK = 0.05
# Neighbouring windows of one series share steps at the border of an honest split too.
_OVERLAP = 0.3
_FEW = 20
# So many steps make a run that does not come twice by chance, in text too.
_RUN = 8
# So many training sequences are compared step for step; of more the rest is taken to be alike.
_ALIKE = 4_000
# Steps of training sequences whose ids are known, about.
_TRAIN = 50_000
_APART = 0.2
# So many ids are counted by themselves.
_IDS = 1_000


def split(case: Case) -> Iterator[Finding]:
    """The two sides of the split, if there is one."""
    parts = case.split
    if parts is None or len(parts.held_x) < _FEW or len(parts.x) < _FEW:
        return
    held, few = (sample_of(x, y) for x, y in ((parts.held_x, parts.held_y), (parts.x, parts.y)))
    if held is None or few is None or held.values.shape[1:] != few.values.shape[1:]:
        return
    if not len(held.values) or not len(few.values):
        return
    yield from leaks(held, parts.x)
    labels = list(other_labels(few, held, parts))
    yield from labels or other_lengths(few, held, parts)
    noted = scaled_otherwise(parts)
    by_itself = own_numbers(parts)
    found = [x for x in (noted, by_itself) if x is not None]
    yield from found or other_steps(few, held)
    if few.ids and held.ids:
        train = sample_of(parts.x, None, max(256, _TRAIN * len(few.lengths) // len(few.values)))
        yield from unseen(train or few, held)


def leaks(held: Sample, every: Batch) -> Iterator[Finding]:
    """Held-out sequences that stand in the training data, whole or in runs.

    Args:
        held: some of what is held out.
        every: all that is trained on.
    """
    runs = max(2, _RUN if held.ids else 4)
    lengths = held.lengths
    if int((lengths >= runs).sum()) < _FEW:
        return
    grams, sequences, found, others = met(every, held, runs)
    if not len(grams):
        return
    n = len(lengths)
    total = torch.zeros(n).index_add_(0, sequences, torch.ones(len(grams)))
    asked = (lengths >= runs) & (total > 0)
    # In one stretch: a letter's head is made of pieces that all letters share.
    most = (_stretch(found, sequences, n) >= 0.5 * total) & asked
    # Of all: where most are too short for a run, as words are, the few long ones say little.
    most_share = float(most.sum()) / n
    looked = min(1.0, _ALIKE / max(1, len(others)))
    alike = others[torch.linspace(0, len(others) - 1, min(len(others), _ALIKE)).long()]
    exact = _exact(sample_at(every, None, alike), held, runs)
    exact_share = min(1.0, float((exact & asked).sum()) / float(asked.sum()) / looked)
    numbers = {
        "held-out sequences looked at": int(asked.sum()),
        "of them whole in training": int((exact & asked).sum()),
        "of them mostly in training": int(most.sum()),
    }
    if exact_share >= _LEAK and int((exact & asked).sum()) >= 5:
        first = int((exact & asked).to(torch.uint8).argmax())
        yield Finding(
            "leak",
            f"{exact_share:.0%} of the held-out sequences are in the training data too.",
            f"{int((exact & asked).sum())} of {int(asked.sum())} that have {runs} steps or more, "
            f"first held-out sequence {int(held.places[first])}. Runs so long do not come twice "
            "by chance: a score on them is memory.",
            "Take duplicates out before the split, or split by source; a class is made rarer or "
            "more frequent after it.",
            numbers,
            "x, index = np.unique(x, axis=0, return_index=True); y = y[index]",
            Where(sequence=int(held.places[first])),
            SURE / 10,
        )
    elif most_share >= _OVERLAP:
        first = int(most.to(torch.uint8).argmax())
        yield Finding(
            "overlap",
            f"{most_share:.0%} of the held-out sequences overlap with the training data.",
            f"At least half of what {int(most.sum())} of {n} hold, in runs of "
            f"{runs} steps, stands in training sequences too, first held-out sequence "
            f"{int(held.places[first])}: windows of one series that were drawn for both sides.",
            "Cut the series in two first, then make windows of each part.",
            numbers,
            "train, test = series[:cut], series[cut:]  # then windows",
            Where(sequence=int(held.places[first])),
            SURE / 10,
        )


def _stretch(flags: Tensor, sequences: Tensor, n: int) -> Tensor:
    """(n,) the longest run of flags within each sequence."""
    place = torch.arange(len(flags))
    starts = ~flags
    starts[1:] |= sequences[1:] != sequences[:-1]
    # Where a run began: at a flag that is not set, behind it; at another sequence, there.
    begun = torch.where(starts, place + (~flags).long(), 0).cummax(0).values
    long = torch.where(flags, place - begun + 1, 0).float()
    return torch.zeros(n).scatter_reduce_(0, sequences, long, "amax")


def _exact(train: Sample, held: Sample, runs: int) -> Tensor:
    """(n,) which held-out sequences are training sequences, step for step."""
    keys, own = keys_of(train.values), keys_of(held.values)
    known = {part for part in _bytes(keys, train.lengths) if len(part) >= 8 * runs}
    flags = [
        len(part) >= 8 * runs
        and part in known
        and len({part[i : i + 8] for i in range(0, len(part), 8)}) > runs // 2
        for part in _bytes(own, held.lengths)
    ]
    return torch.tensor(flags, dtype=torch.bool)


def _bytes(keys: Tensor, lengths: Tensor) -> list[bytes]:
    """The keys of each sequence, eight bytes a step."""
    every, ends = keys.numpy().tobytes(), (8 * lengths.cumsum(0)).tolist()
    return [every[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def other_labels(train: Sample, held: Sample, parts: Split) -> Iterator[Finding]:
    """Other labels on the two sides: sorted data that were cut, or a class that is missing."""
    if train.labels is None or held.labels is None:
        return
    labels = torch.cat([train.labels, held.labels])
    if not bool((labels == labels.round()).all()) or int(labels.min()) < 0:
        return
    classes = int(labels.max()) + 1
    if not 2 <= classes <= 100:
        return
    of = [
        sample.sequence_ids if sample.per_step else torch.arange(len(given))
        for sample, given in ((train, train.labels), (held, held.labels))
    ]
    n = len(train.lengths) + len(held.lengths)
    both = torch.cat([of[0], of[1] + len(train.lengths)])
    counts = one_hot_counts(labels.long(), both, n, classes)
    apart, expected, deviation, shares = permuted(counts, len(held.lengths))
    chance = beyond(apart, expected, max(deviation, 1e-3))
    if apart - expected < _APART or chance > SURE:
        return
    missing = [int(c) for c in ((shares == 0).any(0) & (shares.max(0).values > 0.03)).nonzero()]
    most = int((shares[0] - shares[1]).abs().argmax())
    kind = "sorted" if parts.drawn else "other labels"
    also = f" Class {missing[0]} is on one side alone." if missing else ""
    yield Finding(
        kind,
        "The held-out part has other labels than what is trained on"
        + (": the data are sorted, and the last of them are held out." if parts.drawn else "."),
        f"Of class {most} there are {float(shares[0, most]):.0%} in training and "
        f"{float(shares[1, most]):.0%} in the held-out part; {apart:.2f} of all labels differ, "
        f"{expected:.2f} by chance.{also}",
        "Shuffle before the split (validation_split takes the last sequences, as in Keras), or "
        "give validation_data.",
        {"share that differs": apart, "by chance": expected, "classes missing": len(missing)},
        "order = np.random.default_rng(0).permutation(len(y)); x, y = x[order], y[order]",
        chance=chance,
    )


def other_lengths(train: Sample, held: Sample, parts: Split) -> Iterator[Finding]:
    """Other lengths on the two sides: data sorted by length that were cut, or another source."""
    lengths = torch.cat([train.lengths, held.lengths]).double()
    cuts = torch.quantile(lengths, torch.linspace(0.1, 0.9, 9, dtype=torch.float64)).unique()
    bins = torch.bucketize(lengths, cuts)
    kinds = len(cuts) + 1
    if kinds < 3:
        return
    counts = torch.nn.functional.one_hot(bins, kinds)
    apart, expected, deviation, _ = permuted(counts, len(held.lengths))
    chance = beyond(apart, expected, max(deviation, 1e-3))
    if apart - expected < 2 * _APART or chance > SURE:
        return
    a, b = (float(s.lengths.double().median()) for s in (train, held))
    yield Finding(
        "sorted" if parts.drawn else "other lengths",
        "The held-out part has other lengths than what is trained on"
        + (": the data are sorted, and the last of them are held out." if parts.drawn else "."),
        f"Half of the sequences have up to {a:.0f} steps in training and up to {b:.0f} in the "
        f"held-out part; {apart:.2f} of all lengths differ, {expected:.2f} by chance.",
        "Shuffle before the split, or draw both parts from one source.",
        {"share that differs": apart, "by chance": expected, "median": a, "median held out": b},
        "order = np.random.default_rng(0).permutation(len(y)); x, y = x[order], y[order]",
        chance=chance,
    )


def other_steps(train: Sample, held: Sample) -> Iterator[Finding]:
    """Other ids, or features on another scale."""
    n = len(train.lengths) + len(held.lengths)
    if train.ids and held.ids:
        ids = torch.cat([train.values, held.values])
        of = torch.cat([train.sequence_ids, held.sequence_ids + len(train.lengths)])
        ids = ids.unique(return_inverse=True)[1]
        # The most frequent by themselves, all others together: what differs, differs in these.
        most = ids.bincount().argsort(descending=True, stable=True)
        rank = torch.empty_like(most)
        rank[most] = torch.arange(len(most))
        ids = rank[ids].clamp(max=_IDS - 1)
        kinds = int(ids.max()) + 1
        counts = one_hot_counts(ids, of, n, kinds)
        apart, expected, deviation, _ = permuted(counts, len(held.lengths), 20)
        chance = beyond(apart, expected, max(deviation, 1e-2))
        if apart - expected > 0.4 and chance < SURE:
            yield Finding(
                "other ids",
                "The held-out part is written in other ids than what is trained on.",
                f"{apart:.2f} of its steps hold other ids, {expected:.2f} by chance.",
                "Make the vocabulary once, from the training part, and use it for both.",
                {"share that differs": apart, "by chance": expected},
                "vectorization.adapt(train_texts)  # once; then vectorization(x) for both",
                chance=chance,
            )
        return
    if not train.values.is_floating_point() or not held.values.is_floating_point():
        return
    a, b = (s.values.reshape(len(s.values), -1) for s in (train, held))
    if len(a) < 50 or len(b) < 50:
        return
    spread_a, mean_a = torch.std_mean(a.double(), 0)
    spread_b, mean_b = torch.std_mean(b.double(), 0)
    moved = (mean_a - mean_b).abs() > 3 * torch.maximum(spread_a, spread_b)
    ratio = spread_a / spread_b.clamp(min=1e-12)
    scaled = (ratio > 5) | (ratio < 0.2)
    alive = (spread_a > 0) & (spread_b > 0)
    share = float(((moved | scaled) & alive).double().mean())
    if share < 0.5 or not bool(alive.any()):
        return
    worst = int(((ratio.log().abs()) * alive).argmax())
    yield Finding(
        "other scale",
        f"{share:.0%} of the features lie on another scale in the held-out part.",
        f"Feature {worst} is {float(mean_a[worst]):.3g} +- {float(spread_a[worst]):.3g} in "
        f"training, {float(mean_b[worst]):.3g} +- {float(spread_b[worst]):.3g} there.",
        "Fit the scaler on the training part, and apply that one to both.",
        {"share of features": share, "ratio of deviations": float(ratio[worst])},
        "scaler = Scaler(StandardScaler()).fit(x); xv = scaler.transform(xv)",
        chance=SURE / 10,
    )
