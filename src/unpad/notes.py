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
    """What was noted of it, of what it is a view of, or of what it was copied from; else None.

    A copy is known by what it holds, as long as its original lives: some of its rows, or runs of
    its ids, all stand in one array that was noted. So are slices, permutations, other types, a
    tensor of an array, a Ragged of a list and the padded array of a Ragged. Of what was computed
    from it, of ids in another form, and of what is left of an original that is gone, nothing is.
    """
    held = _held(given)
    while isinstance(held, (np.ndarray, Tensor)):
        found = _of(held)
        if found is not None and kind in found:
            return found[kind]  # pyright: ignore[reportReturnType]
        held = held.base if isinstance(held, np.ndarray) else held._base
    return _of_original(_held(given), kind)


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


# Of a copy so many rows are looked up, in so many originals of so many numbers at most.
_ROWS, _ARRAYS, _NUMBERS = 3, 1_000, 20_000_000
# Rows of single numbers are looked up in runs of so many, half of which differ.
_RUN = 16


def _of_original(held: Any, kind: type[_N]) -> _N | None:
    """What was noted of the array that some of these rows stand in."""
    alive: dict[int, tuple[Any, list[np.ndarray]]] = {}
    for ref, notes in list(_NOTED.values()):
        if kind in notes and (original := _array(ref())) is not None:
            alive.setdefault(id(notes[kind]), (notes[kind], []))[1].append(original)
    own = _array(held) if alive else None
    rows = [] if own is None else _some_rows(own)
    for found, originals in alive.values():
        if len(originals) > _ARRAYS or sum(x.size for x in originals) > _NUMBERS:
            continue
        if rows and all(any(_stands(row, x) for x in originals) for row in rows):
            return found
    return None


def _array(held: Any) -> np.ndarray | None:
    if isinstance(held, Tensor):
        held = held.detach().cpu()
        held = (held.float() if held.is_floating_point() else held).numpy()
    numbers = isinstance(held, np.ndarray) and held.dtype.kind in "iuf" and held.ndim > 0
    return held if numbers else None


def _some_rows(x: np.ndarray) -> list[np.ndarray]:
    """A few rows that nothing else would hold by chance."""
    flat = x.reshape(-1, x.shape[-1]) if x.ndim > 1 else x
    count = len(flat) if x.ndim > 1 else len(flat) - _RUN + 1
    found = []
    for at in np.linspace(0, count - 1, min(max(count, 0), 64)).astype(int):
        row = flat[at] if x.ndim > 1 else flat[at : at + _RUN]
        # Of fractions a single one will do; zeros are padding's, and some ids stand anywhere.
        telling = (
            row.any() if x.dtype.kind == "f" else len(np.unique(row)) >= min(len(row), _RUN) / 2
        )
        found += [row] if telling and len(row) else []
        if len(found) == _ROWS:
            break
    return found


def _stands(row: np.ndarray, original: np.ndarray) -> bool:
    """Whether it is a row of the other, in any type of its kind."""
    if (row.dtype.kind == "f") != (original.dtype.kind == "f"):
        return False
    if original.ndim > 1:
        if original.shape[-1] != len(row):
            return False
        flat = original.reshape(-1, len(row))
        at = np.flatnonzero(_alike(flat[:, 0], row[0]))
        return bool(_alike(flat[at], row).all(1).any())
    at = np.flatnonzero(_alike(original[: len(original) - len(row) + 1], row[0]))
    return any(bool(_alike(original[i : i + len(row)], row).all()) for i in at[:1000])


def _alike(a: np.ndarray, b: Any) -> np.ndarray:
    return a.astype("f4") == np.asarray(b).astype("f4") if a.dtype.kind == "f" else a == b
