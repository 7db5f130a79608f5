"""From a source to batches on the device, in a sampler's order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ..ragged import Layout, Ragged
from ..ragged.without import still_without
from .source import Batch, Column, Source

# So many bytes of batches are gathered together: they stay in a core's cache.
_TOGETHER = 1 << 18


class Loader:
    """Batches of a source, on the device.

    Small ones that lie in memory are gathered many at a time and cut from that: a batch's own dozen
    of operators, each cold after a step of training, took 0.15 ms of a tagger's 7.

    Args:
        source: to take sequences from.
        device: where they are wanted.
    """

    def __init__(self, source: Source, device: torch.device) -> None:
        self.source, self.device = source, device

    def batches(self, drawn: list[Tensor], apart: bool = False, first: int = 0) -> Iterator[Batch]:
        """The batches that a sampler has drawn.

        Args:
            drawn: the sequences of each batch.
            apart: whether each is gathered when it is asked for, and not before.
            first: the batch to begin with; it is the same as if those before it had come.
        """
        source = self.source
        share = 1
        if not apart and isinstance(source, Batch):
            share = max(1, _TOGETHER * len(drawn) // max(1, source.nbytes))
        together = first // share * share
        for at in range(together, len(drawn), share):
            some = drawn[at : at + share]
            if len(some) == 1:
                yield source.take(some[0], self.device)
                continue
            sequences = torch.cat(some)
            lengths = None if source.lengths is None else source.lengths.index_select(0, sequences)
            ends = torch.tensor([len(batch) for batch in some]).cumsum(0)
            steps = ends if lengths is None else lengths.cumsum(0)[ends - 1]
            runs = _runs(source.take(sequences, self.device), ends.tolist(), steps.tolist())
            yield from runs[max(0, first - at) :]


def _runs(data: Batch, ends: list[int], steps: list[int]) -> list[Batch]:
    """The sequences up to each of these ends, whose steps are so many in all: views."""
    found: list[Batch] = []
    bounds: dict[int, list[int]] = {}
    first = before = 0
    for last, through in zip(ends, steps, strict=True):
        layouts: dict[int, Layout] = {}
        x, y, weight = (
            [_run(part, first, last, bounds, layouts) for part in group]
            for group in (data.inputs, data.targets, data.weights)
        )
        found.append(Batch(x, y, weight, None, through - before))
        first, before = last, through
    return found


def _run(
    column: Column | None,
    first: int,
    last: int,
    bounds: dict[int, list[int]],
    layouts: dict[int, Layout],
) -> Any:
    if not isinstance(column, Ragged):
        return None if column is None else column[first:last]
    key = id(column.layout)
    if key not in bounds:
        bounds[key] = column.layout.own.offsets.tolist()
    start, end = bounds[key][first], bounds[key][last]
    if key not in layouts:
        layouts[key] = column.layout.run(first, last, start, end)
    return still_without(Ragged._trusted(column.values[start:end], layouts[key]), column)
