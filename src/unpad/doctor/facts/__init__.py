"""What was given, read once: padded arrays, real steps, labels laid beside them, what is masked."""

from .case import Case, Input, Masks, Target
from .grid import Grid, grid_of

__all__ = ["Case", "Grid", "Input", "Masks", "Target", "grid_of"]
