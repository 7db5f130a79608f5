"""Keras's home of the policies of precision: `keras.dtype_policies`."""

from typing import Any

from .core.precision import DTypePolicy, policy_of
from .core.precision import dtype_policy as _default
from .serialization import deserialize as _read
from .serialization import serialize

#: Keras's other name of it.
FloatDTypePolicy = DTypePolicy


def get(identifier: Any) -> DTypePolicy:
    """The policy of a name, a type, data or a policy; of None the one for all layers.

    Raises:
        ValueError: there is no such policy.
    """
    return (
        policy_of(_read(identifier) if isinstance(identifier, dict) else identifier) or _default()
    )


def deserialize(config: Any, custom_objects: Any = None) -> DTypePolicy:
    """The policy that data of `serialize`, or Keras's own, describe."""
    return get(_read(config, custom_objects))


__all__ = ["DTypePolicy", "FloatDTypePolicy", "deserialize", "get", "serialize"]
