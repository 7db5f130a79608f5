"""A state that changes in place: Keras's variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor

from .ragged.numbers import as_tensor


class Assigned:
    """What Keras lets people do with a variable, for a tensor to have."""

    @property
    def value(self) -> Self:
        """Itself, under Keras's name."""
        return self

    @torch.no_grad()
    def assign(self, value: Any) -> Self:
        """Replaces the values by numbers of their shape, or that broadcast to it.

        Raises:
            ValueError: they are of another shape, or no numbers; nothing has changed then.
        """
        return self._changed("assign", torch.Tensor.copy_, value)

    @torch.no_grad()
    def assign_add(self, value: Any) -> Self:
        """Adds to the values."""
        return self._changed("assign_add", torch.Tensor.add_, value)

    @torch.no_grad()
    def assign_sub(self, value: Any) -> Self:
        """Takes from the values."""
        return self._changed("assign_sub", torch.Tensor.sub_, value)

    def _changed(self, word: str, change: Callable[[Any, Tensor], Any], value: Any) -> Self:
        mine: Any = self
        who = f"{getattr(mine, 'path', mine.name)}.{word}"
        given = as_tensor(value, who, mine.device)
        try:
            fits = torch.broadcast_shapes(given.shape, mine.shape) == mine.shape
        except RuntimeError:
            fits = False
        if not fits:
            raise ValueError(
                f"{who}: expected numbers of shape {tuple(mine.shape)}, got {tuple(given.shape)}."
            )
        change(mine, given)
        return self


class Variable(Assigned, Tensor):
    """A tensor that is a state of a metric or an optimiser, with Keras's ways to change it.

    What is computed from it is a plain tensor; `assign` and the like change it in place, so that
    whoever holds it sees the change. It has no gradient.

    Args:
        values: its first value; they are copied.
        name: of the state.

    Example:
        >>> total = Variable(torch.zeros(()), "total")
        >>> total.assign_add(2.0)
        Variable(2., name='total')
        >>> total * 2
        tensor(4.)
    """

    _called: str

    def __new__(cls, values: Tensor, name: str = "variable") -> Self:
        made = Tensor._make_subclass(cls, values.detach().clone())
        made._called = name
        return made

    # What is computed from it is no state.
    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the state is called."""
        return self._called

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self, self.name)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.as_subclass(Tensor), self.name)

    def __repr__(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        plain = repr(self.as_subclass(Tensor))
        return f"Variable({plain.removeprefix('tensor(').removesuffix(')')}, name={self.name!r})"
