"""Keras's `preprocessing`, as far as sequences need it."""

from . import sequence

__all__ = ["sequence"]
