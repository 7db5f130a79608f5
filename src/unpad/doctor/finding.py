"""What the doctor found: what it is, how it shows, what mends it."""

from __future__ import annotations

from typing import NamedTuple


class DataWarning(UserWarning):
    """The data can be trained on, but hold what is almost surely a mistake."""


class Finding(NamedTuple):
    """A mistake in the data; as a string the line that a person is told.

    Args:
        kind: "reshaped", "turned", "standardised", "other padding", "not masked" or "class 0".
        what: it is.
        evidence: the numbers that show it, and the first sequence.
        cure: what to do.
    """

    kind: str
    what: str
    evidence: str
    cure: str

    def __str__(self) -> str:
        return f"{self.what} {self.evidence} {self.cure}"


def numbers(values: list[float], at_most: int = 4) -> str:
    """A few numbers in words."""
    shown = ", ".join(f"{v:.4g}" for v in values[:at_most])
    return f"[{shown}{', ...' if len(values) > at_most else ''}]"
