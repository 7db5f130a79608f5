"""The checks: each looks at a case and gives what it found, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..facts import Case
from ..findings import Finding
from .axes import axes
from .labels import labels
from .padding import padding

Check = Callable[[Case], Iterable[Finding]]

#: Asked by `fit` too: they look at some hundreds of sequences and take milliseconds.
CHEAP: dict[str, Check] = {"axes": axes, "padding": padding, "labels": labels}

#: All of them, in the order in which they are asked.
CHECKS: dict[str, Check] = {**CHEAP}

__all__ = ["CHEAP", "CHECKS", "Check"]
