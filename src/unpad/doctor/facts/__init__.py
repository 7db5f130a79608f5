"""What was given, read once: padded arrays, real steps, labels laid beside them, what is masked."""

from .case import Case, Head, Input, Masks, Split, Target
from .grid import Grid, grid_of

__all__ = ["Case", "Grid", "Head", "Input", "Masks", "Split", "Target", "grid_of"]
