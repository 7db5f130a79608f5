"""A question that was asked, and what was answered."""

from __future__ import annotations

from typing import NamedTuple


class Asked(NamedTuple):
    """One question that was asked.

    Args:
        name: of the check or law.
        answer: in a few words: "nothing", the kinds found, or why it could not be asked.
        number: that it rests on, where there is one.
        could: whether it could be asked.
    """

    name: str
    answer: str
    number: float | None = None
    could: bool = True
