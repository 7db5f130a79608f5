"""The type: a batch of sequences as one value. Knows only torch."""

from . import as_tree  # noqa: F401  (torch's pytree is told of Ragged)
from .layout import Layout
from .ragged import Ragged

__all__ = ["Layout", "Ragged"]
