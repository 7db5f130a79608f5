"""Pictures of data: lengths and what was cut, slots and what they are taken for, classes."""

from __future__ import annotations

from collections.abc import Sequence

from .drawing import WIDTH, bars, box, figure, words
from .seen import LEFT_OUT, LOST, READ, STEP, Seen, Share

_BINS = 24
_COLUMNS = 80
_FEW = 8
# What each slot is, and how high it stands in its row, so that colour is not all that tells.
_SLOTS = {
    STEP: ("own", 1.0, "steps"),
    LEFT_OUT: ("empty", 0.25, "padding, left out"),
    READ: ("padding", 1.0, "padding that is read as steps"),
    LOST: ("mates", 0.6, "steps that are left out as if they were padding"),
}


def columns_of(slots: int) -> list[range]:
    """The slots that each column of a picture shows: one each, or several where there are many."""
    per = -(-slots // _COLUMNS)
    return [range(i, min(i + per, slots)) for i in range(0, slots, per)]


def lengths(seen: Seen) -> str:
    """How many sequences are how long; nothing where that is not known, or they are few."""
    found = seen.lengths
    if len(found) < _FEW:
        return ""
    low, high = min(found), max(found)
    per = max(1, -(-(high - low + 1) // _BINS))
    counts = [0] * ((high - low) // per + 1)
    for n in found:
        counts[(n - low) // per] += 1
    most, wide = max(counts), WIDTH / len(counts)
    drawn = []
    for i, count in enumerate(counts):
        tall = 100 * count / most
        drawn.append(box("own", i * wide + 1, 120 - tall, max(1.0, min(wide, 80) - 2), tall))
    drawn += [words(f"{low} steps", 0, 137), words(f"{high} steps", WIDTH, 137, "end")]
    drawn.append(words(f"{most} sequence{'s' if most > 1 else ''}", 0, 14))
    said = f"{len(found):,} sequences of {low} to {high} steps, {sum(found) / len(found):.1f} on "
    said += "average" + (f", in an array of {seen.width} slots." if seen.width else ".")
    return figure(said, "".join(drawn), 142)


def cut(seen: Seen) -> str:
    """What was cut; nothing where nothing was, or that is not known."""
    if seen.cut is None or not seen.cut[0]:
        return ""
    lost, steps, sequences = seen.cut
    kept = 1 - lost / steps
    inside = box("own", 0, 0, kept * WIDTH, 20) + box("padding", kept * WIDTH, 0, WIDTH, 20)
    said = f"Of {steps:,} steps {lost:,} were cut, from {sequences:,} sequences."
    return figure(
        said, inside, 20, [("own", f"kept {kept:.0%}"), ("padding", f"cut {1 - kept:.0%}")]
    )


def slots(seen: Seen) -> str:
    """A few sequences, slot by slot; nothing where they came in no array."""
    if not seen.slots:
        return ""
    chosen = columns_of(len(seen.slots[0]))
    wide, drawn = (WIDTH - 60) / len(chosen), []
    rank = list(_SLOTS)
    for i, (place, row) in enumerate(zip(seen.places, seen.slots, strict=True)):
        y = 2 + 18 * i
        drawn.append(words(str(place), 44, y + 12, "end"))
        # Of several slots in a column the worst is shown.
        worst = [max((row[k] for k in some), key=rank.index) for some in chosen]
        for start, stop, kind in _runs(worst):
            name, high, _ = _SLOTS[kind]
            x, long = 56 + start * wide, (stop - start) * wide
            drawn.append(box(name, x, y + 14 * (1 - high), max(0.5, long - 1), 14 * high))
    flat = [kind for row in seen.slots for kind in row]
    there = [kind for kind in _SLOTS if kind in flat]
    share = ", ".join(f"{flat.count(k) / len(flat):.0%} {_SLOTS[k][2]}" for k in there)
    said = f"The slots of {len(seen.slots)} sequences: {share}."
    key = [(_SLOTS[kind][0], _SLOTS[kind][2]) for kind in there]
    return figure(said, "".join(drawn), 4 + 18 * len(seen.slots), key)


def _runs(row: Sequence[str]) -> list[tuple[int, int, str]]:
    """(start, stop, kind) of equal neighbours."""
    found: list[tuple[int, int, str]] = []
    for i, kind in enumerate(row):
        if found and found[-1][2] == kind:
            found[-1] = (found[-1][0], i + 1, kind)
        else:
            found.append((i, i + 1, kind))
    return found


def labels(shares: Sequence[Share]) -> str:
    """How frequent classes are, on both sides of a split where there is one."""
    if not shares:
        return ""
    held = shares[0].held is not None
    rows = []
    for s in shares:
        parts = [("own", s.learnt, f"{s.learnt:.1%}")]
        if s.held is not None:
            parts.append(("later", s.held, f"{s.held:.1%}"))
        rows.append((f"class {s.name}", parts))
    inside, height = bars(rows)
    most = shares[0]
    said = f"How frequent the classes are; class {most.name} has {most.learnt:.1%} of the labels"
    said += "." if most.held is None else f" in training and {most.held:.1%} in what is held out."
    key = [("own", "trained on"), ("later", "held out")] if held else []
    return figure(said, inside, height, key)
