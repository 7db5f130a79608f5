"""What the paths of the recurrent operator decide by."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from . import around
from .activations import KNOWN

Function = Callable[[Tensor], Tensor]


class Call(NamedTuple):
    """A recurrent call, as far as a path may hang on it.

    Args:
        cell: its name.
        values: (steps, feature).
        activation: a name in `KNOWN`, or a function of one's own.
        recurrent_activation: the same, of the gates.
        mask: of recurrent dropout, or None.
        transform: see `around.transform`.
        rounded: see `around.rounded`.
    """

    cell: str
    values: Tensor
    activation: str | Function
    recurrent_activation: str | Function
    mask: Tensor | None
    transform: str | None
    rounded: bool = False

    def refused(self) -> str | None:
        """Why kernels with a derivative of their own cannot take it; None where they can."""
        if self.transform is not None:
            return around.within(self.transform)
        for given in (self.activation, self.recurrent_activation):
            if given not in KNOWN:
                return f"it knows the activations {', '.join(KNOWN)}, not {name_of(given)}"
        return None


def name_of(activation: str | Function) -> str:
    """An activation as a person knows it."""
    return (
        activation
        if isinstance(activation, str)
        else getattr(activation, "__name__", type(activation).__name__)
    )
