"""What a layer puts into a file, for a class of one's own to change: Keras's four methods."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..ragged.numbers import to_numpy


class Stored:
    """A module whose numbers, and files beside them, a class of one's own may store otherwise."""

    @property
    def who(self) -> str:
        """How it is called in errors."""
        return type(self).__name__

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Puts its own weights and statistics into a file, without those of layers inside.

        Args:
            store: takes arrays by name; here by "0", "1", ..., those that are trained first.
        """
        for i, number in enumerate(own_numbers(self)):
            store[str(i)] = to_numpy(number).copy()

    @torch.no_grad()
    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Takes its own weights and statistics out of a file.

        Args:
            store: arrays by name, as `save_own_variables` put them there.

        Raises:
            ValueError: one is missing, or has another shape.
        """
        for i, number in enumerate(own_numbers(self)):
            array = np.array(store[str(i)]) if str(i) in store else None
            if array is None or array.shape != tuple(number.shape):
                got = "nothing" if array is None else str(array.shape)
                raise ValueError(
                    f"{self.who}: expected weight {i} as {tuple(number.shape)}, got {got}."
                )
            number.copy_(torch.as_tensor(array))

    def save_assets(self, inner_path: str) -> None:
        """Writes files that go into a `.keras` archive beside the weights; by default none.

        Args:
            inner_path: an empty folder.
        """

    def load_assets(self, inner_path: str) -> None:
        """Reads what `save_assets` wrote; asked where there is any.

        Args:
            inner_path: a folder with these files.
        """


def says(thing: Any, name: str) -> bool:
    """Whether the class of a layer stores something in its own way.

    Args:
        thing: any module.
        name: of one of the four methods.
    """
    return isinstance(thing, Stored) and getattr(type(thing), name) is not getattr(Stored, name)


def own_numbers(thing: Any) -> list[Tensor]:
    """A module's own weights and statistics, without those inside: what is trained comes first."""
    if not isinstance(thing, torch.nn.Module):
        return []
    weights = [(name, w) for name, w in thing._parameters.items() if w is not None]
    passing = thing._non_persistent_buffers_set
    kept_too = [b for name, b in thing._buffers.items() if b is not None and name not in passing]
    if not isinstance(thing, Stored):
        return [w for _, w in weights] + kept_too
    frozen: Any = getattr(thing, "_frozen", ())
    trained = [w for name, w in weights if w.requires_grad or name in frozen]
    return trained + [w for _, w in weights if not any(w is t for t in trained)] + kept_too
