"""How many numbers the weights of a model may have that a file describes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

_room: ContextVar[list[int] | None] = ContextVar("_room", default=None)


@contextmanager
def room_for(numbers: int) -> Iterator[None]:
    """Within the block weights are made for so many numbers at most, and are not drawn: they are 0.

    None has more, and all together have four times as many: a layer that is tried before it is
    built makes its own more than once.

    Args:
        numbers: that are there to be put in their places.
    """
    token = _room.set([numbers, 4 * numbers])
    try:
        yield
    finally:
        _room.reset(token)


def claimed(who: str, shape: Sequence[int]) -> bool:
    """Whether a weight of this shape is made without being drawn, since a file has its numbers.

    Raises:
        ValueError: the file has not that many.
    """
    room = _room.get()
    if room is None:
        return False
    size = math.prod(shape)
    room[1] -= size
    if size > room[0] or room[1] < 0:
        raise ValueError(f"{who}: a weight of shape {tuple(shape)} has more numbers than the file.")
    return True
