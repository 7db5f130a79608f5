"""Keras's `datasets` of sequences, read from files that are here: imdb and reuters."""

from . import imdb, reuters

__all__ = ["imdb", "reuters"]
