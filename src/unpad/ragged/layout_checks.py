"""Whether offsets and slots describe a batch; if not, where first."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .own import Own


def check_offsets(offsets: Any) -> None:
    """Raises where they do not run from 0 and never fall."""
    if not isinstance(offsets, Tensor) or offsets.dtype != torch.int64 or offsets.ndim != 1:
        raise ValueError(
            f"Layout: expected offsets as a (batch + 1,) int64 tensor, got {_kind(offsets)}."
        )
    if len(offsets) == 0 or int(offsets[0]) != 0:
        got = int(offsets[0]) if len(offsets) else "nothing"
        raise ValueError(
            f"Layout: offsets start at 0, got {got}. Offsets are the running sum of the lengths: "
            "use Layout.from_lengths(lengths)."
        )
    # Compared, not subtracted: a difference can be too large for its type.
    falling = (offsets[1:] < offsets[:-1]).nonzero()
    if len(falling):
        first = int(falling[0])
        raise ValueError(
            f"Layout: offsets never fall, but offset {first + 1} is {int(offsets[first + 1])} "
            f"after {int(offsets[first])}: sequence {first} would have a negative length."
        )


def check_slots(own: Own, slots: Any, width: int | None) -> None:
    """Raises where the sequences do not fit into the grid, at these slots.

    Args:
        own: the layout so far, without a grid.
        slots: as given.
        width: a count.
    """
    if slots is None:
        if width is not None and own.longest > width:
            first = int(own.lengths.argmax())
            raise ValueError(
                f"Layout: sequence {first} has {own.longest} steps, but the grid has {width} slots."
            )
        return
    if (
        not isinstance(slots, Tensor)
        or slots.dtype != torch.int64
        or tuple(slots.shape) != (own.steps,)
    ):
        raise ValueError(
            f"Layout: expected slots as a ({own.steps},) int64 tensor, one for each step, got "
            f"{_kind(slots)}."
        )
    if slots.device != own.device:
        raise ValueError(f"Layout: slots are on {slots.device}, the offsets on {own.device}.")
    wrong = slots < 0
    if width is not None:
        wrong |= slots >= width
    wrong[1:] |= (own.sequence_ids.diff() == 0) & (slots[1:] <= slots[:-1])
    if wrong.any():
        step = int(wrong.nonzero()[0])
        raise ValueError(
            "Layout: slots rise within a sequence and lie inside the grid, but step "
            f"{int(own.positions[step])} of sequence {int(own.sequence_ids[step])} has slot "
            f"{int(slots[step])}."
        )


def _kind(given: Any) -> str:
    if isinstance(given, Tensor):
        return f"{tuple(given.shape)} of {given.dtype}"
    return type(given).__name__
