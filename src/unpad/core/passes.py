"""A pass: one forward of a whole model, so that what belongs to it is told from the one before."""

from __future__ import annotations

import itertools
import threading
from typing import Any

_numbers = itertools.count(1)


class _Thread(threading.local):
    running: int | None = None


_thread = _Thread()


class Pass:
    """A block that is one pass, or a part of the one that runs in this thread."""

    def __enter__(self) -> Pass:
        self._outermost = _thread.running is None
        if self._outermost:
            _thread.running = next(_numbers)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._outermost:
            _thread.running = None


def running() -> int | None:
    """The number of the pass that runs in this thread; None outside of one."""
    return _thread.running
