"""The time in a Ragged's shape, where Keras has a number: each sequence has its own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import torch
from torch import Tensor

from ..ragged import Layout, Ragged


class OwnTime:
    """What `shape` gives as the time of a Ragged: of each sequence the number of its own steps.

    `arange` up to it gives the places of the steps, and `reshape` takes it where time stays. It is
    no number: what asks it for one is refused, since the longest sequence of a batch is nothing
    that any of the others may know of.

    Args:
        layout: whose lengths it stands for.

    Example:
        >>> x = Ragged.from_list([[5, 6, 7], [8]])
        >>> time = unpad.ops.shape(x)[1]
        >>> unpad.ops.arange(time)
        Ragged(2 sequences, 4 steps, int32)
          0: [0 1 2] (3)
          1: [0] (1)
    """

    __slots__ = ("_layout",)

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def places(self, start: Any, step: Any, dtype: torch.dtype) -> Ragged:
        """The place of each step within its sequence; empty sequences have none.

        Args:
            start: of the range that ends here: 0.
            step: of it: 1 or None.
            dtype: of the places.

        Raises:
            ValueError: the range begins elsewhere or leaves steps out.
        """
        if start != 0 or step not in (None, 1):
            raise ValueError(
                f"arange: up to the time of a Ragged it gives each step's place, from 0 by 1; got "
                f"start={start!r}, step={step!r}. Count from elsewhere: arange(time) + start; "
                "leave steps out: x[:, start::step]."
            )
        return Ragged(self._layout.positions.to(dtype), self._layout)

    def steps_of(self, shape: Sequence[Any], make: Callable[[tuple[int, ...]], Tensor]) -> Ragged:
        """What is made for a shape, in which this is the time: a row for each step.

        Args:
            shape: (batch, this, *feature).
            make: gives a tensor of the sizes it is given, (steps, *feature).

        Raises:
            ValueError: the batch is another.
        """
        if shape[0] not in (-1, None, self._layout.batch):
            raise ValueError(
                f"ops.shape: expected {self._layout.batch} sequences before the time of a Ragged, "
                f"which has so many, got {shape[0]}."
            )
        return Ragged(make((self._layout.steps, *shape[2:])), self._layout)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnTime) and self._layout.agrees(other._layout)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return "the time of a Ragged, each sequence's own (its places: ops.arange(time))"

    def _is_no_number(self, *others: Any) -> NoReturn:
        raise TypeError(
            "ops.shape: the time of a Ragged is no number, each sequence has its own (x.lengths). "
            "The places of its steps: ops.arange(time); their rows of a table: ops.take(table, "
            "ops.arange(time), axis=0); where time stays in a shape: -1."
        )

    __index__ = __int__ = __float__ = __bool__ = __neg__ = _is_no_number
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _is_no_number
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __pow__ = _is_no_number
    __lt__ = __le__ = __gt__ = __ge__ = _is_no_number


def of_steps(function: Callable[..., Tensor]) -> Callable[..., Any]:
    """A function that makes a tensor of a shape, which makes a Ragged of that of a Ragged.

    Args:
        function: whose first argument is the shape.
    """

    @functools.wraps(function)
    def made(shape: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(shape, (tuple, list)) and len(shape) > 1 and isinstance(shape[1], OwnTime):
            return shape[1].steps_of(shape, lambda sizes: function(sizes, *args, **kwargs))
        return function(shape, *args, **kwargs)

    return made
