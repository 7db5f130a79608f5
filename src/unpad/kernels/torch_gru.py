"""The GRU's steps in torch's operators, the reset gate after or before the recurrent product."""

from __future__ import annotations

import torch
from torch import Tensor

from .torch_walk import Back, Kept, Walk

_ALL, _GATES, _CANDIDATE = slice(0, 3), slice(0, 2), slice(2, 3)


class Gru:
    """The equations of a GRU.

    Args:
        after: whether the reset gate acts after the product h U + b', which is then kept of the
            candidate's; before it r h is.
    """

    def __init__(self, after: bool) -> None:
        self.after = after

    def step(self, walk: Walk, x: Tensor, h: Tensor, c: Tensor | None, kept: Tensor | None) -> None:
        """One time: of a step what the reset gate meets is kept."""
        hidden = h.shape[-1]
        inner = walk.product(h, _ALL if self.after else _GATES)
        if walk.shifts is not None:
            inner = inner + walk.shifts
        x[..., : 2 * hidden] += inner[..., : 2 * hidden]
        walk.rec.apply_(x[..., : 2 * hidden])
        z, r, n_gate = x.split(hidden, -1)
        if self.after:
            met = inner[..., 2 * hidden :]
            n_gate.addcmul_(r, met)
        else:
            met = r * h
            n_gate += walk.product(met, _CANDIDATE)
        walk.act.apply_(n_gate)
        if kept is not None:
            kept.copy_(met)
        h.copy_(n_gate + z * (h - n_gate))

    def back(self, walk: Walk, kept: Kept) -> Back:
        """The way back."""
        after, (gates, saved, h_before, _) = self.after, kept
        hidden = h_before.shape[-1]
        z, r, n_gate = gates.split(hidden, -1)
        to_z = (h_before - n_gate) * walk.rec.slope(z)  # d h / d of what goes into z
        to_n = (1 - z) * walk.act.slope(n_gate)
        to_r = (saved if after else h_before) * walk.rec.slope(r)
        d_gates = torch.empty_like(gates)
        d_inner = torch.empty_like(gates) if after else d_gates

        def step(now: slice, dh: Tensor, dc: Tensor | None) -> None:
            rows = d_gates[:, now]
            dz, dr, dn = rows.split(hidden, -1)
            torch.mul(dh, to_z[:, now], out=dz)
            torch.mul(dh, to_n[:, now], out=dn)
            through = dh * z[:, now]
            if after:
                torch.mul(dn, to_r[:, now], out=dr)
                inner = d_inner[:, now]
                inner[..., : 2 * hidden] = rows[..., : 2 * hidden]
                torch.mul(dn, r[:, now], out=inner[..., 2 * hidden :])
                dh.copy_(through + walk.pull_back(inner, _ALL))
            else:
                d_reset = walk.pull_back(dn, _CANDIDATE)  # of r h
                torch.mul(d_reset, to_r[:, now], out=dr)
                through += d_reset * r[:, now]
                dh.copy_(through + walk.pull_back(rows[..., : 2 * hidden], _GATES))

        lefts = [walk.masked(h_before, k) for k in range(2)]
        return Back(step, d_inner, d_gates, [*lefts, walk.masked(h_before if after else saved, 2)])


RESET_AFTER, RESET_BEFORE = Gru(True), Gru(False)
