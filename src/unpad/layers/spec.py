"""What a layer takes and gives, known before there is data: the types on a model's edges."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..ragged import Ragged


@dataclass(frozen=True)
class Spec:
    """The type of a batch: a Ragged, or a dense tensor.

    Args:
        shape: of one step where ragged, else of one row of the batch; None is any size.
        ragged: whether it is a Ragged.
        dtype: of the values.
    """

    shape: tuple[int | None, ...]
    ragged: bool = False
    dtype: torch.dtype = torch.float32

    def __str__(self) -> str:
        axes = [("time" if n is None else str(n)) for n in self.shape]
        return f"({', '.join(['batch', *(['steps*'] if self.ragged else []), *axes])})"

    def with_last(self, size: int) -> Spec:
        """The same with another size of the last axis, as a matrix product gives it."""
        return Spec((*self.shape[:-1], size), self.ragged, self.dtype)


def spec_of(value: Ragged | Tensor) -> Spec:
    """The spec of an actual batch."""
    if isinstance(value, Ragged):
        return Spec(tuple(value.feature), True, value.dtype)
    return Spec(tuple(value.shape[1:]), False, value.dtype)
