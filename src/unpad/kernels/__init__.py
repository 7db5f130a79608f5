"""Operators on (values, offsets): a reference that specifies them, and the paths that serve."""

from .activations import KNOWN
from .lstm import lstm
from .paths import force, info

__all__ = ["KNOWN", "force", "info", "lstm"]
