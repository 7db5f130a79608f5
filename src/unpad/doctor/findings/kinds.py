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

# What a model that is trained on padding is seen to do as well.
_SEEN = ("padding", "padding content", "ignored steps", "batch mates", "padding counted")

KINDS: dict[str, Kind] = {
    # The data
    "reshaped": Kind("error", "a reshape where a transpose was meant", ("not masked", "holes")),
    "turned": Kind("error", "time is the last axis", ("not masked",)),
    "standardised": Kind("warning", "scaled after padding", _SEEN),
    "other padding": Kind("warning", "padded with another value than is masked", _SEEN),
    "not masked": Kind("warning", "padding that nothing masks", _SEEN),
    "class 0": Kind("warning", "a class kept free for padding"),
    "holes": Kind("note", "an id that is padding too", ("length tells", "labels lost")),
    "shifted": Kind("error", "labels shifted against the steps"),
    "shuffled": Kind("error", "labels of other sequences", ("shifted", "labels lost")),
    "labels lost": Kind("warning", "labels at slots that are masked"),
    "length tells": Kind("note", "lengths that tell the label"),
    "group tells": Kind("note", "groups that tell the label", ("length tells",)),
    "padding tells": Kind("warning", "padding that tells the label"),
    "empty": Kind("note", "sequences without a step"),
    "one id": Kind("warning", "nearly all steps hold one id"),
    "scaled twice": Kind("warning", "scaled twice by one scaler", ("other scale",)),
    "unknown ids": Kind("warning", "ids of which training knows nothing", ("one id",)),
    "back in time": Kind("warning", "times that go back"),
    "cut": Kind("note", "sequences that were cut"),
    "other end": Kind(
        "error", "x and y padded or cut at other ends", ("shifted", "shuffled", "labels lost")
    ),
    "out of reach": Kind("error", "targets that the last activation cannot give"),
    "unscaled targets": Kind(
        "warning", "targets far from where outputs begin", ("out of reach", "loss at start")
    ),
    "wrong loss": Kind("error", "a loss that takes something else", ("constant", "loss at start")),
    "unshuffled": Kind("warning", "sorted data that are not shuffled"),
    "rare class": Kind("note", "an accuracy that says nothing"),
    # The split
    "leak": Kind("error", "held-out sequences that are trained on", ("overlap",)),
    "shared groups": Kind("warning", "groups on both sides of the split", ("overlap",)),
    "overlap": Kind("error", "windows that overlap across the split"),
    "sorted": Kind(
        "warning", "the last of sorted data held out", ("other ids", "other scale", "unknown ids")
    ),
    "other labels": Kind("note", "other labels in the held-out part"),
    "other ids": Kind("warning", "other ids in the held-out part", ("unknown ids",)),
    "other scale": Kind("warning", "another scale in the held-out part"),
    "scaled on all": Kind("note", "a scaler that saw the held-out part"),
    "other lengths": Kind("note", "other lengths in the held-out part"),
    # The model
    "not repeatable": Kind("error", "another answer to the same question"),
    "batch mates": Kind(
        "error",
        "answers depend on the other sequences of a batch",
        ("order of the batch", "padding", "padding content"),
    ),
    "order of the batch": Kind("error", "answers depend on the place in the batch"),
    "padding": Kind(
        "error",
        "answers depend on the amount of padding",
        ("padding content", "ignored steps", "padding counted"),
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
    # The numbers
    "padding counted": Kind("error", "padding counted in a loss or metric"),
    "batch size": Kind("note", "a number that depends on batches"),
    "no better": Kind("note", "no better than the most frequent class"),
    # The training
    "loss at start": Kind("warning", "a loss that begins far above that of knowing nothing"),
    "cannot overfit": Kind("warning", "a few sequences that are not learnt by heart"),
    "frozen": Kind("warning", "weights that do not move", ("cannot overfit",)),
    "dead rows": Kind("note", "rows of an embedding that no id reads"),
    "gradients": Kind("note", "gradients that vanish or explode"),
    "without input": Kind("warning", "as good a score without the input"),
    "accumulation": Kind("warning", "accumulated batches are no one batch", ("batch size",)),
}


def page_of(kind: str) -> str:
    """The page that says more."""
    return f"docs/doctor/{kind.replace(' ', '-')}.md"
