"""The state of a training: all that a run must not lose, as one value.

What a fit is made of (the model, the optimiser, sums, callbacks, streams of random numbers, its
place) is `Kept`: each gives what it must not lose as data and tensors, and takes it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..configured import arguments_of
from ..formats.checkpoint import Stored
from ..ranks import ALONE, Ranks

# Where in a state that stands of which each process has its own.
_OF_RANKS = "ranks"


class Kept:
    """What has something to lose, under torch's own pair of names."""

    #: Whether each process that works on the model has another, and not all the same.
    of_each = False

    def state_dict(self) -> dict[str, Any]:
        """What must not be lost: numbers, words, tensors, and lists and dicts of them."""
        raise NotImplementedError

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Takes it back."""
        raise NotImplementedError

    def check(self, state_dict: dict[str, Any], /) -> None:
        """Raises ValueError where it belongs to something else: "is of ...", said of the state."""


class AddsUp(Kept):
    """What adds up batches: in each process those that it has seen."""

    of_each = True

    def merged(self, states: Sequence[dict[str, Any]], /) -> dict[str, Any]:
        """What several processes have added up together, as one state."""
        raise NotImplementedError


@dataclass(frozen=True)
class State:
    """A training at one moment.

    Args:
        parts: what each part of a fit has to lose, by the part's name.
    """

    parts: Mapping[str, dict[str, Any]]

    @classmethod
    def of(cls, kept: Mapping[str, Kept], ranks: Ranks = ALONE) -> State:
        """The state of these parts, as they are now; tensors are theirs, not copies.

        Of what each process has another of, all are in it; every process must ask.
        """
        parts = {name: part.state_dict() for name, part in kept.items()}
        if not ranks.alone:
            mine = {name: parts[name] for name, part in kept.items() if part.of_each}
            parts[_OF_RANKS] = {str(i): found for i, found in enumerate(ranks.gather(mine))}
        return cls(parts)

    def check(self, kept: Mapping[str, Kept]) -> None:
        """Raises ValueError where a part is of something else, as another model, or is missing."""
        for name, part in kept.items():
            if name not in self.parts:
                raise ValueError(f"says nothing of {name!r}: another version of unpad wrote it")
            part.check(self.parts[name])

    def into(self, kept: Mapping[str, Kept], ranks: Ranks = ALONE) -> None:
        """Gives each part back what it had, in their order; to be checked first."""
        mine = (
            self.parts if ranks.alone else {**self.parts, **self.parts[_OF_RANKS][str(ranks.rank)]}
        )
        for name, part in kept.items():
            part.load_state_dict(mine[name])

    def to_data(self) -> Stored:
        """As a structure that JSON can hold, and tensors by the place where they stand in it.

        Raises:
            TypeError: something is neither data nor a tensor; the text says where it stands.
        """
        return taken_apart(dict(self.parts))

    @classmethod
    def from_data(cls, stored: Stored) -> State:
        """The same state again."""
        return cls(put_together(stored))


# --- values to data and back ---------------------------------------------------------------------

# What JSON does not know stands in a dict of one of these.
_TENSOR, _ARRAY, _TUPLE, _PAIRS, _NUMBER = "$tensor", "$array", "$tuple", "$pairs", "$number"


def taken_apart(value: Any) -> Stored:
    """Any nest of data, tensors and arrays as a structure for JSON, and the tensors by name.

    Raises:
        TypeError: something in it is none of these.
    """
    tensors: dict[str, Tensor] = {}

    def tensor(given: Tensor, where: str) -> str:
        name = where or "tensor"
        while name in tensors:
            name += "'"
        tensors[name] = given
        return name

    def apart(value: Any, where: str) -> Any:
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if isfinite(value) else {_NUMBER: str(value)}
        if isinstance(value, Tensor):
            return {_TENSOR: tensor(value, where)}
        if isinstance(value, (np.generic, np.ndarray)) and value.dtype.kind in "biufc":
            if isinstance(value, np.generic):
                return apart(value.item(), where)
            return {_ARRAY: tensor(torch.from_numpy(np.ascontiguousarray(value)), where)}
        if isinstance(value, (list, tuple)):
            parts = [apart(v, f"{where}.{i}" if where else str(i)) for i, v in enumerate(value)]
            return parts if isinstance(value, list) else {_TUPLE: parts}
        if isinstance(value, Mapping):
            parts = {k: apart(v, f"{where}.{k}" if where else str(k)) for k, v in value.items()}
            if all(isinstance(k, str) and not k.startswith("$") for k in parts):
                return parts
            return {_PAIRS: [[apart(k, where), v] for k, v in parts.items()]}
        raise TypeError(
            f"{where}: a {type(value).__name__} cannot be kept in a state, which holds numbers, "
            "words, tensors, and lists and dicts of them."
        )

    return Stored(apart(value, ""), tensors)


def put_together(stored: Stored) -> Any:
    """The inverse."""

    def together(value: Any) -> Any:
        if isinstance(value, list):
            return [together(v) for v in value]
        if not isinstance(value, dict):
            return value
        kind: Any
        content: Any
        kind, content = next(iter(value.items()), ("", None))
        if kind == _TENSOR:
            return stored.tensors[content]
        if kind == _ARRAY:
            return stored.tensors[content].numpy()
        if kind == _TUPLE:
            return tuple(map(together, content))
        if kind == _PAIRS:
            return {together(k): together(v) for k, v in content}
        if kind == _NUMBER:
            return float(content)
        return {k: together(v) for k, v in value.items()}

    return together(stored.structure)


# --- attributes ----------------------------------------------------------------------------------


def attributes_kept(thing: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """What an object has to lose where it does not say: its attributes that are data.

    Its constructor's arguments are not among them: who makes it anew gives them. An attribute that
    keeps a state by itself, as a schedule of torch's, is asked for it; what is neither is left out.

    Args:
        thing: any object.
        without: attributes that are somebody else's.
    """
    return dict(_attributes(thing, {*without, *arguments_of(type(thing))}))


def _attributes(thing: Any, without: set[str]) -> Iterator[tuple[str, Any]]:
    for name, value in vars(thing).items():
        if name in without:
            continue
        if _keeps(value):
            yield name, value.state_dict()
            continue
        try:
            taken_apart(value)
        except TypeError:
            continue
        yield name, value


def give_back_attributes(thing: Any, state: Mapping[str, Any]) -> None:
    """Sets them again; a dict or list that is there is filled anew, whoever else holds it."""
    for name, value in state.items():
        now = vars(thing).get(name)
        if _keeps(now):
            now.load_state_dict(value)
        elif isinstance(now, dict) and isinstance(value, dict):
            now.clear()
            now.update(value)
        elif isinstance(now, list) and isinstance(value, list):
            now[:] = value
        else:
            setattr(thing, name, value)


def _keeps(value: Any) -> bool:
    asked = ("state_dict", "load_state_dict")
    return not isinstance(value, type) and all(callable(getattr(value, n, None)) for n in asked)
