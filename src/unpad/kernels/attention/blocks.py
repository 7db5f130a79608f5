"""Which sequences attention computes side by side: blocks of nearly equal lengths."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...ragged import Layout
from ...ragged.side_by_side import side_by_side

# A block may hold so many pairs of slots that are no pairs of steps. A block of its own costs a
# dozen calls of torch, which take longer than 4096 pairs. Forward and backward, 4 heads of 64, one
# core of an EPYC, in ms:
#
#                          32 of ~16   128 of ~16   32 of ~150   8 of ~1000
#   equal lengths only           8.5           25          114          410
#   1024 pairs                   6.6           16          101          410
#   4096 pairs                   4.7           14           94          412
#   16384 pairs, or a tenth      5.5           16           89          427
#   the whole grid                11           76          440          705
#   torch's nested tensors        24          135         1172         3235
#   every pair by itself          71          351            -            -
_SPARE_PAIRS = 4096


class Block(NamedTuple):
    """Sequences that are laid side by side, (count, slots).

    Args:
        count: of sequences.
        queries: slots for the steps of each on the asking side.
        keys: slots for the steps of each on the side that is looked at.
        query_steps: (count * queries,) the step that each slot holds, the sequence's own last one
            where it has no more; None where the slots are all the steps in order.
        key_steps: (count * keys,) likewise.
        real: (count, 1, 1, keys) True where a key's slot holds a step of its own; None where all
            do.
        keyless: whether there may be sequences without keys among them.
    """

    count: int
    queries: int
    keys: int
    query_steps: Tensor | None
    key_steps: Tensor | None
    real: Tensor | None
    keyless: bool = False

    def steps(self, device: torch.device, queries: int, keys: int) -> tuple[Tensor, Tensor]:
        """The step that each slot holds, (count, queries) and (count, keys).

        Args:
            device: where the steps are.
            queries: how many there are on the asking side.
            keys: how many on the other.
        """
        every = ((self.query_steps, self.queries, queries), (self.key_steps, self.keys, keys))
        found = [
            torch.arange(self.count * slots, device=device) if steps is None else steps
            for steps, slots, _ in every
        ]
        # In a graph an empty slot points one past the last step: it is brought back to the last.
        asking, looked_at = (
            at.clamp(max=max(total - 1, 0)).view(self.count, -1)
            for at, (_, _, total) in zip(found, every, strict=True)
        )
        return asking, looked_at


class Blocks(NamedTuple):
    """The blocks of a batch, and the way back.

    Args:
        blocks: of every sequence that has steps on both sides.
        places: (query steps,) where each step lies in the blocks' slots, end to end; one past
            their end for a step that has nothing to look at. None where they lie in order.
        complete: whether every query has something to look at.
    """

    blocks: list[Block]
    places: Tensor | None
    complete: bool


def blocks_of(queries: Layout, keys: Layout) -> Blocks:
    """The blocks for queries of one layout that look at keys of another, of the same batch.

    Made once for two layouts, and kept as long as they are: the layers of a model share it. Takes
    one look at the lengths, which on a GPU waits for it where the host does not know them.
    """
    return queries.derived(
        ("attention", "blocks"), lambda _: _blocks_of(queries, keys), beside=keys
    )


def in_graph(queries: Layout, keys: Layout) -> Blocks:
    """One block of all sequences, for a graph that is made once for all lengths.

    A slot without a step of its own holds what stands one past the last step.
    """
    asking, looked_at = side_by_side(queries.own), side_by_side(keys.own)
    sequences, slots = asking.at
    block = Block(
        queries.batch,
        asking.slots,
        looked_at.slots,
        asking.index.flatten(),
        looked_at.index.flatten(),
        looked_at.real[:, None, None],
        keyless=True,
    )
    return Blocks([block], sequences * asking.slots + slots, True)


def _blocks_of(queries: Layout, keys: Layout) -> Blocks:
    asking, looked_at = queries.own.counts, keys.own.counts
    groups = _groups(asking, looked_at)
    if len(groups) == 1:
        members, slots, others = groups[0]
        if set(asking) == {slots} and set(looked_at) == {others}:
            return Blocks([Block(len(members), slots, others, None, None, None)], None, True)
    order = [i for members, _, _ in groups for i in members]
    device = queries.device
    sequences = torch.tensor(order, dtype=torch.int64, device=device)
    slots = torch.tensor([q for m, q, _ in groups for _ in m], dtype=torch.int64, device=device)
    others = torch.tensor([k for m, _, k in groups for _ in m], dtype=torch.int64, device=device)
    # Nothing is read back of what the host has just said.
    asked_steps = sum(len(members) * q for members, q, _ in groups)
    other_steps = sum(len(members) * k for members, _, k in groups)
    asked = Layout._of_lengths(slots, steps=asked_steps)
    query_steps, _ = _laid(queries, sequences, asked)
    key_steps, real = _laid(keys, sequences, Layout._of_lengths(others, steps=other_steps))

    blocks, q, k = [], 0, 0
    for members, slots, others in groups:
        n = len(members)
        end, key_end = q + n * slots, k + n * others
        padded = any(looked_at[i] < others for i in members)
        mask = real[k:key_end].view(n, 1, 1, others) if padded else None
        blocks.append(Block(n, slots, others, query_steps[q:end], key_steps[k:key_end], mask))
        q, k = end, key_end

    starts = torch.full_like(queries.own.lengths, q)
    starts[sequences] = asked.own.offsets[:-1]
    places = (starts[queries.own.sequence_ids] + queries.own.positions).clamp(max=q)
    complete = sum(asking) == sum(asking[i] for i in order)
    return Blocks(blocks, places, complete)


def _groups(asking: list[int], looked_at: list[int]) -> list[tuple[list[int], int, int]]:
    """Sequences by falling lengths, cut where one more would leave too many pairs unused."""
    order = [i for i, (q, k) in enumerate(zip(asking, looked_at, strict=True)) if q and k]
    order.sort(key=lambda i: (asking[i], looked_at[i]), reverse=True)
    groups: list[tuple[list[int], int, int]] = []
    members: list[int] = []
    slots = others = pairs = 0
    for i in order:
        # Queries come in falling order, keys need not.
        wide, own = max(others, looked_at[i]), asking[i] * looked_at[i]
        if members and (len(members) + 1) * slots * wide - (pairs + own) > _SPARE_PAIRS:
            groups.append((members, slots, others))
            members, pairs, wide = [], 0, looked_at[i]
        if not members:
            slots = asking[i]
        members.append(i)
        others, pairs = wide, pairs + own
    return [*groups, (members, slots, others)] if members else groups


def _laid(layout: Layout, sequences: Tensor, slots: Layout) -> tuple[Tensor, Tensor]:
    """For each slot of these sequences the step it holds, and whether that is one of its own.

    A slot without one holds its sequence's last step again: what is there, NaN too, then stays
    within the sequence.
    """
    ids, places = slots.own.sequence_ids, slots.own.positions
    lengths = layout.own.lengths[sequences][ids]
    starts = layout.own.offsets[:-1][sequences][ids]
    return starts + torch.minimum(places, lengths - 1), places < lengths
