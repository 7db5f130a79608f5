"""Batches joined: one after the other, or step by step over their features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from ...arguments import integer
from ..layout import Layout
from ..numbers import read_whole
from ..parts import Parts
from ..sequences import Sequences


def concatenate(batches: Iterable[Sequences], axis: int) -> Parts:
    """See `Ragged.concatenate`."""
    parts = _batches(batches, "Ragged.concatenate")
    axis = integer("Ragged.concatenate", "axis", axis)
    if axis == 0 or axis == -1 - parts[0].levels - len(parts[0].feature):
        return _one_after_the_other(parts)
    along = _feature_axis(parts, axis, "Ragged.concatenate", len(parts[0].feature))
    return _step_by_step(
        parts, lambda values: torch.cat(values, along), "Ragged.concatenate", along
    )


def stack(batches: Iterable[Sequences], axis: int) -> Parts:
    """See `Ragged.stack`."""
    parts = _batches(batches, "Ragged.stack")
    axis = integer("Ragged.stack", "axis", axis)
    along = _feature_axis(parts, axis, "Ragged.stack", len(parts[0].feature) + 1)
    return _step_by_step(parts, lambda values: torch.stack(values, along), "Ragged.stack")


def _batches(batches: Any, who: str) -> list[Sequences]:
    parts = read_whole(batches, who)
    if isinstance(parts, Sequences) or not isinstance(parts, (list, tuple)):
        raise ValueError(f"{who}: expected a list of Ragged, got {type(parts).__name__}.")
    for i, part in enumerate(parts):
        if not isinstance(part, Sequences):
            raise ValueError(f"{who}: expected batch {i} as a Ragged, got {type(part).__name__}.")
    if not parts:
        raise ValueError(f"{who}: got no batch.")
    if any(part.levels != parts[0].levels for part in parts):
        raise ValueError(f"{who}: some batches are sequences of sequences, some not.")
    return list(parts)


def _one_after_the_other(batches: Sequence[Sequences]) -> Parts:
    first = batches[0]
    if len(batches) == 1 and isinstance(first.values, Tensor):
        layout = first.layout
        if not layout.own.offsets.is_inference():
            return Parts(first.values.clone(), layout, first._numpy)
    feature = first.feature
    for i, b in enumerate(batches):
        if b.feature != feature:
            raise ValueError(
                f"Ragged.concatenate: batch {i} has steps of shape {tuple(b.feature)}, the first "
                f"has {tuple(feature)}."
            )
        _same_device(b, batches[0], i, "Ragged.concatenate")
    layouts = [b.layout for b in batches]
    slots = None
    if any(layout.own.slots is not None for layout in layouts):
        slots = torch.cat([layout.own.places for layout in layouts])
    widths = [layout.width for layout in layouts if layout.width is not None]
    # A grid wide enough for all. Batches that had none lie in it as far as they reach.
    width = max([*widths, *(layout.time for layout in layouts)]) if widths else None
    lengths = torch.cat([layout.own.lengths for layout in layouts])
    parts = [b.values for b in batches]
    values = torch.cat(parts) if isinstance(parts[0], Tensor) else _one_after_the_other(parts)
    layout = Layout._of_lengths(lengths, slots, width)
    return Parts(values, layout, batches[0]._numpy)


def _step_by_step(
    batches: Sequence[Sequences],
    join: Callable[[list[Tensor]], Tensor],
    who: str,
    free: int | None = None,
) -> Parts:
    first = batches[0]
    for i, b in enumerate(batches):
        if not first.layout.agrees(b.layout):
            raise ValueError(
                f"{who}: batch {i} has another layout than the first: "
                f"{first.layout.difference(b.layout)}."
            )
        mine, theirs = ([n for k, n in enumerate(x.feature, 1) if k != free] for x in (first, b))
        if mine != theirs or len(first.feature) != len(b.feature):
            raise ValueError(
                f"{who}: batch {i} has steps of shape {tuple(b.feature)}, the first has "
                f"{tuple(first.feature)}."
            )
        _same_device(b, first, i, who)
    parts: list[Any] = [b.values for b in batches]
    if isinstance(parts[0], Sequences):
        return Parts(_step_by_step(parts, join, who, free), first.layout, first._numpy)
    return Parts(join(parts), first.layout, first._numpy)


def _same_device(batch: Sequences, first: Sequences, i: int, who: str) -> None:
    if batch.device != first.device:
        raise ValueError(f"{who}: batch {i} is on {batch.device}, the first on {first.device}.")


def _feature_axis(parts: Sequence[Sequences], axis: int, who: str, features: int) -> int:
    """The axis of the values that an axis of the grid is."""
    levels = parts[0].levels
    rank = 1 + levels + features
    if not -rank <= axis < rank:
        raise ValueError(f"{who}: there is no axis {axis}: the grid has {rank}.")
    if axis % rank <= levels:
        what = "the batch" if axis % rank == 0 else "time"
        raise ValueError(
            f"{who}: axis {axis} is {what}. Features are joined from axis {1 + levels} on; over "
            "time: layers.Concatenate(axis=1)."
        )
    return axis % rank - levels
