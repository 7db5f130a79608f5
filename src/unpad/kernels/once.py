"""Gradients that cannot be differentiated again, and say so when somebody tries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def once(why: str, found: Sequence[Tensor | None], of: Sequence[Tensor | None] = ()) -> list[Any]:
    """These gradients, whose own derivative is an error.

    Args:
        why: the error.
        found: the gradients.
        of: what they hang on.
    """
    there = [d for d in found if d is not None]
    marked = iter(_Once.apply(why, len(there), *there, *of))
    return [None if d is None else next(marked) for d in found]


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, why: str, count: int, *tensors: Any) -> tuple:
        ctx.why = why
        return tuple(t.view_as(t) for t in tensors[:count])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise RuntimeError(ctx.why)
