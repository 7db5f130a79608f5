"""How many threads the kernels use, and torch's own kept off the cores meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_own: int | None = None


def threads() -> int:
    """The number of threads that the kernels may use: torch's, unless `own_threads` holds."""
    return _own or torch.get_num_threads()


@contextmanager
def own_threads() -> Iterator[None]:
    """Within this block torch's operators run on one thread, the kernels on as many as before.

    All threads of an OpenMP region have to run before the region ends. While another program keeps
    the cores busy, each of the twenty small operators in a training step waits a time slice (8 ms)
    for a thread that has nothing to do: on two busy cores the tagger made 5,700 steps a second with
    torch on two threads, 29,300 with torch on one. The kernels' threads do not wait for each other.

    `fit`, `evaluate` and `predict` do this by themselves, unless a model has torch modules of the
    user's own, which may need torch's threads. Around a training loop of one's own it helps too.
    """
    global _own
    before, outer = torch.get_num_threads(), _own
    if before == 1:
        yield
        return
    _own = outer or before
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _own = outer
