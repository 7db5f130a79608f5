"""What a model is fed with: sources of sequences, the order of batches, the door for data."""

from .loader import Loader
from .sampler import Sampler
from .source import Batch, PyDataset, Source

__all__ = ["Batch", "Loader", "PyDataset", "Sampler", "Source"]
