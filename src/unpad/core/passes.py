"""A pass: one forward of a whole model, so that what belongs to it is told from the one before."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import torch

_numbers = itertools.count(1)


class _Thread(threading.local):
    running: int | None = None


_thread = _Thread()


class Pass:
    """A block that is one pass, or a part of the one that runs in this thread."""

    def __enter__(self) -> Pass:
        self.outermost = begun()
        return self

    def __exit__(self, *error: Any) -> None:
        if self.outermost:
            ended()


def begun() -> bool:
    """Begins a pass, unless one runs in this thread; whether it did, so that it is to be ended."""
    if _thread.running is not None:
        return False
    # A graph that is compiled once for all passes can count none: see `Weighted._forget_notes`.
    _thread.running = 0 if torch.compiler.is_compiling() else next(_numbers)
    return True


def ended() -> None:
    """Ends the pass that runs in this thread."""
    _thread.running = None


def running() -> int | None:
    """The number of the pass that runs in this thread; None outside of one."""
    return _thread.running
