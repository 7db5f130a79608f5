"""Keras's constraints, by name or as objects: called with a weight, they give one that obeys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from .. import arguments
from ..arguments import NotNegative, Share
from ..configured import Configured, from_dict
from ..errors import look_up
from .arrays import of_arrays

_Projection = Callable[[Tensor], Tensor]

# Keras's epsilon beside a norm, so that a weight of zeros stays one of zeros.
_EPSILON = 1e-7


class Constraint(Configured):
    """What a weight must be after each update: called with the tensor, it gives the nearest.

    Attributes are the arguments, so that one can be pickled, shown and made again. A subclass of
    one's own overrides `__call__`, and says what else is true of it.
    """

    #: Whether each row of a table (rows, dim) is treated by itself, so that some rows can be alone.
    by_rows: bool = False
    #: Whether a second call changes nothing, to the bit: then rows that no update touched can stay.
    settles: bool = False

    def __call__(self, w: Tensor) -> Tensor:
        """A tensor of the same shape that obeys the constraint."""
        raise NotImplementedError


class NonNeg(Constraint):
    """No entry below 0: those that are become 0.

    Example:
        >>> import torch, unpad
        >>> unpad.constraints.NonNeg()(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    by_rows = True
    settles = True

    @of_arrays
    def __call__(self, w: Tensor) -> Tensor:
        return w.clamp_min(0)


class _NormConstraint(Constraint):
    """What looks at the norm along `axis`: 0 for each column of (feature, units), 1 for each row.

    It does not settle: Keras's epsilon makes every call shrink a weight by 1e-7 over its norm.
    """

    axis: int | Sequence[int]

    @property
    def by_rows(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the norms of a table are those of its rows."""
        axes = (self.axis,) if isinstance(self.axis, int) else tuple(self.axis)
        return axes in ((1,), (-1,))

    def _norms(self, w: Tensor) -> Tensor:
        return w.square().sum(self.axis, keepdim=True).sqrt()  # pyright: ignore


class MaxNorm(_NormConstraint):
    """Norms along `axis` of at most `max_value`; longer ones are cut to it.

    Args:
        max_value: the largest norm.
        axis: along which norms are taken: 0 for the weights into each unit of a kernel
            (feature, units), 1 for each row of an embedding's table.

    Example:
        >>> import torch, unpad
        >>> unpad.constraints.MaxNorm(5.0)(torch.tensor([[6.0], [8.0]]))
        tensor([[3.],
                [4.]])
    """

    def __init__(self, max_value: NotNegative = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value, self.axis = max_value, arguments.axes("MaxNorm", "axis", axis)

    @of_arrays
    def __call__(self, w: Tensor) -> Tensor:
        norms = self._norms(w)
        return w * (norms.clamp(0, self.max_value) / (_EPSILON + norms))


class UnitNorm(_NormConstraint):
    """Norms along `axis` of 1; what is 0 throughout stays so.

    Args:
        axis: as in `MaxNorm`.
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = arguments.axes("UnitNorm", "axis", axis)

    @of_arrays
    def __call__(self, w: Tensor) -> Tensor:
        return w / (_EPSILON + self._norms(w))


class MinMaxNorm(_NormConstraint):
    """Norms along `axis` between `min_value` and `max_value`, or a share of the way there.

    Args:
        min_value: the smallest norm.
        max_value: the largest norm.
        rate: the share of the way that one call goes: 1 all of it.
        axis: as in `MaxNorm`.
    """

    def __init__(
        self,
        min_value: NotNegative = 0.0,
        max_value: NotNegative = 1.0,
        rate: Share = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        if min_value > max_value:
            what = f"a number from min_value, which is {min_value}"
            raise arguments.wrong("MinMaxNorm", "max_value", what, max_value)
        self.min_value, self.max_value = min_value, max_value
        self.rate, self.axis = rate, arguments.axes("MinMaxNorm", "axis", axis)

    @of_arrays
    def __call__(self, w: Tensor) -> Tensor:
        norms = self._norms(w)
        wanted = norms.clamp(self.min_value, self.max_value)
        wanted = self.rate * wanted + (1 - self.rate) * norms
        return w * (wanted / (_EPSILON + norms))


@torch.no_grad()
def constrain(weight: Tensor, constraint: _Projection) -> None:
    """Replaces the weight's entries by what the constraint makes of them, in place.

    Raises:
        ValueError: the constraint gave another shape.
    """
    made = constraint(weight)
    if not isinstance(made, Tensor) or made.shape != weight.shape:
        got = f"shape {tuple(made.shape)}" if isinstance(made, Tensor) else type(made).__name__
        raise ValueError(
            f"constraint {constraint!r}: expected a tensor of the weight's shape "
            f"{tuple(weight.shape)}, got {got}. A constraint gives the whole weight."
        )
    weight.copy_(made)


#: Keras's names in lower case.
non_neg, max_norm, unit_norm, min_max_norm = NonNeg, MaxNorm, UnitNorm, MinMaxNorm

_BY_NAME: dict[str, Callable[[], Constraint]] = {
    "non_neg": NonNeg,
    "max_norm": MaxNorm,
    "unit_norm": UnitNorm,
    "min_max_norm": MinMaxNorm,
    "NonNeg": NonNeg,
    "MaxNorm": MaxNorm,
    "UnitNorm": UnitNorm,
    "MinMaxNorm": MinMaxNorm,
}


def get(constraint: Any, who: str = "constraints.get") -> _Projection | None:
    """The constraint of this name, or the one given: any callable of a tensor; None stays None.

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if constraint is None:
        return None
    if (described := from_dict(who, "constraint", constraint, _BY_NAME)) is not None:
        return described
    if isinstance(constraint, str):
        return look_up(who, "constraint", constraint, _BY_NAME)()
    if isinstance(constraint, type) and issubclass(constraint, Constraint):
        return constraint()
    if not callable(constraint):
        raise ValueError(
            f"{who}: expected a constraint's name, a callable or None, got {constraint!r}."
        )
    return cast(_Projection, constraint)
