"""Models: layers put together, built from specs."""

from ..core.input import Input
from .functional import Functional
from .model import Model
from .sequential import Sequential

__all__ = ["Functional", "Input", "Model", "Sequential"]
