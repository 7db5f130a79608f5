"""Paths that torch differentiates by itself, where an operator wants a forward and a backward.

They keep nothing: the way back computes the way there again, in torch's operators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .cells import CELLS
from .weights import by_kind


class Whole(NamedTuple):
    """A path of the recurrent operator in torch's own operators.

    Args:
        compute: see `reference.recurrent`.
    """

    compute: Callable[..., tuple[Tensor, Tensor, Tensor]]

    def forward(
        self, values: Tensor, layout: Any, ids: Any, weights: Sequence[Tensor | None], *rest: Any
    ) -> tuple[Tensor, ...]:
        """As `compiled.forward`; what is kept is of the shapes that it has, and empty of sense."""
        h0, c0, mask, cell, activation, recurrent_activation, reverse, keep = rest
        with torch.no_grad():
            found = self.compute(
                cell, values, layout, *by_kind(weights), h0, c0, mask, activation,
                recurrent_activation, reverse,
            )  # fmt: skip
        if not (keep and CELLS[cell].keeps):
            return *found, values.new_empty(0), values.new_empty(0)
        hidden = found[1].shape[-1]
        steps = len(reverse), len(values)
        gates = values.new_zeros(*steps, CELLS[cell].gates * hidden)
        return *found, gates, values.new_zeros(*steps, hidden)

    def backward(self, *given: Any) -> list[Tensor | None]:
        """As `compiled.backward`."""
        gradients, (values, layout, _, weights), rest = given[:3], given[3:7], given[7:]
        h0, c0, mask, _, _, _, cell, activation, recurrent_activation, reverse, inputs = rest
        asked = [values, *weights, h0, c0]
        with torch.enable_grad():
            fresh = [None if t is None else t.detach().requires_grad_() for t in asked]
            again = self.compute(
                cell, fresh[0], layout, *by_kind(fresh[1:9]), *fresh[9:], mask, activation,
                recurrent_activation, reverse,
            )  # fmt: skip
            followed = [
                (out, d)
                for out, d in zip(again, gradients, strict=True)
                if d is not None and out.requires_grad
            ]
        there = [t for t in fresh if t is not None]
        found = [torch.zeros_like(t) for t in there]
        if followed:
            outputs, ds = zip(*followed, strict=True)
            of = torch.autograd.grad(outputs, there, ds, allow_unused=True)
            found = [z if g is None else g for g, z in zip(of, found, strict=True)]
        turn = iter(found)
        each = [None if t is None else next(turn) for t in fresh]
        return [each[0] if inputs else None, *each[1:]]
