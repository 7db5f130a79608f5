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
    # The model
    "not repeatable": Kind("error", "another answer to the same question"),
    "batch mates": Kind(
        "error",
        "answers depend on the other sequences of a batch",
        ("order of the batch", "padding", "padding content"),
    ),
    "order of the batch": Kind("error", "answers depend on the place in the batch"),
    "padding": Kind(
        "error", "answers depend on the amount of padding", ("padding content", "ignored steps")
    ),
    "padding content": Kind("warning", "answers depend on what padding holds"),
    "not finite": Kind("error", "outputs that are no numbers", ("padding", "batch mates")),
    "softmax axis": Kind(
        "error",
        "a softmax over the wrong axis",
        ("batch mates", "order of the batch", "padding", "padding content", "future"),
    ),
    "constant": Kind("warning", "the same answer to everything"),
    "ignored steps": Kind("note", "steps that move nothing"),
    "future": Kind("error", "answers depend on later steps"),
}


def page_of(kind: str) -> str:
    """The page that says more."""
    return f"docs/doctor/{kind.replace(' ', '-')}.md"
