"""The simple recurrent cell's steps in torch's operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .torch_path import Walk

_ALL = slice(0, 1)


def forward(
    walk: Walk,
    gates: Tensor,
    h: Tensor,
    c: Tensor | None,
    outputs: Tensor,
    saved: Tensor | None,
    cell: str,
) -> None:
    """Walks: `h` becomes the final state. The outputs are all that the way back needs."""
    for now, n in walk.packing.times():
        z = gates[:, now]
        z += walk.product(h[:, :n], _ALL)
        h[:, :n] = walk.act.apply_(z)
        outputs[:, now] = z


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
    """Walks back: `d_h` becomes the initial state's gradient. `gates` are the outputs, packed.

    Returns:
        the gradients of h U and of x W + b, which are one here, and the left operand of h U.
    """
    slope = walk.act.slope(gates)
    d_gates = torch.empty_like(slope)
    for now, n in walk.packing.times_back():
        dh = d_h[:, :n].add_(d_out[:, now])
        torch.mul(dh, slope[:, now], out=d_gates[:, now])
        dh.copy_(walk.pull_back(d_gates[:, now], _ALL))
    return d_gates, d_gates, [walk.masked(h_before, 0)]
