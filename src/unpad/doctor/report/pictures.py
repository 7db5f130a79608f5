"""Pictures of what a model's answers depend on, and of the numbers that are reported of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..probes import Reach
from ..probes.numbers import QUESTIONS
from .asked import Asked
from .drawing import WIDTH, bars, box, figure, words
from .pictures_of_data import columns_of
from .seen import Told

_PARTS = {
    "its own steps": "own",
    "padding": "padding",
    "other sequences": "mates",
    "later steps": "later",
}
# What numbering writes behind a number's name where it is asked again, otherwise.
_AGAIN = ("with more padding", "in batches of 2", "accumulated")


def shares(evidence: Mapping[str, float]) -> str:
    """Where an output's gradient falls, as one bar; nothing where it was not asked."""
    found = [
        (name, evidence[f"gradient on {name}"])
        for name in _PARTS
        if f"gradient on {name}" in evidence
    ]
    if not found:
        return ""
    said = "Of an output's gradient " + ", ".join(f"{v:.1%} falls on {n}" for n, v in found) + "."
    drawn, x = [], 0.0
    for name, value in found:
        width = max(0.0, value) * WIDTH
        drawn.append(box(_PARTS[name], x, 0, width, 24))
        x += width
    key = [(_PARTS[name], f"{name} {value:.1%}") for name, value in found]
    return figure(said, "".join(drawn), 24, key, "What an output's gradient falls on:")


def reach(of: Reach | None) -> str:
    """The slots that one sequence's answer hangs on, the darker the more; nothing without them."""
    if of is None:
        return ""
    place = "" if of.at is None else f" at step {of.at}"
    said = (
        f"What the answer{place} of sequence {of.row} hangs on: each row is a sequence of those "
        "asked, each cell a slot, the stronger its colour the more."
    )
    chosen = columns_of(len(of.shares[0]))
    most = max(max(row) for row in of.shares) or 1.0
    wide, drawn, used = (WIDTH - 40) / len(chosen), [], set()
    for i, (row, real) in enumerate(zip(of.shares, of.real, strict=True)):
        y = 4 + 24 * i
        drawn.append(words(str(i), 24, y + 15, "end"))
        for j, some in enumerate(chosen):
            share, at = max((row[k], k) for k in some)
            later = i == of.row and of.at is not None and at > of.at and "future" in of.on
            kind = "mates" if i != of.row else "later" if later else "own"
            kind = kind if real[at] or i != of.row else "padding"
            strength = math.sqrt(share / most)
            x = 36 + j * wide
            drawn.append(box("frame" if real[at] else "empty", x, y, wide - 1, 20))
            if strength > 0.02:
                used.add(kind)
                drawn.append(box(kind, x, y, wide - 1, 20, max(0.15, strength)))
    key = [(kind, name) for name, kind in _PARTS.items() if kind in used]
    key += [("frame", "a step"), ("empty", "padding")]
    return figure(said, "".join(drawn), 8 + 24 * len(of.shares), key)


def laws(asked: Sequence[Asked], threshold: float = 1e-3) -> str:
    """How far answers moved under each law, in powers of ten; nothing without numbers."""
    found = [a for a in asked if a.number is not None and a.name not in QUESTIONS]
    if not found:
        return ""
    low, high = -8.0, 2.0

    def place(value: float) -> float:
        power = math.log10(max(value, 1e-8)) if math.isfinite(value) else high
        return (min(power, high) - low) / (high - low) * WIDTH

    drawn = []
    for i, a in enumerate(found):
        y = 24 + 42 * i
        kind = "own" if a.answer == "holds" else "padding"
        drawn.append(words(a.name, 0, y + 13))
        drawn.append(box(kind, 0, y + 18, max(2.0, place(a.number or 0.0)), 14))
    line, height = place(threshold), 24 + 42 * len(found)
    drawn.append(f'<line x1="{line:.1f}" x2="{line:.1f}" y1="20" y2="{height}" class="rule"/>')
    drawn.append(words(f"{threshold:g} of the spread", line, 14, "middle"))
    said = ", ".join(f"{a.name} {a.number:.2g}" for a in found)
    key = [("own", "holds"), ("padding", "does not hold")]
    said = f"How far the answers moved: {said}."
    return figure(said, "".join(drawn), height + 6, key, "How far the answers moved:")


def scores(told: Told | None) -> str:
    """The accuracy as reported, on real steps, of who knows nothing; "" if not asked."""
    if told is None:
        return ""
    parts = [
        ("own", told.honest, f"{told.honest:.1%}"),
        ("empty", told.nothing, f"{told.nothing:.1%}"),
    ]
    key = [("own", "on real steps"), ("empty", "always the most frequent class")]
    said = (
        f"The accuracy is {told.honest:.1%} on real steps; always saying the most frequent class "
    )
    said += f"gives {told.nothing:.1%}."
    if told.reported is not None:
        parts = [("padding", told.reported, f"{told.reported:.1%}"), *parts]
        key = [("padding", "as reported"), *key]
        said = f"Reported are {told.reported:.1%}. {said}"
    rows = [("accuracy", parts)]
    if len(told.by_length) > 1:
        names = ("shortest third", "middle third", "longest third")
        named = zip(names, told.by_length, strict=False)
        rows += [(name, [("own", v, f"{v:.1%}")]) for name, v in named]
    inside, height = bars(rows)
    return figure(said, inside, height, key)


def numbers(evidence: Mapping[str, float]) -> str:
    """A number as it is reported, and as it is when it is asked again; nothing without both."""
    rows = [
        (name, [("own", value, f"{value:.4g}"), ("padding", other, f"{other:.4g} {how}")])
        for name, value in evidence.items()
        for how in _AGAIN
        if (other := evidence.get(f"{name} {how}")) is not None
    ]
    if not rows:
        return ""
    said = "; ".join(f"{name} {parts[0][2]} becomes {parts[1][2]}" for name, parts in rows)
    short = [
        (name, [(kind, v, text.split(" ")[0]) for kind, v, text in parts]) for name, parts in rows
    ]
    inside, height = bars(short)
    how = rows[0][1][1][2].split(" ", 1)[1]
    return figure(f"{said}.", inside, height, [("own", "of these sequences"), ("padding", how)])
