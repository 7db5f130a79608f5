"""How many threads the kernels use, and torch's own kept off the cores meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .library import stay_awake

# Microseconds. A thread that sleeps has to be woken, and beside busy programs it then waits for its
# turn: with 200 the tagger trained 2.26 times slower between two of them and predicted 2.36 times
# slower, with 1000 2.18 and 2.09, and 6 % faster when alone. But beside torch's own threads, which
# this keeps a core from, 1.2 ms became 1.9.
_AWAKE = 1000


class _Own(threading.local):
    """What a thread has set for itself: torch counts its threads for each of ours, too."""

    threads: int | None = None


class _Awake:
    """How long the pool stays awake: one number of the process, set while any thread wants it."""

    def __init__(self) -> None:
        self.lock, self.wanted, self.before = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        with self.lock:
            if not self.wanted:
                self.before = stay_awake(_AWAKE)
            self.wanted += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.wanted -= 1
            if not self.wanted:
                stay_awake(self.before)


_own, _awake = _Own(), _Awake()


def threads() -> int:
    """The number of threads that the kernels may use: torch's, unless `own_threads` holds."""
    return _own.threads or torch.get_num_threads()


@contextmanager
def own_threads() -> Iterator[None]:
    """Within this block torch's operators run on one thread, the kernels on as many as before.

    All threads of an OpenMP region have to run before the region ends. While another program keeps
    the cores busy, each of the twenty small operators in a training step waits a time slice (8 ms)
    for a thread that has nothing to do: on two busy cores the tagger made 5,700 steps a second with
    torch on two threads, 29,300 with torch on one. The kernels' threads do not wait for each other,
    and as no other threads of this process want the cores, they stay awake from call to call.

    Blocks nest, and those of several threads overlap: each thread has its own.

    `fit`, `evaluate` and `predict` do this by themselves, unless a model has torch modules of the
    user's own, which may need torch's threads. Around a training loop of one's own it helps too.
    """
    before, outer = torch.get_num_threads(), _own.threads
    if before == 1:
        yield
        return
    _own.threads = outer or before
    torch.set_num_threads(1)
    try:
        with _awake:
            yield
    finally:
        torch.set_num_threads(before)
        _own.threads = outer
