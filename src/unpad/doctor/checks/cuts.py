"""What pad_sequences cut: how much, and whether x and y were cut and padded alike."""

from __future__ import annotations

from collections.abc import Iterator

from ...preprocessing.cuts import Cut, cut_of
from ..facts import Case
from ..findings import Finding

# Reported from this share of the steps on: what was cut off is never learnt from.
_MUCH = 0.2


def cuts(case: Case) -> Iterator[Finding]:
    """Of each input, and of each output's targets against the first input."""
    noted = [cut_of(x.called) for x in case.inputs]
    for found in noted:
        if found is not None and found.cut >= _MUCH * found.steps and found.sequences >= 5:
            yield _cut(found)
    first = noted[0] if noted else None
    for target in case.targets:
        of_y = cut_of(target.given)
        if first is not None and of_y is not None:
            yield from _other_end(first, of_y)


def _cut(found: Cut) -> Finding:
    end = "starts" if found.truncating == "pre" else "ends"
    return Finding(
        "cut",
        f"pad_sequences cut {found.cut / found.steps:.0%} of the steps of x.",
        f"{found.cut:,} of {found.steps:,} steps, at the {end} of {found.sequences:,} sequences.",
        "Give the sequences as they are, as a list: long ones cost what their steps cost, and "
        "short ones nothing more.",
        {"share": found.cut / found.steps, "steps": found.cut, "sequences": found.sequences},
        "model.fit(sequences, y)  # without pad_sequences",
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
