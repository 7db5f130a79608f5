"""Steps: real ones that are taken for padding, ids that say little, times that go back."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from ...ragged import Ragged
from ..facts import Case, Input
from ..facts.grid import ends
from ..facts.sample import Sample, sample_of
from ..findings import Finding, Where

# Losses below these shares of the sequences or steps are too small to report.
_SOME = 0.05
_HALF = 0.5
_NEARLY_ALL = 0.95
# Fewer are too few to judge by.
_STEPS = 500
_SEQUENCES = 20


def steps(case: Case) -> Iterator[Finding]:
    """Of each input."""
    for x in case.inputs:
        yield from _holes(case, x)
        if x.opened:
            yield from _empties(case, x)
        if x.steps < _STEPS and len(x.real) < _SEQUENCES:
            continue
        sample = sample_of(x.real)
        if sample is None or len(sample.values) == 0:
            continue
        yield from _one_id(case, sample)
        yield from _back(sample)


def _holes(case: Case, x: Input) -> Iterator[Finding]:
    """Id 0 between real ids: it is padding and an id at once."""
    masks = case.masks
    if x.grid is None or masks is None:
        return
    if x.grid.values.ndim == 3 and masks.value is not None:
        yield from _steps_left_out(x)
        return
    if not masks.zero or x.grid.values.ndim != 2:
        return
    zeros = x.grid.values == 0
    inside = ends(zeros).inside
    holed = inside > 0
    if int(holed.sum()) < max(3, _SOME * len(inside)) or int(inside.sum()) < 10:
        return
    if float(inside.sum()) < 0.01 * float((~zeros).sum()):
        return
    first = x.grid.first(holed)
    row = x.grid.values[first].tolist()
    step = next(i for i, v in enumerate(row) if v == 0 and any(row[:i]) and any(row[i:]))
    yield Finding(
        "holes",
        "id 0 stands between real ids: it is an id of your data, and mask_zero takes it for "
        "padding.",
        f"In {x.grid.share(holed)} it stands inside, {int(inside.sum())} times in all, first in "
        f"sequence {int(x.grid.places[first])}, step {step}; these steps are skipped.",
        "Let ids begin with 1 and keep 0 for padding; or give the sequences as a list, with "
        "mask_zero=False.",
        {
            "steps": int(inside.sum()),
            "sequences that show it": int(holed.sum()),
            "sequences looked at": len(inside),
        },
        "x = [np.add(sequence, 1) for sequence in sequences]",
        Where(sequence=int(x.grid.places[first]), step=step),
        1e-6,
    )


def _steps_left_out(x: Input) -> Iterator[Finding]:
    """Steps between real ones that hold the mask value in all features."""
    assert x.grid is not None
    inside = ends(x.grid.masked().all(2)).inside
    holed, real = inside > 0, float((~x.grid.masked().all(2)).sum())
    if int(holed.sum()) < max(3, _SOME * len(inside)) or float(inside.sum()) < 0.05 * real:
        return
    first = x.grid.first(holed)
    value = f"{x.grid.mask_value:g}"
    yield Finding(
        "holes",
        f"Steps between real ones hold {value} in all features, and Masking skips them.",
        f"In {x.grid.share(holed)}, {int(inside.sum())} steps in all, first in sequence "
        f"{int(x.grid.places[first])}: what comes after follows what stood before.",
        "If they are measured, pad with a value that no step has, and mask that one.",
        {"steps": int(inside.sum()), "sequences that show it": int(holed.sum()),
         "sequences looked at": len(inside)},
        "x = pad_sequences(sequences, value=-999.0, dtype='float32'); Masking(-999.0)",
        Where(sequence=int(x.grid.places[first])),
        1e-6,
    )  # fmt: skip


def _empties(case: Case, x: Input) -> Iterator[Finding]:
    assert isinstance(x.real, Ragged)
    lengths = x.real.lengths
    empty = lengths == 0
    count = int(empty.sum())
    if len(lengths) < 100 or count < _SOME * len(lengths) or count == len(lengths):
        return
    first = int(empty.to(torch.uint8).argmax())
    yield Finding(
        "empty",
        f"{count} of {len(lengths)} sequences have no step.",
        f"The first is sequence {first}. Their labels can be learnt from nothing but their number.",
        "Look at how they came to be empty: words that a vocabulary does not have, a filter, a "
        "file that could not be read.",
        {"empty": count, "sequences": len(lengths)},
        "keep = [len(sequence) > 0 for sequence in sequences]",
        Where(sequence=first),
    )


def _one_id(case: Case, sample: Sample) -> Iterator[Finding]:
    """Most steps hold one id, in a vocabulary that is not small: unknown words."""
    if not sample.ids or int(sample.values.min()) < 0:
        return
    if case.masks is None or not case.masks.embeds:
        return
    counts = sample.values.bincount()
    share, kinds = float(counts.max()) / len(sample.values), int((counts > 0).sum())
    which = int(counts.argmax())
    if share < _HALF or kinds < 50 or len(sample.values) < _STEPS:
        return
    if which == 0 and not case.masks.zero:
        return  # padding that nothing masks is another finding
    yield Finding(
        "one id",
        f"{share:.0%} of the steps hold id {which}: nearly all that is read is one word.",
        f"{int(counts.max()):,} of {len(sample.values):,} steps looked at, and {kinds} other ids "
        "share the rest.",
        "If it is the id of unknown words, the vocabulary is not that of this text: make it from "
        "the training texts, as they are split and cased here.",
        {"share": share, "id": which, "ids": kinds},
        "vectorization.adapt(texts)",
        chance=1e-9,
    )


def _back(sample: Sample) -> Iterator[Finding]:
    """A feature that only grows, but for few sequences in which it goes back."""
    if not sample.values.is_floating_point() or sample.values.ndim != 2:
        return
    n = len(sample.lengths)
    if (
        n < _SEQUENCES
        or int((sample.lengths >= 4).sum()) < _SEQUENCES
        or sample.values.shape[1] > 512
    ):
        return
    grows = sample.values[1:] - sample.values[:-1]
    inside = sample.sequence_ids[1:] == sample.sequence_ids[:-1]
    of = sample.sequence_ids[1:][inside]
    grows = grows[inside]
    down = torch.zeros(n, grows.shape[1]).index_add_(0, of, (grows < 0).float())
    up = torch.zeros(n, grows.shape[1]).index_add_(0, of, (grows > 0).float())
    asked = sample.lengths >= 4
    wrong, right = (down > 0)[asked], ((down == 0) & (up >= 3))[asked]
    share = right.double().mean(0)
    few = wrong.double().mean(0)
    columns = (share >= _NEARLY_ALL) & (few > 0)
    for column in columns.nonzero().flatten().tolist():
        values = sample.values[:, column]
        back = float(-grows[:, column].min())
        if back > _HALF * float(values.max() - values.min()):
            continue  # a clock that begins anew
        rows = asked.nonzero().flatten()[wrong[:, column]]
        place = int(sample.places[rows[0]])
        yield Finding(
            "back in time",
            f"Feature {column} grows from step to step, as a time does, but goes back in "
            f"{len(rows)} of {int(asked.sum())} sequences.",
            f"The first is sequence {place}; in {float(share[column]):.0%} of the sequences it "
            "only grows.",
            "Sort each sequence by its time before it is cut.",
            {"sequences that show it": len(rows), "share that grows": float(share[column])},
            f"sequence = sequence[np.argsort(sequence[:, {column}], kind='stable')]",
            Where(sequence=place),
            1e-6,
        )
