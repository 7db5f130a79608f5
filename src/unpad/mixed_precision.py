"""Keras's home of mixed precision: `keras.mixed_precision`."""

from .core.precision import DTypePolicy, dtype_policy, set_dtype_policy
from .optimizers import LossScaleOptimizer

#: Keras's other names of these.
Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
