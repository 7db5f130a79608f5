"""Generators, functions that make them, and other things that can be gone through."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...ragged import Ragged
from . import arrow, frames
from .columns import chosen
from .forms import Asked, Batches, Whole, unpacked
from .tokens import is_of_tokens, of_tokens


class Iterated(Batches):
    """Batches that come from going through something.

    Args:
        start: gives an iterator from the first batch on.
        called: in errors, as "the generator".
        once: whether it can be gone through only once.
        asked: what is known of the model.
        count: of batches, where it is known.
        endless: whether it is known that they never end.
    """

    def __init__(
        self,
        start: Callable[[], Any],
        called: str,
        once: bool,
        asked: Asked,
        count: int | None = None,
        endless: bool = False,
    ) -> None:
        self._start, self.called, self.once, self.count = start, called, once, count
        self._asked, self.endless = asked, endless
        self._before: int | None = None

    def read(self, epoch: int, draw: torch.Generator | None) -> Iterator[Any]:
        """Its items from the first on; what orders them by the epoch is told which it is.

        What counts how often it was gone through goes on counting from fit to fit: the first that
        is read here is its next.
        """
        made = self._start()
        if hasattr(made, "set_epoch"):
            before = self._before
            if before is None:
                before = self._before = max(0, getattr(made, "passes", 0) - epoch)
            made.set_epoch(before + epoch)
        return iter(made)

    def as_batch(self, item: Any) -> Whole:
        """An item as inputs, targets and weights."""
        return named(item, self._asked)


def named(item: Any, asked: Asked) -> Whole:
    """An item as x, (x, y) or (x, y, weight); of columns by their names, those that are wanted."""
    if is_of_tokens(item):
        return of_tokens(item, asked)
    for table in (arrow.arrow, frames.pandas, frames.polars):
        if isinstance(found := table(item, asked), Whole):
            return found
    if isinstance(item, dict) and (asked.columns is not None or not _only_inputs(item, asked)):
        return chosen(list(item), item.__getitem__, asked)
    whole = unpacked(item)
    if isinstance(whole.x, tuple) and len(whole.x) != 1 and not asked.several:
        return whole._replace(x=list(whole.x))
    return whole


def _only_inputs(item: dict[str, Any], asked: Asked) -> bool:
    return asked.inputs is not None and set(item) <= set(asked.inputs)


def iterator(x: Any, asked: Asked) -> Batches | None:
    """A generator, `map`, `zip`: what has begun and can be gone through once."""
    if not isinstance(x, Iterator):
        return None
    called = "the generator" if inspect.isgenerator(x) else f"the {type(x).__name__}"
    return Iterated(lambda: x, called, True, asked)


def function(x: Any, asked: Asked) -> Batches | None:
    """A function that makes a generator, or another thing that can be gone through."""
    if not callable(x) or isinstance(x, type) or hasattr(x, "__iter__"):
        return None
    called = f"{getattr(x, '__name__', type(x).__name__)}()"

    def start() -> Any:
        made = x()
        if not hasattr(made, "__iter__"):
            raise ValueError(
                f"{asked.who}: expected {called} to give something to go through, as a generator "
                f"of batches, got {type(made).__name__}."
            )
        return made

    return Iterated(start, called, False, asked)


def pairs(x: Any, asked: Asked) -> Batches | None:
    """A list of (x, y) or (x, y, weight); where no y is wanted, a tuple may also be a sequence."""
    if not (isinstance(x, list) and x):
        return None
    if not all(type(item) is tuple and len(item) in (2, 3) for item in x):
        return None
    first = x[0][0]
    if not isinstance(first, (list, dict, Tensor, Ragged)) and not hasattr(first, "__array__"):
        return None
    if not (asked.targets or _is_batch(first)):
        return None
    return Iterated(lambda: x, "the list of batches", False, asked, len(x))


def _is_batch(x: Any) -> bool:
    """Whether it is several sequences, and cannot be a vector."""
    if isinstance(x, list):
        return bool(x) and not isinstance(x[0], (bool, int, float, str, bytes, np.generic))
    return isinstance(x, (dict, Ragged))


def columns_by_name(x: Any, asked: Asked) -> Whole | None:
    """A dict of columns, where it is said which are what; a list of dicts says too little."""
    if isinstance(x, list) and x and all(isinstance(item, dict) for item in x):
        raise ValueError(
            f"{asked.who}: got a list of dicts. Where each is a row: pyarrow.Table.from_pylist(x), "
            "and columns=...; where each is a batch: iter(x)."
        )
    return named(x, asked) if isinstance(x, dict) and asked.columns is not None else None


def iterable(x: Any, asked: Asked) -> Batches | None:
    """Anything else that can be gone through again and again."""
    array = hasattr(x, "__array__") or hasattr(x, "__arrow_array__")
    if array or isinstance(x, (str, bytes, list, tuple, dict, set, frozenset, range)):
        return None
    if not hasattr(x, "__iter__") or type(x).__name__.startswith("dict_"):
        return None
    try:
        count = len(x)
    except TypeError:  # it has none, or does not know it before its end
        count = None
    endless = hasattr(x, "cardinality") and x.cardinality() == -1
    return Iterated(lambda: x, f"the {type(x).__name__}", False, asked, count, endless)
