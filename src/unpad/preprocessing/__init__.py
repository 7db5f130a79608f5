"""Keras's `preprocessing`, as far as sequences need it."""

from . import sequence, text

__all__ = ["sequence", "text"]
