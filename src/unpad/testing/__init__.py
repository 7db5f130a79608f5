"""The laws, to run on layers of one's own."""

from .batches import coded, grid
from .laws import LawBroken, check_layer

__all__ = ["LawBroken", "check_layer", "coded", "grid"]
