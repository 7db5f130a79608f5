"""What the losses of a batch are divided by: the batch's own counts, or those of all processes.

A mean of means is another number: of two processes with 134 and 438 steps it is 22 % off. So the
denominators are added up first, and each process's part of the loss is what its steps give of the
whole: the parts add up, and so do their gradients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..core.penalties import Penalty
from ..losses.reduction import Reduced
from ..ragged.batch import values_of
from ..ranks import Ranks
from .outcome import Divided, Part


def divided(
    ranks: Ranks,
    parts: Sequence[Part],
    losses: Sequence[Reduced | None],
    added: Sequence[Penalty],
    rows: int,
    steps: int,
) -> Divided:
    """The losses of this process's share, with the denominators of all shares.

    Args:
        ranks: that share the batch.
        parts: one for each output.
        losses: of this share, by itself.
        added: what the model adds to the loss.
        rows: sequences of the share.
        steps: real steps of the share.
    """
    if ranks.alone:
        return Divided(losses, added, rows, steps)
    means = {
        i: loss
        for i, (part, loss) in enumerate(zip(parts, losses, strict=True))
        # Losses that are sums are divided by nothing.
        if loss is not None and not (part.loss is not None and part.loss.reduction == "sum")
    }
    terms = [_as_share(term, rows) for term in added]
    counts: dict[Any, float] = {"rows": rows, "steps": steps}
    counts |= {i: float(loss.divisor) for i, loss in means.items()}
    counts |= {key: by for key, _, by in terms}
    whole = ranks.sums(counts)
    return Divided(
        [Reduced(x.total, whole[i]) if i in means and x else x for i, x in enumerate(losses)],
        [Penalty(key, total, whole[key]) for key, total, _ in terms],
        whole["rows"],
        whole["steps"],
    )


def _as_share(term: Penalty, rows: int) -> tuple[Any, Any, float]:
    """A term as a sum and what it is divided by: a number counts as often as there are rows."""
    if not rows:
        # The share is empty, and its mean may be NaN; but every process must have the term.
        return term.key, term.total.nan_to_num() * 0, 0
    if term.divisor is None:
        return term.key, term.total * rows, rows
    return term.key, term.total, term.divisor


def nothing_of(outputs: Iterable[Any]) -> Tensor:
    """0, hanging on what a model gave: a share without a step goes the way back with the others."""
    values = [values_of(output) for output in outputs]
    return sum((v.sum() * 0 for v in values if v.is_floating_point()), start=torch.zeros(()))


def weighed(
    ranks: Ranks, loss: Tensor, counted: float, outputs: Iterable[Any]
) -> tuple[Tensor, float]:
    """A loss of the model's own, of one's share, as its part of a mean over all shares.

    Args:
        ranks: that share the batch.
        loss: of this share by itself.
        counted: how much the share counts.
        outputs: of the model, for a share that counts nothing.

    Returns:
        The part, and how much all shares count.
    """
    whole = ranks.sums({"counted": counted})["counted"]
    if not counted:
        # The mean of nothing may be NaN.
        return nothing_of(outputs), whole
    return loss * (counted / whole), whole
