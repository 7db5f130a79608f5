"""The checks: each looks at a case and gives what it found, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..facts import Case
from ..findings import Finding
from .axes import axes
from .beside import beside
from .cuts import cuts
from .grouped import grouped
from .head import head
from .labels import labels
from .laid_labels import laid_labels
from .order import order
from .padding import padding
from .scaled import scaled
from .split import split
from .steps import steps
from .unknown import unknown

Check = Callable[[Case], Iterable[Finding]]

#: In the order in which they are asked. Each looks at some hundreds of sequences and takes
#: milliseconds, so that `fit` asks all of them.
CHECKS: dict[str, Check] = {
    "axes": axes,
    "padding": padding,
    "cuts": cuts,
    "steps": steps,
    "words": unknown,
    "scaling": scaled,
    "labels": labels,
    "labels beside steps": beside,
    "labels at slots": laid_labels,
    "last layer": head,
    "order of batches": order,
    "split": split,
    "groups": grouped,
}

__all__ = ["CHECKS", "Check"]
