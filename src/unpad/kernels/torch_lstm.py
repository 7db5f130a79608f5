"""The LSTM's steps in torch's operators; see `reference` for the equations."""

from __future__ import annotations

import torch
from torch import Tensor

from .torch_walk import Back, Kept, Walk

_ALL = slice(0, 4)


def step(walk: Walk, x: Tensor, h: Tensor, c: Tensor | None, kept: Tensor | None) -> None:
    """One time: of a step the cell c is kept."""
    assert c is not None
    hidden = h.shape[-1]
    x += walk.product(h, _ALL)
    walk.rec.apply_(x[..., : 2 * hidden])
    walk.act.apply_(x[..., 2 * hidden : 3 * hidden])
    walk.rec.apply_(x[..., 3 * hidden :])
    i, f, g, o = x.split(hidden, -1)
    c.mul_(f).addcmul_(i, g)
    if kept is not None:
        kept.copy_(c)
    torch.mul(o, walk.act.apply_(c.clone()), out=h)


def back(walk: Walk, kept: Kept) -> Back:
    """The way back; what does not depend on the gradient is worked out for all steps at once."""
    gates, saved, h_before, c_before = kept
    assert c_before is not None
    hidden, act, rec = h_before.shape[-1], walk.act, walk.rec
    i, f, g, o = gates.split(hidden, -1)
    squashed = act.apply_(saved.clone())
    through_output = o * act.slope(squashed)  # d h / d c
    to_cell = torch.cat(
        [g * rec.slope(i), c_before * rec.slope(f), i * act.slope(g)], -1
    ).unflatten(-1, (3, hidden))  # d c / d z of the three gates that make the cell
    to_output = squashed * rec.slope(o)  # d h / d z_o
    d_gates = torch.empty_like(gates)

    def step(now: slice, dh: Tensor, dc: Tensor | None) -> None:
        assert dc is not None
        dc.addcmul_(dh, through_output[:, now])
        rows = d_gates[:, now]
        torch.mul(dh, to_output[:, now], out=rows[..., 3 * hidden :])
        rows[..., : 3 * hidden] = (to_cell[:, now] * dc.unsqueeze(-2)).flatten(-2)
        dc.mul_(f[:, now])
        dh.copy_(walk.pull_back(rows, _ALL))

    return Back(step, d_gates, d_gates, [walk.masked(h_before, k) for k in range(4)])
