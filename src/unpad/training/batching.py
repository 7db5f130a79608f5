"""Which sequences go into a batch together."""

from __future__ import annotations

import torch
from torch import Tensor

# Batches that are shuffled together before their sequences are sorted by length, so that buckets
# are neither the same in every epoch nor one length throughout.
_POOL = 50
# Without a batch size, a batch of evaluation or prediction holds about this many steps.
_STEPS = 8192


def plan(
    n: int,
    lengths: Tensor | None,
    *,
    batch_size: int | None,
    batch_steps: int | None,
    shuffle: bool,
    bucket_by_length: bool,
) -> list[Tensor]:
    """The sequences of each batch of one epoch.

    Args:
        n: number of sequences.
        lengths: (n,) of the sequences, or None where there are none.
        batch_size: sequences a batch.
        batch_steps: steps a batch at most, instead; a longer sequence is a batch by itself.
        shuffle: whether the order is drawn anew, from torch's generator.
        bucket_by_length: whether sequences of like length go together.
    """
    order = torch.randperm(n) if shuffle else torch.arange(n)
    if not bucket_by_length or lengths is None:
        return _cut(order, lengths, batch_size, batch_steps)
    mean = max(1.0, float(lengths.double().mean())) if n else 1.0
    size = batch_size if batch_steps is None else max(1, int(batch_steps / mean))
    pools = order.split(_POOL * (size or 1)) if shuffle else [order]
    batches = []
    for pool in pools:
        longest_first = pool[lengths[pool].argsort(descending=True, stable=True)]
        batches += _cut(longest_first, lengths, batch_size, batch_steps)
    if shuffle:
        batches = [batches[i] for i in torch.randperm(len(batches)).tolist()]
    return batches


def evaluation_plan(n: int, lengths: Tensor | None, batch_size: int | None) -> list[Tensor]:
    """Batches for evaluation and prediction: like lengths together, since order does not matter."""
    steps = None if batch_size is not None or lengths is None else _STEPS
    size = batch_size if batch_size is not None or steps is not None else 256
    return plan(
        n, lengths, batch_size=size, batch_steps=steps, shuffle=False, bucket_by_length=True
    )


def _cut(
    order: Tensor, lengths: Tensor | None, batch_size: int | None, batch_steps: int | None
) -> list[Tensor]:
    if len(order) == 0:
        return []
    if batch_steps is None or lengths is None:
        size = batch_size or 32
        return [order] if len(order) <= size else list(order.split(size))
    ends, filled, start = [], 0, 0
    for i, length in enumerate(lengths[order].tolist()):
        if i > start and filled + length > batch_steps:
            ends.append(i)
            filled, start = 0, i
        filled += length
    return list(order.tensor_split(ends))
