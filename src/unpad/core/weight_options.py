"""What a weight is made with, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..weights import constraints, initializers, regularizers


class WeightOptions(NamedTuple):
    """What a weight begins as, what it pays, and what it is kept to.

    Args:
        initializer: a name, a callable of (shape, dtype), or None for the layer's own.
        regularizer: a penalty on it, as "l2".
        constraint: applied to it after every update, as "non_neg".
    """

    initializer: Any
    regularizer: Any = None
    constraint: Any = None

    def looked_up(self, who: str) -> WeightOptions:
        """The same, with names and configurations made what they stand for.

        Args:
            who: named in errors.

        Raises:
            ValueError: one is none of its kind.
        """
        return WeightOptions(
            initializers.get(self.initializer, who),
            regularizers.get(self.regularizer, who),
            constraints.get(self.constraint, who),
        )


def weight_options(given: Mapping[str, Any], *of: str) -> dict[str, WeightOptions]:
    """What each of these weights is made with, among the arguments of a constructor.

    Args:
        given: the arguments by name, which `locals()` holds in a constructor.
        of: "kernel" for kernel_initializer, kernel_regularizer and kernel_constraint.
    """
    kinds = WeightOptions._fields
    return {name: WeightOptions(*(given[f"{name}_{kind}"] for kind in kinds)) for name in of}
