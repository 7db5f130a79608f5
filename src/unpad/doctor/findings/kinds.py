"""The closed list of what the doctor can find: how grave it is, and what it explains."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of mistake; its page is docs/doctor/ and its name with hyphens.

    Args:
        severity: "error", what comes out is wrong; "warning", almost surely a mistake; "note",
            worth a look, never told by `fit`.
        title: in a few words.
        explains: kinds that are seen too where this one is, and mended with it.
    """

    severity: str
    title: str
    explains: tuple[str, ...] = ()


#: How grave: the first is the worst.
SEVERITIES = ("error", "warning", "note")

KINDS: dict[str, Kind] = {
    # The data
    "reshaped": Kind("error", "a reshape where a transpose was meant", ("not masked",)),
    "turned": Kind("error", "time is the last axis", ("not masked",)),
    "standardised": Kind("warning", "scaled after padding"),
    "other padding": Kind("warning", "padded with another value than is masked"),
    "not masked": Kind("warning", "padding that nothing masks"),
    "class 0": Kind("warning", "a class kept free for padding"),
}


def page_of(kind: str) -> str:
    """The page that says more."""
    return f"docs/doctor/{kind.replace(' ', '-')}.md"
