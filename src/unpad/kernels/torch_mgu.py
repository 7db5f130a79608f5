"""The minimal gated unit's steps in torch's operators."""

from __future__ import annotations

import torch
from torch import Tensor

from .torch_walk import Back, Kept, Walk

_GATE, _CANDIDATE = slice(0, 1), slice(1, 2)


def step(walk: Walk, x: Tensor, h: Tensor, c: Tensor | None, kept: Tensor | None) -> None:
    """One time: of a step f h is kept."""
    f, candidate = x.split(h.shape[-1], -1)
    f += walk.product(h, _GATE)
    walk.rec.apply_(f)
    reset = f * h
    candidate += walk.product(reset, _CANDIDATE)
    walk.act.apply_(candidate)
    if kept is not None:
        kept.copy_(reset)
    h.copy_(h + f * (candidate - h))


def back(walk: Walk, kept: Kept) -> Back:
    """The way back: the gate has a part in the update and one in the reset."""
    gates, saved, h_before, _ = kept
    hidden = h_before.shape[-1]
    f, candidate = gates.split(hidden, -1)
    slope = walk.rec.slope(f)
    to_f = (candidate - h_before) * slope  # d h / d of what goes into f, by updating
    to_reset = h_before * slope  # and by resetting
    to_candidate = f * walk.act.slope(candidate)
    d_gates = torch.empty_like(gates)

    def step(now: slice, dh: Tensor, dc: Tensor | None) -> None:
        d_f, d_candidate = d_gates[:, now].split(hidden, -1)
        torch.mul(dh, to_candidate[:, now], out=d_candidate)
        d_reset = walk.pull_back(d_candidate, _CANDIDATE)  # of f h
        torch.mul(dh, to_f[:, now], out=d_f)
        d_f.addcmul_(d_reset, to_reset[:, now])
        through = dh * (1 - f[:, now]) + d_reset * f[:, now]
        dh.copy_(through + walk.pull_back(d_f, _GATE))

    return Back(step, d_gates, d_gates, [walk.masked(h_before, 0), walk.masked(saved, 1)])
