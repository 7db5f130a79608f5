"""What was given, read once: padded arrays, real steps, labels laid beside them, what is masked."""

from .case import Case, Fitting, Head, Input, Masks, Split, Target
from .grid import Grid, as_ids, grid_of
from .groups import Groups, groups_of

__all__ = [
    "Case",
    "Fitting",
    "Grid",
    "Groups",
    "Head",
    "Input",
    "Masks",
    "Split",
    "Target",
    "as_ids",
    "grid_of",
    "groups_of",
]
