"""Words and ids of which the training side knows nothing."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ...notes import Words, noted
from ..facts import Case
from ..facts.chance import SURE, beyond
from ..facts.sample import Sample
from ..findings import Finding

# Of the words that became ids, and of the held-out steps beyond what rare ids account for.
_MOST = 0.5
_MUCH = 0.3
_FEW = 100


def unknown(case: Case) -> Iterator[Finding]:
    """Texts of which most words are none of the vocabulary's, as TextVectorization noted."""
    sides = [("x", x.called) for x in case.inputs]
    if case.split is not None:
        sides.append(("the held-out part", case.split.called[1]))
    for side, given in sides:
        found = noted(given, Words)
        if found is None or found.words < _FEW or found.unknown < _MOST * found.words:
            continue
        yield Finding(
            "unknown ids",
            f"{found.unknown / found.words:.0%} of the words of {side} are not in the vocabulary.",
            f"{found.unknown:,} of {found.words:,} words became the one id of unknown words.",
            "Make the vocabulary from the training texts, as they are split and cased here.",
            {"share": found.unknown / found.words, "words": found.words},
            "vectorization.adapt(texts)",
        )
        return


def unseen(train: Sample, held: Sample) -> Iterator[Finding]:
    """Held-out steps whose id no training sequence has, beyond what rare ids account for.

    By Good and Turing's estimate the next sequence brings as many new ids as there are steps
    whose id one sequence alone has.
    """
    low = int(min(train.values.min(), held.values.min()))
    n = int(max(train.values.max(), held.values.max())) + 1
    if low < 0 or n > 10_000_000:
        return
    of, ids = train.sequence_ids, train.values.long()
    first = torch.full((n,), len(train.lengths)).scatter_reduce_(0, ids, of, "amin")
    last = torch.full((n,), -1).scatter_reduce_(0, ids, of, "amax")
    share, spread = _share(held, last < 0)
    expected, doubt = _share(train, first == last)
    chance = beyond(share, expected, (spread**2 + doubt**2) ** 0.5)
    if share - expected < _MUCH or chance > SURE:
        return
    yield Finding(
        "unknown ids",
        f"{share:.0%} of the held-out steps hold ids that no training step looked at holds.",
        f"{expected:.0%} would by chance: so many are of ids that one sequence alone has. The rows "
        "of these ids are what they were at random.",
        "Make the vocabulary from the training part, and what it does not have one unknown id.",
        {
            "share of steps": share,
            "by chance": expected,
            "ids of training": int((last >= 0).sum()),
        },
        "vectorization.adapt(train_texts)  # once; then vectorization(x) for both",
        chance=chance,
    )


def _share(sample: Sample, of: Tensor) -> tuple[float, float]:
    """The share of steps whose id is of these, and its deviation from sequence to sequence."""
    zeros = torch.zeros(len(sample.lengths), dtype=torch.float64)
    there = zeros.index_add(0, sample.sequence_ids, of[sample.values].double())
    share = float(there.sum()) / len(sample.values)
    apart = (there - share * sample.lengths).square().sum().sqrt()
    return share, max(float(apart), 1.0) / len(sample.values)
