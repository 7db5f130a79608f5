"""The order in which a fit goes over its data."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..facts import Case
from ..facts.chance import SURE, beyond
from ..findings import Finding

_TIMES = 50
_APART = 0.3


def order(case: Case) -> Iterator[Finding]:
    """Batches that hold one class or two, in a fit that does not shuffle."""
    for target in case.targets if not case.fitting.shuffle else ():
        labels, size = target.laid, case.fitting.batch_size
        if not isinstance(labels, Tensor) or labels.numel() != len(labels):
            continue
        labels = labels.detach().cpu().flatten()
        if len(labels) < 8 * size or size < 8 or not bool((labels == labels.round()).all()):
            continue
        kinds, of = labels.unique(return_inverse=True)
        if not 2 <= len(kinds) <= 100:
            continue
        own = _apart(of, len(kinds), size)
        rng = torch.Generator().manual_seed(0)
        drawn = torch.tensor([
            _apart(of[torch.randperm(len(of), generator=rng)], len(kinds), size)
            for _ in range(_TIMES)
        ])  # fmt: skip
        expected, deviation = float(drawn.mean()), max(float(drawn.std()), 1e-3)
        chance = beyond(own, expected, deviation)
        if own - expected < _APART or chance > SURE:
            continue
        yield Finding(
            "unshuffled",
            "The data are sorted and not shuffled: each batch holds few of the classes.",
            f"Labels of a batch of {size} differ by {own:.2f} from those of all, {expected:.2f} by "
            f"chance; there are {len(kinds)} classes.",
            "shuffle=True, or shuffle once before the fit.",
            {"share that differs": own, "by chance": expected, "classes": len(kinds)},
            "model.fit(x, y, shuffle=True)",
            chance=chance,
        )


def _apart(labels: Tensor, kinds: int, size: int) -> float:
    """How far the shares of classes in a batch are from those of all, on average."""
    whole = len(labels) // size * size
    counts = torch.nn.functional.one_hot(labels[:whole], kinds).double()
    batches = counts.unflatten(0, (-1, size)).mean(1)
    return float((batches - counts.mean(0)).abs().sum(1).mean()) / 2
