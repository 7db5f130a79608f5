"""The laws, to run on layers, losses, metrics, models and samplers of one's own."""

from .batches import coded, grid
from .laws import LawBroken, check_layer
from .losses import check_loss
from .metrics import check_metric
from .models import check_model
from .samplers import check_sampler

__all__ = [
    "LawBroken",
    "check_layer",
    "check_loss",
    "check_metric",
    "check_model",
    "check_sampler",
    "coded",
    "grid",
]
