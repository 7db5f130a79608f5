"""A function along time, on each sequence by itself: those of one length are one grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..ragged import Layout, Ragged
from .kinds import every

#: Shows a Ragged as the grid (sequences, time, *feature) of those that are looked at.
Seen = Callable[[Ragged], Tensor]


def each_sequence(call: Callable[[Seen], Any], like: Ragged, rows: bool, empty: float) -> Any:
    """What a function of grids gives for each sequence, in the sequences' order.

    Sequences of one length are one call. A sequence without steps is none: it gives rows of
    `empty`, or no steps.

    Args:
        call: the function, given what shows it a Ragged as a grid.
        like: whose sequences.
        rows: whether it gives a row for each sequence, or steps.
        empty: a row of a sequence without steps.
    """
    lengths = like.lengths
    groups = [(lengths == n).nonzero()[:, 0] for n in sorted(set(lengths.tolist()))]
    if not groups:
        groups = [lengths]  # no sequence at all: the shape of what would come
    found = [_of_group(call, like, ids, rows, empty) for ids in groups]
    order = torch.cat(groups).argsort()
    if isinstance(found[0], (tuple, list)):
        parts = [_joined(like, list(one), groups, order, rows) for one in zip(*found, strict=True)]
        return type(found[0])(parts) if type(found[0]) in (tuple, list) else tuple(parts)
    return _joined(like, found, groups, order, rows)


def _of_group(
    call: Callable[[Seen], Any], like: Ragged, ids: Tensor, rows: bool, empty: float
) -> Any:
    """The function on the sequences of these numbers, which have one length."""
    time = int(like.lengths[ids[0]]) if len(ids) else 0
    if time:
        steps = torch.arange(time, device=like.device)
        return call(lambda x: x.values[x.offsets[ids].unsqueeze(1) + steps])

    # Of nothing the function is not asked; one step of ones says what shape its answer has.
    def of_nothing(out: Tensor) -> Tensor:
        out = out.expand(len(ids), *out.shape[1:])
        return torch.full_like(out, empty) if rows else out[:, :0]

    return every(of_nothing, call(lambda x: one_step(x.values).unsqueeze(0)))


def one_step(values: Tensor) -> Tensor:
    """A step of ones, in the type and on the way of the gradient of values that have none."""
    none = values[:0].sum(0, keepdim=True).to(values.dtype)
    return torch.ones_like(none) + 0 * none if none.dtype != torch.bool else ~none


def _joined(
    like: Ragged, found: list[Tensor], groups: list[Tensor], order: Tensor, rows: bool
) -> Any:
    if rows:
        return torch.cat(found).index_select(0, order)
    lengths = torch.cat(
        [torch.full_like(g, f.shape[1]) for g, f in zip(groups, found, strict=True)]
    )
    values = torch.cat([f.flatten(0, 1) for f in found])
    if torch.equal(lengths[order], like.lengths):
        places = torch.cat([
            (like.offsets[g].unsqueeze(1) + torch.arange(f.shape[1], device=g.device)).flatten()
            for g, f in zip(groups, found, strict=True)
        ])  # fmt: skip
        return like.with_values(values.index_select(0, places.argsort()))
    return Ragged(values, Layout.from_lengths(lengths))[order]
