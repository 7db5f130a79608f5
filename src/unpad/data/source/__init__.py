"""Where batches come from: what lies in memory."""

from .batch import Batch, Column, Source

__all__ = ["Batch", "Column", "Source"]
