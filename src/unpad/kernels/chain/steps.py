"""Where sequences begin and end, and which entry of the scores a path takes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...ragged.own import Own


def own_of(layout: Own | Tensor) -> Own:
    """Of offsets (batch + 1,) their own; that of a layout as it is."""
    return layout if isinstance(layout, Own) else Own(layout, None, None)


def first_steps(layout: Own | Tensor) -> Tensor:
    """The first step of each sequence that has one."""
    own = own_of(layout)
    return own.derived(("chain", "first"), lambda own: own.offsets[:-1][_there(own)])


def last_steps(layout: Own | Tensor) -> Tensor:
    """The last step of each sequence that has one."""
    own = own_of(layout)
    return own.derived(("chain", "last"), lambda own: own.offsets[1:][_there(own)] - 1)


def _there(own: Own) -> Tensor:
    """Which sequences have a step: by their numbers where the host knows them, else by a mask."""
    counts = None if torch.compiler.is_compiling() else vars(own).get("counts")
    if counts is None:
        return own.lengths > 0
    return torch.tensor(
        [i for i, n in enumerate(counts) if n], dtype=torch.int64, device=own.device
    )


def entries(scores: Tensor, own: Own, tags: Tensor) -> Tensor:
    """The entry, of tags * tags, that a path of tags takes at each step: (steps, 1)."""
    before = tags.roll(1).index_fill(0, first_steps(own), 0)
    return (before * scores.shape[-1] + tags).unsqueeze(1)
