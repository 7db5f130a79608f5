"""A learning rate and a count of updates as they are read: numbers, with a variable's ways."""

from __future__ import annotations

from typing import Any

import numpy as np


class Rate(float):
    """A learning rate: a float that also has what Keras's variable has.

    Args:
        rate: the number.
        owner: the optimiser whose it is, which `assign` sets it of.

    Example:
        >>> import unpad
        >>> sgd = unpad.optimizers.SGD(0.1)
        >>> sgd.learning_rate.assign(0.05), sgd.learning_rate.value
        (0.05, 0.05)
    """

    _owner: Any

    def __new__(cls, rate: Any, owner: Any) -> Rate:
        made = super().__new__(cls, rate)
        made._owner = owner
        return made

    @property
    def value(self) -> float:
        """The number."""
        return float(self)

    def numpy(self) -> np.floating[Any]:
        """The number as numpy's."""
        return np.float32(self)

    def assign(self, value: Any) -> float:
        """Sets the optimiser's rate from here on; a schedule's cannot be set."""
        self._owner.learning_rate = float(value)
        return float(self._owner.learning_rate)

    def __reduce__(self) -> Any:
        return float, (float(self),)


class Count(int):
    """A number of updates: an int that also has what Keras's variable has to be read by."""

    @property
    def value(self) -> int:
        """The number."""
        return int(self)

    def numpy(self) -> np.integer[Any]:
        """The number as numpy's."""
        return np.int64(self)

    def __reduce__(self) -> Any:
        return int, (int(self),)
