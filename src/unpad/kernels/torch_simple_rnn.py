"""The simple recurrent cell's steps in torch's operators."""

from __future__ import annotations

import torch
from torch import Tensor

from .torch_walk import Back, Kept, Walk

_ALL = slice(0, 1)


def step(walk: Walk, x: Tensor, h: Tensor, c: Tensor | None, kept: Tensor | None) -> None:
    """One time. The outputs are all that the way back needs."""
    x += walk.product(h, _ALL)
    h.copy_(walk.act.apply_(x))


def back(walk: Walk, kept: Kept) -> Back:
    """The way back; the gates that are kept are the outputs."""
    slope = walk.act.slope(kept.gates)
    d_gates = torch.empty_like(slope)

    def step(now: slice, dh: Tensor, dc: Tensor | None) -> None:
        torch.mul(dh, slope[:, now], out=d_gates[:, now])
        dh.copy_(walk.pull_back(d_gates[:, now], _ALL))

    return Back(step, d_gates, d_gates, [walk.masked(kept.h_before, 0)])
