"""Which tag may follow which: BIO and BIOES, read from the tags' names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import look_up

# The letters of tags inside a span: those that begin one, those that go on, those that end one.
_SCHEMES = {
    "BIO": ("B", "I", "BI"),
    "IOB2": ("B", "I", "BI"),
    "BIOES": ("BS", "IE", "ES"),
    "IOBES": ("BS", "IE", "ES"),
}


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


def allowed(who: str, tags: Sequence[str], scheme: str, outside: Sequence[str]) -> Allowed:
    """What the scheme lets through, of tags named "B-PER", "I-PER", "O".

    I-PER follows B-PER or I-PER. In BIOES, B-PER and I-PER are followed by I-PER or E-PER too, and
    no sequence ends with them.

    Raises:
        ValueError: the scheme is not known, a tag does not belong to it, or no sequence may begin.
    """
    begin, go_on, may_end = look_up(who, "scheme", scheme, _SCHEMES)
    kinds: list[str | None] = []
    letters: list[str] = []
    for i, tag in enumerate(tags):
        letter, _, kind = tag.partition("-")
        if tag in outside:
            letters.append("")
            kinds.append(None)
            continue
        if len(letter) != 1 or letter not in begin + go_on:
            known = ", ".join(f"{c}-type" for c in sorted({*begin, *go_on}))
            raise ValueError(
                f"{who}: tag {i} is {tag!r}, but {scheme} has {known} and "
                f"{' or '.join(repr(o) for o in outside)}. Other tags that are part of no span: "
                f"outside={[*outside, tag]!r}."
            )
        letters.append(letter)
        kinds.append(kind)
    continues = torch.tensor([c in go_on and c != "" for c in letters], dtype=torch.bool)
    # After these the span may go on; in BIOES it must.
    is_open = torch.tensor([c in ("B", "I") for c in letters], dtype=torch.bool)
    ends = torch.tensor([c == "" or c in may_end for c in letters], dtype=torch.bool)
    same = torch.tensor([[a is not None and a == b for b in kinds] for a in kinds])
    goes_on = is_open[:, None] & continues & same.reshape(len(letters), -1)
    if len(letters) and bool(continues.all()):
        raise ValueError(
            f"{who}: no sequence may begin: all of {list(tags)!r} go on with a span in {scheme}."
        )
    return Allowed(~continues, goes_on | (ends[:, None] & ~continues), ends)
