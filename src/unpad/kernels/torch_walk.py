"""What a cell walks with in torch's operators, and the two walks, which are the same for all.

A cell's file has its equations alone: `step`, one time forward, and `back`, which gives one time
back. Arrays lie in packed order, (directions, rows, ...).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .activations import Activation
from .packing import Packing


class Walk(NamedTuple):
    """What a cell walks with; all arrays in packed order, all states sorted longest first."""

    packing: Packing
    weights: Tensor  # (directions, hidden, gates * hidden)
    shifts: Tensor | None  # (directions, 1, 3 * hidden), the recurrent biases
    mask: Tensor | None  # (directions, batch, 1 or gates, hidden)
    act: Activation
    rec: Activation

    def product(self, h: Tensor, gates: slice) -> Tensor:
        """(h m) U of the running rows, for these gates: (directions, rows, n * hidden)."""
        hidden = h.shape[-1]
        columns = self.weights[..., gates.start * hidden : gates.stop * hidden]
        if self.mask is None:
            return torch.bmm(h, columns)
        mask = self.mask[:, : h.shape[1]]
        if mask.shape[2] == 1:
            return torch.bmm(h * mask[:, :, 0], columns)
        numbers = range(gates.start, gates.stop)
        parts = zip(numbers, columns.split(hidden, -1), strict=True)
        return torch.cat([torch.bmm(h * mask[:, :, k], w) for k, w in parts], -1)

    def pull_back(self, d_gates: Tensor, gates: slice) -> Tensor:
        """The gradient of h in `product`, from that of its result."""
        hidden = self.weights.shape[1]
        columns = self.weights[..., gates.start * hidden : gates.stop * hidden]
        if self.mask is None:
            return torch.bmm(d_gates, columns.transpose(1, 2))
        mask = self.mask[:, : d_gates.shape[1]]
        if mask.shape[2] == 1:
            return torch.bmm(d_gates, columns.transpose(1, 2)) * mask[:, :, 0]
        total = torch.zeros_like(d_gates[..., :hidden])
        numbers = range(gates.start, gates.stop)
        parts = zip(numbers, d_gates.split(hidden, -1), columns.split(hidden, -1), strict=True)
        for k, d, w in parts:
            total += torch.bmm(d, w.transpose(1, 2)) * mask[:, :, k]
        return total

    def masked(self, h: Tensor, gate: int) -> Tensor:
        """H m at every packed step, for this gate."""
        if self.mask is None:
            return h
        mask = self.mask[:, :, min(gate, self.mask.shape[2] - 1)]
        return h * mask.index_select(1, self.packing.rows)


class Kept(NamedTuple):
    """What the way back begins from, of all steps at once, in packed order.

    Args:
        gates: the activated gates; of a cell that keeps none, its outputs.
        saved: the row that the cell keeps of each step.
        h_before: h of the time before each step.
        c_before: c of the time before, of a cell with two states.
    """

    gates: Tensor
    saved: Tensor
    h_before: Tensor
    c_before: Tensor | None


class Back(NamedTuple):
    """A cell's way back.

    Args:
        step: of the packed rows of one time, dh and dc: fills these rows of the gradients, and
            makes of dh and dc those of the time before.
        d_inner: the gradient of h U + b'.
        d_gates: that of x W + b; the same but for a GRU's reset gate.
        lefts: what stood left of U, for each gate.
    """

    step: Callable[[slice, Tensor, Tensor | None], None]
    d_inner: Tensor
    d_gates: Tensor
    lefts: list[Tensor]


def forward(
    cell: Any, walk: Walk, gates: Tensor, h: Tensor, c: Tensor | None, saved: Tensor | None
) -> Tensor:
    """Walks: `gates` become the activated ones, `h` and `c` the final states, `saved` is filled.

    Args:
        cell: the file of its equations.
        walk: what it walks with.
        gates: x W + b of every step.
        h: the initial state, longest sequence first.
        c: the second one, of a cell that has it.
        saved: for what the cell keeps of each step; None where nobody will ask for it.

    Returns:
        (directions, steps, hidden): h after every step.
    """
    outputs = gates.new_empty(*gates.shape[:2], h.shape[-1])
    for now, n in walk.packing.times():
        running, kept = h[:, :n], None if saved is None else saved[:, now]
        cell.step(walk, gates[:, now], running, None if c is None else c[:, :n], kept)
        outputs[:, now] = running
    return outputs


def backward(
    cell: Any, walk: Walk, kept: Kept, d_out: Tensor, d_h: Tensor, d_c: Tensor | None
) -> Back:
    """Walks back: `d_h` and `d_c` become the initial states' gradients."""
    back = cell.back(walk, kept)
    for now, n in walk.packing.times_back():
        dh = d_h[:, :n].add_(d_out[:, now])
        back.step(now, dh, None if d_c is None else d_c[:, :n])
    return back
