"""What was cut, not known or scaled, noted beside what was made of it for as long as that lives."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple, TypeVar

import numpy as np
from torch import Tensor

from .ragged import Ragged


class Cut(NamedTuple):
    """What became of sequences in a padded array.

    Args:
        by: who cut: "pad_sequences" or "TextVectorization".
        steps: that were given, in all.
        cut: of them that are not in the array.
        sequences: of which something was cut.
        padded: how many sequences were padded.
        padding: "pre" or "post".
        truncating: "pre" or "post".
    """

    by: str
    steps: int
    cut: int
    sequences: int
    padded: int
    padding: str
    truncating: str


class Words(NamedTuple):
    """How many words of texts a vocabulary has.

    Args:
        words: that became ids.
        unknown: of them that are not in the vocabulary.
    """

    words: int
    unknown: int


class Fitted:
    """What an estimator was fitted on; another fit is another, on the same data too.

    Args:
        by: the estimator's name.
        steps: real ones; 0 where it came fitted.
        mean: (columns,) of these; None where it came fitted.
        deviation: (columns,) of these, likewise.
    """

    def __init__(
        self,
        by: str,
        steps: int = 0,
        mean: np.ndarray | None = None,
        deviation: np.ndarray | None = None,
    ) -> None:
        self.by, self.steps, self.mean, self.deviation = by, steps, mean, deviation


class Scaled(NamedTuple):
    """What was scaled.

    Args:
        fitted: by which means.
        steps: real ones.
        times: how often the same estimator was applied.
    """

    fitted: Fitted
    steps: int
    times: int


Note = Cut | Words | Scaled
_N = TypeVar("_N", bound=Note)
_NOTED: dict[int, tuple[weakref.ref[Any], dict[type, Note]]] = {}


def note(made: Any, *notes: Note) -> None:
    """Notes these of an array, a tensor, a Ragged or a list of such, for as long as it lives."""
    if isinstance(made, (list, tuple)):
        for part in made:
            note(part, *notes)
        return
    held = _held(made)
    key, found = id(held), _of(held)
    if found is None:
        found = {}
        _NOTED[key] = (weakref.ref(held, lambda _: _NOTED.pop(key, None)), found)
    found.update((type(n), n) for n in notes)


def noted(given: Any, kind: type[_N]) -> _N | None:
    """What was noted of it, or of what it is a view of; else None."""
    held = _held(given)
    while isinstance(held, (np.ndarray, Tensor)):
        found = _of(held)
        if found is not None and kind in found:
            return found[kind]  # pyright: ignore[reportReturnType]
        held = held.base if isinstance(held, np.ndarray) else held._base
    return None


def _of(held: Any) -> dict[type, Note] | None:
    there = _NOTED.get(id(held))
    return None if there is None or there[0]() is not held else there[1]


def _held(given: Any) -> Any:
    """The numbers: of a Ragged its steps, of a list the first that it holds."""
    while isinstance(given, (list, tuple)) and len(given):
        given = given[0]
    while isinstance(given, Ragged):
        given = given.values
    return given
