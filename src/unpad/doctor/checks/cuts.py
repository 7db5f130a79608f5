"""What was cut: how much, and whether x and y were cut and padded alike."""

from __future__ import annotations

from collections.abc import Iterator

from ...notes import Cut, noted
from ...ragged import Ragged
from ..facts import Case, Input
from ..facts.chance import SURE, beyond
from ..facts.sample import sample_of
from ..findings import Finding

# Reported from this share of the steps on: what was cut off is never learnt from.
_MUCH = 0.2
_CURES = {
    "pad_sequences": (
        "Give the sequences as they are, as a list: long ones cost what their steps cost, and "
        "short ones nothing more.",
        "model.fit(sequences, y)  # without pad_sequences",
    ),
    "TextVectorization": (
        "Leave output_sequence_length out: texts come as they are, and long ones cost what their "
        "words cost.",
        "TextVectorization()  # without output_sequence_length",
    ),
}


def cuts(case: Case) -> Iterator[Finding]:
    """Of each input, and of each output's targets against the first input."""
    known = [noted(x.called, Cut) for x in case.inputs]
    for found in known:
        if found is not None and found.cut >= _MUCH * found.steps and found.sequences >= 5:
            yield _cut(found)
    for x, found in zip(case.inputs, known, strict=True):
        yield from _cut_short(x) if found is None else ()
    first = known[0] if known else None
    for target in case.targets:
        of_y = noted(target.given, Cut)
        if first is not None and of_y is not None:
            yield from _other_end(first, of_y)


def _cut_short(x: Input) -> Iterator[Finding]:
    """Ids of which those that fill their width end otherwise than shorter ones: in no end mark."""
    sample = sample_of(x.real)
    if sample is None or not sample.ids or not isinstance(x.real, Ragged):
        return
    lengths, width = sample.lengths, int(sample.lengths.max())
    full = lengths == width
    short = ~full & (lengths > 0)
    if int(full.sum()) < 20 or int(short.sum()) < 20 or width < 4:
        return
    ends = sample.values[(sample.starts + lengths - 1).clamp(min=0)]
    mark = ends[short].mode().values
    usual, here = (float((ends[of] == mark).double().mean()) for of in (short, full))
    everywhere = float((sample.values == mark).double().mean())
    deviation = (usual * (1 - usual) / int(full.sum())) ** 0.5
    chance = beyond(usual - here, 0.0, deviation)
    if usual < max(0.3, 4 * everywhere) or here > usual / 3 or chance > SURE:
        return
    share = float(full.double().mean())
    yield Finding(
        "cut",
        f"{share:.0%} of the sequences seem to be cut to {width} steps.",
        f"{int(full.sum())} of {len(lengths)} looked at have exactly {width} steps; of these "
        f"{here:.0%} end in id {int(mark)}, of the shorter ones {usual:.0%}.",
        "Give the sequences as they are, as a list: long ones cost what their steps cost, and "
        "short ones nothing more.",
        {"share of sequences": share, "end mark in short ones": usual, "in full ones": here},
        "model.fit(sequences, y)  # without pad_sequences",
        chance=chance,
    )


def _cut(found: Cut) -> Finding:
    end = "starts" if found.truncating == "pre" else "ends"
    return Finding(
        "cut",
        f"{found.by} cut {found.cut / found.steps:.0%} of the steps of x.",
        f"{found.cut:,} of {found.steps:,} steps, at the {end} of {found.sequences:,} sequences.",
        _CURES[found.by][0],
        {"share": found.cut / found.steps, "steps": found.cut, "sequences": found.sequences},
        _CURES[found.by][1],
    )


def _other_end(x: Cut, y: Cut) -> Iterator[Finding]:
    cut = x.cut and y.cut and x.truncating != y.truncating
    padded = x.padded and y.padded and x.padding != y.padding
    if not (cut or padded) or x.steps != y.steps:
        return
    what = "cut" if cut else "padded"
    sides = (x.truncating, y.truncating) if cut else (x.padding, y.padding)
    yield Finding(
        "other end",
        f"x is {what} at '{sides[0]}' and y at '{sides[1]}': a label stands beside another's step.",
        f"{x.sequences if cut else x.padded} sequences of x and "
        f"{y.sequences if cut else y.padded} of y were {what}.",
        "Pad and cut both on the same side, or give both as lists.",
        {"sequences of x": x.sequences if cut else x.padded,
         "sequences of y": y.sequences if cut else y.padded},
        f'pad_sequences(labels, padding="{x.padding}", truncating="{x.truncating}")',
    )  # fmt: skip
