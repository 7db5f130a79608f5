"""What was looked at, as far as pictures show it."""

from __future__ import annotations

from typing import NamedTuple

from ..probes import Reach

#: Of a slot: a step; padding that is left out; padding that is read as a step; a step that is left
#: out as if it were padding.
STEP, LEFT_OUT, READ, LOST = "step", "left out", "read", "lost"


class Share(NamedTuple):
    """How frequent a class is.

    Args:
        name: of the class.
        learnt: its share of the labels that are trained on.
        held: its share of those that are held out; None where nothing is.
    """

    name: str
    learnt: float
    held: float | None = None


class Told(NamedTuple):
    """A trained model's accuracy.

    Args:
        reported: what `evaluate` gives; None where there is none.
        honest: on real steps alone.
        nothing: of always the most frequent class.
        by_length: of the shortest third of the sequences to the longest.
    """

    reported: float | None
    honest: float
    nothing: float
    by_length: tuple[float, ...] = ()


class Seen(NamedTuple):
    """What was looked at.

    Args:
        lengths: of sequences.
        width: slots of the array that they came in; 0 where they came in none.
        cut: steps that are not in it, of how many, and of how many sequences; None if unknown.
        slots: a few sequences, what each slot is.
        places: which sequences these are.
        labels: how frequent the classes are, the most frequent first.
        reach: where a gradient falls; None where none was followed.
        scores: how often a trained model is right; None where that was not asked.
    """

    lengths: tuple[int, ...] = ()
    width: int = 0
    cut: tuple[int, int, int] | None = None
    slots: tuple[tuple[str, ...], ...] = ()
    places: tuple[int, ...] = ()
    labels: tuple[Share, ...] = ()
    reach: Reach | None = None
    scores: Told | None = None
