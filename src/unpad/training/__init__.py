"""Training: what comes in is laid out once, then batches, updates, progress and history."""

from .callbacks import Callback, History
from .trainer import Trainer

__all__ = ["Callback", "History", "Trainer"]
