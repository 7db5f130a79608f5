"""Keras's home of what holds for all that is made: `keras.config`."""

from .backend import backend, epsilon, floatx, set_floatx
from .core.precision import dtype_policy, set_dtype_policy

__all__ = ["backend", "dtype_policy", "epsilon", "floatx", "set_dtype_policy", "set_floatx"]
