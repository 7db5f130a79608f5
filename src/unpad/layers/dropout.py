"""Dropout, and the draws that recurrent layers make once a sequence."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import refuse
from .layer import TokenWise


class Dropout(TokenWise):
    """In training, sets entries to 0 with this rate and scales up the rest; else does nothing.

    Shapes stay as they are; every entry of every real step is drawn by itself.

    Args:
        rate: share of the entries that are dropped, from 0 to 1.
        seed: of a generator of the layer's own; by default torch's.
    """

    def __init__(
        self, rate: float, noise_shape: None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        refuse(self.who, noise_shape=noise_shape)
        self.rate = checked_rate(rate, "rate", self.who)
        self.noise_shape = None
        self.seed = seed
        self._draw = Draw(seed)

    def on_values(self, values: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return values
        if self.seed is None:
            return F.dropout(values, self.rate)
        return values * self._draw.keep(tuple(values.shape), self.rate, values)


class Draw:
    """Random masks from a generator with a seed of its own, or from torch's."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed
        self._generator: torch.Generator | None = None

    def keep(self, shape: tuple[int, ...], rate: float, like: Tensor) -> Tensor:
        """0 with this rate, else 1 / (1 - rate)."""
        mask = like.new_empty(shape)
        if rate >= 1:
            return mask.zero_()
        if self.seed is not None and self._generator is None:
            self._generator = torch.Generator(like.device).manual_seed(self.seed)
        return mask.bernoulli_(1 - rate, generator=self._generator).div_(1 - rate)

    def __getstate__(self) -> dict[str, Any]:
        # A generator can be neither pickled nor copied; its place in the stream can.
        place = None if self._generator is None else self._generator.get_state()
        device = None if self._generator is None else self._generator.device
        return {"seed": self.seed, "place": place, "device": device}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["seed"])
        if state["place"] is not None:
            self._generator = torch.Generator(state["device"])
            self._generator.set_state(state["place"])


def checked_rate(rate: float, what: str, who: str) -> float:
    """The rate, if it is a number from 0 to 1."""
    if not 0 <= rate <= 1:
        raise ValueError(f"{who}: expected {what} from 0 to 1, got {rate!r}.")
    return float(rate)
