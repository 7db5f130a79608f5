"""Keras's `utils`, as far as sequences need it."""

from ..models.plot import plot_model
from ..preprocessing.sequence import pad_sequences
from .categorical import normalize, to_categorical
from .seed import set_random_seed

__all__ = ["normalize", "pad_sequences", "plot_model", "set_random_seed", "to_categorical"]
