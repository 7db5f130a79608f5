"""Groups: which sequences come from one source, as a speaker, a patient, a document."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class Groups(NamedTuple):
    """The group of each sequence, as a number.

    Args:
        own: (n,) of what is trained on, or of all there is.
        held: (m,) of what is held out; None where nothing is, or its groups are not known.
        names: (groups,) as the caller calls them, by number.
    """

    own: Tensor
    held: Tensor | None
    names: tuple[str, ...]


def groups_of(
    own: Any, count: int, held: Any = None, held_count: int = 0, cut: int | None = None
) -> Groups:
    """The groups that a caller gives, one a sequence.

    Args:
        own: names or numbers: a list, an array, a frame's column.
        count: of sequences.
        held: the same of what is held out by itself.
        held_count: of its sequences.
        cut: where the last sequences begin that are held out of the same.

    Raises:
        ValueError: there is not one for each sequence.
    """
    first = _column(own, count, "groups")
    second = None if held is None else _column(held, held_count, "validation_groups")
    every = first if second is None else [*first, *second]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(every))}
    codes = torch.tensor([numbers[name] for name in every], dtype=torch.int64)
    at = count if cut is None else cut
    parts = codes[:at], codes[at:]
    known = second is not None or cut is not None
    return Groups(parts[0], parts[1] if known else None, tuple(map(str, numbers)))


def _column(given: Any, count: int, name: str) -> list[Any]:
    """One name or number a sequence."""
    given = given.detach().cpu() if isinstance(given, Tensor) else given
    found = np.array(list(given), dtype=object) if isinstance(given, (list, tuple)) else given
    found = np.asarray(found)
    if found.shape != (count,):
        got = f"{len(found):,}" if found.ndim == 1 else f"an array of shape {found.shape}"
        raise ValueError(
            f"examine: {name}: expected one for each of {count:,} sequences, got {got}."
        )
    names = found.tolist()
    missing = next((i for i, x in enumerate(names) if x is None or x != x), None)
    if missing is not None:
        raise ValueError(
            f"examine: {name}: expected one for each sequence, sequence {missing} has "
            f"{names[missing]}. What belongs to no other gets a name of its own."
        )
    return names
