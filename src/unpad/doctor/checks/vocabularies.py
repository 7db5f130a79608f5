"""Two vocabularies, each numbered in the order in which its words first come."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...ragged import Ragged
from ..facts import Split
from ..facts.case import Batch
from ..facts.chance import SURE, beyond
from ..findings import Finding

# So many steps from the start show in which order ids come first.
_STEPS = 20_000
# So many ids that come one after the other; of k ids in any order one in k! orders is that.
_IDS = 50
_ORDERED = 0.95
# Of what is seen of pairs of ids within the training part, the share that the other part must have.
_KNOWN = 0.8


def own_numbers(parts: Split) -> Finding | None:
    """Both sides numbered by first appearance, and pairs of ids of one that the other has not.

    One vocabulary that is numbered so over all is in that order on one side at most; ids that count
    steps are in it on both, and follow each other alike on both.
    """
    train, held = _start(parts.x), _start(parts.held_x)
    if train is None or held is None:
        return None
    if not (_in_order(train) and _in_order(held)):
        return None
    n = int(max(train.max(), held.max())) + 1
    pairs, others = ((x[:-1].astype("i8") * n + x[1:]) for x in (train, held))
    half = len(pairs) // 2
    # Of as many pairs each, so that what is expected is what is met.
    known, asked, others = pairs[:half], pairs[half:], others[:half]
    expected, share = (float(np.isin(x, known).mean()) for x in (asked, others))
    deviation = (expected * (1 - expected) / max(1, len(others))) ** 0.5 + 1e-3
    chance = beyond(expected - share, 0.0, deviation)
    if share > _KNOWN * expected or chance > SURE:
        return None
    return Finding(
        "other ids",
        "The held-out part is numbered by a vocabulary of its own.",
        "On both sides ids come in their order, each new one the next number; of pairs of "
        f"neighbours {share:.0%} are pairs of the training part, {expected:.0%} would be of one "
        "vocabulary.",
        "Make the vocabulary once, from the training part, and use it for both.",
        {"pairs known": share, "of one vocabulary": expected},
        "vectorization.adapt(train_texts)  # once; then vectorization(x) for both",
        chance=chance,
    )


def _start(x: Batch) -> np.ndarray | None:
    """The first steps of all, ids that are padding left out; None where they are no ids."""
    values = x.values if isinstance(x, Ragged) and x.levels == 1 else x
    if not isinstance(values, Tensor) or values.is_floating_point() or values.dtype == torch.bool:
        return None
    if values.ndim != (1 if isinstance(x, Ragged) else 2):
        return None
    rows = values if values.ndim == 1 else values[: _STEPS // max(1, values.shape[1]) + 1]
    found = rows.detach().flatten()[:_STEPS].cpu().numpy()
    found = found[found != 0]
    return found if len(found) > 2 * _IDS and found.min() >= 0 else None


def _in_order(ids: np.ndarray) -> bool:
    """Whether new ids come one after the other."""
    known, first = np.unique(ids, return_index=True)
    new = known[np.argsort(first)]
    return len(new) >= _IDS and float((np.diff(new) == 1).mean()) >= _ORDERED
