"""The LSTM's steps in torch's operators; see `reference` for the equations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .torch_path import Walk

_ALL = slice(0, 4)


def forward(
    walk: Walk,
    gates: Tensor,
    h: Tensor,
    c: Tensor | None,
    outputs: Tensor,
    saved: Tensor | None,
    cell: str,
) -> None:
    """Walks: `gates` become the activated ones, `saved` the cells, `h` and `c` the final states."""
    assert c is not None
    hidden = h.shape[-1]
    for now, n in walk.packing.times():
        z = gates[:, now]
        z += walk.product(h[:, :n], _ALL)
        walk.rec.apply_(z[..., : 2 * hidden])
        walk.act.apply_(z[..., 2 * hidden : 3 * hidden])
        walk.rec.apply_(z[..., 3 * hidden :])
        i, f, g, o = z.split(hidden, -1)
        carry = c[:, :n].mul_(f).addcmul_(i, g)
        if saved is not None:
            saved[:, now] = carry
        torch.mul(o, walk.act.apply_(carry.clone()), out=h[:, :n])
        outputs[:, now] = h[:, :n]


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
    """Walks back: `d_h` and `d_c` become the initial states' gradients.

    Returns:
        the gradients of h U and of x W + b, which are one here, and the left operands of h U.
    """
    assert c_start is not None
    assert d_c is not None
    hidden, act, rec = d_h.shape[-1], walk.act, walk.rec
    # Everything that does not depend on the gradient, for all steps at once.
    i, f, g, o = gates.split(hidden, -1)
    c_before = walk.packing.before(c_start, saved)
    squashed = act.apply_(saved.clone())
    through_output = o * act.slope(squashed)  # d h / d c
    to_cell = torch.cat(
        [g * rec.slope(i), c_before * rec.slope(f), i * act.slope(g)], -1
    ).unflatten(-1, (3, hidden))  # d c / d z of the three gates that make the cell
    to_output = squashed * rec.slope(o)  # d h / d z_o
    d_gates = torch.empty_like(gates)
    for now, n in walk.packing.times_back():
        dh = d_h[:, :n].add_(d_out[:, now])
        dc = d_c[:, :n].addcmul_(dh, through_output[:, now])
        rows = d_gates[:, now]
        torch.mul(dh, to_output[:, now], out=rows[..., 3 * hidden :])
        rows[..., : 3 * hidden] = (to_cell[:, now] * dc.unsqueeze(-2)).flatten(-2)
        dc.mul_(f[:, now])
        dh.copy_(walk.pull_back(rows, _ALL))
    return d_gates, d_gates, [walk.masked(h_before, k) for k in range(4)]
