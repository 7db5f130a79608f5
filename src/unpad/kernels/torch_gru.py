"""The GRU's steps in torch's operators, the reset gate after or before the recurrent product."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .torch_path import Walk

_ALL, _GATES, _CANDIDATE = slice(0, 3), slice(0, 2), slice(2, 3)


def forward(
    walk: Walk,
    gates: Tensor,
    h: Tensor,
    c: Tensor | None,
    outputs: Tensor,
    saved: Tensor | None,
    cell: str,
) -> None:
    """Walks: `gates` become the activated ones, `h` the final state.

    `saved` becomes what the reset gate meets: h U + b' of the candidate where it acts after the
    product, r h where it acts before.
    """
    hidden, after = h.shape[-1], cell == "gru"
    for now, n in walk.packing.times():
        x, before = gates[:, now], h[:, :n]
        inner = walk.product(before, _ALL if after else _GATES)
        if walk.shifts is not None:
            inner = inner + walk.shifts
        x[..., : 2 * hidden] += inner[..., : 2 * hidden]
        walk.rec.apply_(x[..., : 2 * hidden])
        z, r, n_gate = x.split(hidden, -1)
        if after:
            kept = inner[..., 2 * hidden :]
            n_gate.addcmul_(r, kept)
        else:
            kept = r * before
            n_gate += walk.product(kept, _CANDIDATE)
        walk.act.apply_(n_gate)
        if saved is not None:
            saved[:, now] = kept
        before.copy_(n_gate + z * (before - n_gate))
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
        the gradients of h U + b' and of x W + b, and the left operands of h U.
    """
    hidden, after = d_h.shape[-1], cell == "gru"
    z, r, n_gate = gates.split(hidden, -1)
    to_z = (h_before - n_gate) * walk.rec.slope(z)  # d h / d of what goes into z
    to_n = (1 - z) * walk.act.slope(n_gate)
    to_r = (saved if after else h_before) * walk.rec.slope(r)
    d_gates = torch.empty_like(gates)
    d_inner = torch.empty_like(gates) if after else d_gates
    for now, n in walk.packing.times_back():
        dh = d_h[:, :n].add_(d_out[:, now])
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
    return d_inner, d_gates, [*lefts, walk.masked(h_before if after else saved, 2)]
