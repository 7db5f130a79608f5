"""Keras's `utils`, as far as sequences need it."""

from .seed import set_random_seed

__all__ = ["set_random_seed"]
