"""Which tag may follow which: BIO and BIOES, read from the tags' names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ... import arguments
from ...errors import look_up

# What a tag's letter may be.
_LETTERS = {"BIO": "BI", "IOB2": "BI", "BIOES": "BIES", "IOBES": "BIES"}
# Which letters go on with the span before; after which a span may be over.
_BIO, _BIOES = ({*"I"}, {*"OBI"}), ({*"IE"}, {*"OES"})
_AROUND = {"BIO": _BIO, "IOB2": _BIO, "BIOES": _BIOES, "IOBES": _BIOES}


class Allowed(NamedTuple):
    """What a scheme lets through.

    Args:
        start: (tags,) bool: whether a sequence may begin with it.
        between: (tags, tags) bool: whether the second may follow the first.
        end: (tags,) bool: whether a sequence may end with it.
    """

    start: Tensor
    between: Tensor
    end: Tensor


def split_tags(
    who: str, tags: Sequence[str], scheme: str, outside: Sequence[str] | str
) -> list[tuple[str, str]]:
    """The letter and the type of each tag: B and PER of "B-PER", O and nothing of those outside.

    Raises:
        ValueError: the scheme is not known, or a tag does not belong to it.
    """
    letters = look_up(who, "scheme", scheme, _LETTERS)
    outside = arguments.names(who, "outside", outside, alone=True)
    read: list[tuple[str, str]] = []
    for i, tag in enumerate(tags):
        letter, _, kind = tag.partition("-")
        if tag in outside:
            letter, kind = "O", ""
        elif letter not in letters or len(letter) != 1:
            known = ", ".join(f"{c}-type" for c in letters)
            raise ValueError(
                f"{who}: tag {i} is {tag!r}, but {scheme} has {known} and "
                f"{' or '.join(repr(o) for o in outside)}. Other tags that are part of no span: "
                f"outside={[*outside, tag]!r}."
            )
        read.append((letter, kind))
    return read


def allowed(who: str, tags: Sequence[str], scheme: str, outside: Sequence[str] | str) -> Allowed:
    """What the scheme lets through, of tags named "B-PER", "I-PER", "O".

    I-PER follows B-PER or I-PER. In BIOES, B-PER and I-PER are followed by I-PER or E-PER, and no
    sequence ends with them.

    Args:
        who: shown in errors.
        tags: their names, in order.
        scheme: "BIO", "IOB2", "BIOES" or "IOBES".
        outside: names of tags that are part of no span.

    Raises:
        ValueError: the scheme is not known, a tag does not belong to it, or no sequence may begin.
    """
    read = split_tags(who, tags, scheme, outside)
    going_on, over = _AROUND[scheme]

    def follows(before: tuple[str, str], tag: tuple[str, str]) -> bool:
        if tag[0] in going_on:
            return before[0] in {"B", "I"} and before[1] == tag[1]
        return before[0] in over

    start = [tag[0] not in going_on for tag in read]
    if not any(start):
        raise ValueError(
            f"{who}: no sequence may begin: all of {list(tags)!r} go on with a span in {scheme}."
        )
    return Allowed(
        torch.tensor(start),
        torch.tensor([[follows(before, tag) for tag in read] for before in read]),
        torch.tensor([tag[0] in over for tag in read]),
    )
