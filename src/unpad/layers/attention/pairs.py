"""Which pairs of steps may look at each other, as a caller says it: a mask, a function, blocks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ... import arguments
from ...kernels.attention.calls import Pairs
from ...ragged import Layout, Ragged
from ...ragged.numbers import as_tensor


def pairs_of(given: Any, queries: Layout, keys: Layout, who: str) -> Pairs | None:
    """Which of the pairs of a batch's steps are visible.

    Args:
        given: None for all; a mask (time of queries, time of keys), with the batch and heads in
            front where they differ, True where a query may look, over the slots of the grids that
            the steps came from; a function of positions within the sequences, (queries, 1) and
            (1, keys) to (queries, keys) bool; or block ids, a Ragged of one whole number a step, or
            a pair of these for queries and keys: a step looks at those of its own block.
        queries: the layout of the asking steps.
        keys: that of those looked at.
        who: shown in errors.

    Raises:
        ValueError: it is none of these, or of another size.
    """
    if given is None:
        return None
    both = given if isinstance(given, tuple) else (given, given)
    if isinstance(both[0], Ragged):
        return _by_blocks(both, queries, keys, who)
    if callable(given) and not isinstance(given, Tensor):
        return _by_positions(given, queries, keys, who)
    return _by_slots(as_tensor(given, f"{who}: attention_mask"), queries, keys, who)


def _by_blocks(both: Any, queries: Layout, keys: Layout, who: str) -> Pairs:
    for ids, layout, side in zip(both, (queries, keys), ("query", "key"), strict=True):
        fits = isinstance(ids, Ragged) and ids.levels == 1 and not ids.feature
        if not fits or ids.values.is_floating_point():
            what = "block ids, a Ragged of one whole number a step"
            raise arguments.wrong(who, "attention_mask", what, ids)
        if not ids.layout.agrees(layout):
            raise ValueError(
                f"{who}: expected attention_mask with a block id for each step of the {side}: "
                f"{ids.layout.difference(layout)}."
            )
    asking, looked_at = (ids.values for ids in both)
    return lambda q, k: (asking[q][:, :, None] == looked_at[k][:, None])[:, None]


def _by_positions(function: Any, queries: Layout, keys: Layout, who: str) -> Pairs:
    def visible(q: Tensor, k: Tensor) -> Tensor:
        at = queries.own.positions[q][:, None, :, None], keys.own.positions[k][:, None, None]
        found = function(*at)
        if not isinstance(found, Tensor) or found.dtype != torch.bool:
            got = found.dtype if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(
                f"{who}: expected the function attention_mask to give a tensor of bool for two "
                f"tensors of positions, as `lambda i, j: j <= i`, got {got}."
            )
        return found.expand(torch.broadcast_shapes(found.shape, at[0].shape, at[1].shape))

    return visible


def _by_slots(mask: Tensor, queries: Layout, keys: Layout, who: str) -> Pairs:
    wanted = (queries.time, keys.time)
    fits = mask.ndim in (2, 3, 4) and all(
        n in (1, m) for n, m in zip(mask.shape[-2:], wanted, strict=True)
    )
    whole = mask[None] if mask.ndim == 2 else mask
    whole = whole[:, None] if mask.ndim <= 3 else whole
    if not fits or whole.shape[0] not in (1, queries.batch):
        raise ValueError(
            f"{who}: expected attention_mask as {wanted}, with the batch ({queries.batch}) and the "
            f"heads in front where they differ, got {tuple(mask.shape)}. A function of positions, "
            "as `lambda i, j: j <= i`, fits any lengths."
        )
    whole = whole.bool().expand(queries.batch, whole.shape[1], *wanted)
    of_queries, of_keys = queries.own, keys.own

    def visible(q: Tensor, k: Tensor) -> Tensor:
        sequence = of_queries.sequence_ids[q[:, 0]]
        rows, columns = of_queries.places[q], of_keys.places[k]
        return whole[sequence[:, None, None], :, rows[:, :, None], columns[:, None]].movedim(-1, 1)

    return visible
