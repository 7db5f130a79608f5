"""Models: layers put together, built from specs."""

from .functional import Functional
from .input import Input
from .model import Model
from .sequential import Sequential

__all__ = ["Functional", "Input", "Model", "Sequential"]
