"""What a door speaks: the parts that a Ragged is made of, before it is one."""

from __future__ import annotations

from typing import Any, NamedTuple

from .layout import Layout


class Parts(NamedTuple):
    """Values and a layout that fit together, of which `Ragged._of` makes a Ragged.

    Args:
        values: (steps, *feature); or the Parts of the inner level.
        layout: where each sequence starts and ends.
        numpy: whether data is handed back as numpy.
    """

    values: Any
    layout: Layout
    numpy: bool = False
