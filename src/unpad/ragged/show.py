"""How a Ragged looks to a person."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from .levels import innermost
from .numbers import type_name

if TYPE_CHECKING:
    from .ragged import Ragged

_SEQUENCES = 5
_STEPS = 6
_FEATURES = 4
_COLUMNS = 60  # blocks in a strip; beyond that each stands for a run of sequences
_BLOCKS = "▁▂▃▄▅▆▇█"


def show(ragged: Ragged) -> str:
    """A line that says what it is, then the first sequences, each with its length."""
    return "\n".join(lines(ragged))


def lines(ragged: Ragged) -> list[str]:
    """The lines of `show`."""
    feature = f" of {tuple(ragged.feature)}" if ragged.feature else ""
    kind = type_name(ragged.dtype)
    extra = "" if ragged.device.type == "cpu" else f", {ragged.device}"
    if ragged.requires_grad:
        extra += ", requires_grad"
    counts = f"{_count(ragged.batch, 'sequence')}, "
    if ragged.levels > 1:
        counts += f"{_count(ragged.steps, 'inner sequence')}, "
    counts += _count(len(innermost(ragged.values)), "step")
    shown = [f"Ragged({counts}{feature}, {kind}{extra})"]
    head = ragged[:_SEQUENCES].detach()
    bounds = head.offsets.tolist()
    for i, (start, end) in enumerate(pairwise(bounds)):
        shown.append(f"  {i}: {_sequence(head.values[start:end])}")
    if ragged.batch > _SEQUENCES:
        lengths = ragged.lengths
        shown.append(f"  ... lengths {int(lengths.min())} to {int(lengths.max())}")
    return shown


def strip(lengths: list[int]) -> str:
    """A block a sequence, in their order, a run of them as high as its longest; "." has no step."""
    run = -(-len(lengths) // _COLUMNS) or 1
    highest = [max(lengths[i : i + run]) for i in range(0, len(lengths), run)]
    longest = max(highest, default=0)
    return "".join("." if n == 0 else _BLOCKS[-(-n * 8 // longest) - 1] for n in highest)


def _sequence(steps: torch.Tensor | Ragged) -> str:
    parts = steps[:_STEPS]
    if isinstance(parts, torch.Tensor):
        shown = " ".join(_step(s) for s in parts)
    else:
        shown = " ".join(map(_sequence, parts))
    more = " ..." if len(steps) > _STEPS else ""
    return f"[{shown}{more}] ({len(steps)})"


def _step(step: torch.Tensor) -> str:
    if step.ndim == 0:
        return _number(step)
    flat = step.reshape(-1)
    more = ", ..." if len(flat) > _FEATURES else ""
    return f"({', '.join(_number(v) for v in flat[:_FEATURES])}{more})"


def _number(value: torch.Tensor) -> str:
    return f"{value.item():.4g}" if value.is_floating_point() else str(value.item())


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}{'' if n == 1 else 's'}"
