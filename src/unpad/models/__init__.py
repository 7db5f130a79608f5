"""Models: layers put together, built from specs."""

from .input import Input
from .sequential import Sequential

__all__ = ["Input", "Sequential"]
