"""The type: a batch of sequences as one value. Knows only torch."""

from .layout import Layout
from .ragged import Ragged

__all__ = ["Layout", "Ragged"]
