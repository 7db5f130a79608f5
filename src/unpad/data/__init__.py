"""What a model is fed with: sources of sequences, the order of batches, the door for data."""

from .dataset import Dataset
from .loader import Loader
from .sampler import Sampler
from .source import Batch, PyDataset, Source
from .token_budget import TokenBudget

__all__ = ["Batch", "Dataset", "Loader", "PyDataset", "Sampler", "Source", "TokenBudget"]
