"""Which pairs of steps may look at each other, as a caller says it: a mask, a function, blocks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ... import arguments
from ...kernels.attention.pairs import Blocks, Grid, Pairs, by_places
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
    return Blocks(*(ids.values.long() for ids in both))


def _by_positions(function: Any, queries: Layout, keys: Layout, who: str) -> Pairs:
    def asked(*at: Tensor) -> Tensor:
        found = function(*at)
        if not isinstance(found, Tensor) or found.dtype != torch.bool:
            got = found.dtype if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(
                f"{who}: expected the function attention_mask to give a tensor of bool for two "
                f"tensors of positions, as `lambda i, j: j <= i`, got {got}."
            )
        return found.expand(torch.broadcast_shapes(found.shape, at[0].shape, at[1].shape))

    def visible(q: Tensor, k: Tensor) -> Tensor:
        own = queries.own.positions[q], keys.own.positions[k]
        return asked(own[0][:, None, :, None], own[1][:, None, None])

    def made() -> Tensor:
        # Once for all sequences and heads: the function knows neither.
        i, j = (torch.arange(layout.longest, device=layout.device) for layout in (queries, keys))
        return asked(i[None, None, :, None], j[None, None, None])

    return Grid(visible, made)


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
    whole = whole.bool().expand(*whole.shape[:2], *wanted)
    every = whole.expand(queries.batch, *whole.shape[1:])
    of_queries, of_keys = queries.own, keys.own

    def visible(q: Tensor, k: Tensor) -> Tensor:
        sequence = of_queries.sequence_ids[q[:, 0]]
        rows, columns = of_queries.places[q], of_keys.places[k]
        return every[sequence[:, None, None], :, rows[:, :, None], columns[:, None]].movedim(-1, 1)

    return Grid(visible, lambda: by_places(whole, queries, keys))
