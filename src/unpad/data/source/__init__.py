"""Where batches come from: each kind of thing that gives sequences is told by its type."""

from .batch import Batch, Column, Source
from .forms import Asked, Batches, Piece, Pieces, Whole
from .keras_data import PyDataset
from .table import recognised, refuse_columns

__all__ = [
    "Asked",
    "Batch",
    "Batches",
    "Column",
    "Piece",
    "Pieces",
    "PyDataset",
    "Source",
    "Whole",
    "recognised",
    "refuse_columns",
]
