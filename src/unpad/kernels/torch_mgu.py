"""The minimal gated unit's steps in torch's operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .torch_path import Walk

_GATE, _CANDIDATE = slice(0, 1), slice(1, 2)


def forward(
    walk: Walk,
    gates: Tensor,
    h: Tensor,
    c: Tensor | None,
    outputs: Tensor,
    saved: Tensor | None,
    cell: str,
) -> None:
    """Walks: `gates` become the activated ones, `saved` f h, and `h` the final state."""
    hidden = h.shape[-1]
    for now, n in walk.packing.times():
        before = h[:, :n]
        f, candidate = gates[:, now].split(hidden, -1)
        f += walk.product(before, _GATE)
        walk.rec.apply_(f)
        kept = f * before
        candidate += walk.product(kept, _CANDIDATE)
        walk.act.apply_(candidate)
        if saved is not None:
            saved[:, now] = kept
        before.copy_(before + f * (candidate - before))
        outputs[:, now] = before


def backward(
    walk: Walk,
    gates: Tensor,
    saved: Tensor,
    h_before: Tensor,
    c_start: Tensor | None,
    d_out: Tensor,
    d_h: Tensor,
    d_c: Tensor | None,
    cell: str,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Walks back: `d_h` becomes the initial state's gradient.

    Returns:
        the gradients of h U and of x W + b, which are one here, and the left operands of h U.
    """
    hidden = d_h.shape[-1]
    f, candidate = gates.split(hidden, -1)
    slope = walk.rec.slope(f)
    to_f = (candidate - h_before) * slope  # d h / d of what goes into f, by updating
    to_reset = h_before * slope  # and by resetting
    to_candidate = f * walk.act.slope(candidate)
    d_gates = torch.empty_like(gates)
    for now, n in walk.packing.times_back():
        dh = d_h[:, :n].add_(d_out[:, now])
        d_f, d_candidate = d_gates[:, now].split(hidden, -1)
        torch.mul(dh, to_candidate[:, now], out=d_candidate)
        d_reset = walk.pull_back(d_candidate, _CANDIDATE)  # of f h
        torch.mul(dh, to_f[:, now], out=d_f)
        d_f.addcmul_(d_reset, to_reset[:, now])
        through = dh * (1 - f[:, now]) + d_reset * f[:, now]
        dh.copy_(through + walk.pull_back(d_f, _GATE))
    return d_gates, d_gates, [walk.masked(h_before, 0), walk.masked(saved, 1)]
