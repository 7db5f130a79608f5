"""The laws, to run on layers, losses and metrics of one's own."""

from .batches import coded, grid
from .laws import LawBroken, check_layer
from .losses import check_loss
from .metrics import check_metric

__all__ = ["LawBroken", "check_layer", "check_loss", "check_metric", "coded", "grid"]
