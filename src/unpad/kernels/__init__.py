"""Operators on (values, offsets): a reference that specifies them, and the paths that serve."""

from .lstm import lstm
from .paths import force, info

__all__ = ["force", "info", "lstm"]
