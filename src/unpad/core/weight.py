"""Weight: a torch parameter with what Keras lets people do with a variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor

from ..arguments import wrong
from ..ragged.numbers import as_tensor
from ..variable import Assigned
from ..weights import initializers

_scopes: list[str] = []


class name_scope:  # noqa: N801 - Keras's name
    """Within the block the paths of weights that are made begin with a name.

    Args:
        name: in front of what they are called, and of a scope inside.

    Example:
        >>> with name_scope("encoder"):
        ...     Weight("zeros", (2,), name="scale").path
        'encoder/scale'
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name or "/" in name:
            raise wrong("name_scope", "name", "a name without a slash", name)
        self.name = name

    def __enter__(self) -> Self:
        _scopes.append(self.name)
        return self

    def __exit__(self, *error: object) -> None:
        _scopes.pop()


class Weight(Assigned, torch.nn.Parameter):
    """A torch parameter, with Keras's ways to change and to read it.

    It is a parameter in every respect: optimisers, `state_dict`, hooks, `torch.compile` and what is
    computed from it know no difference. Set as a layer's attribute it is one of its weights.

    Args:
        initializer: its first values, or a name or function of (shape, dtype) that makes them.
        shape: of the values, where a function makes them.
        dtype: of the values; by default those given, floats in torch's default.
        trainable: False gives a weight that no optimiser moves.
        name: what it is called.
        path: the layer's name and its own, as Keras has it; by default the name, behind those of
            `name_scope`.

    Example:
        >>> w = Weight("zeros", (2,), name="w")
        >>> w.assign([1.0, 2.0]).assign_add(1.0).numpy()
        array([2., 3.], dtype=float32)
    """

    _called: str
    _path: str

    def __new__(
        cls,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        *,
        name: str = "variable",
        path: str | None = None,
    ) -> Self:
        kind = getattr(torch, dtype) if isinstance(dtype, str) else dtype
        if callable(initializer) or isinstance(initializer, str):
            make = initializers.get(initializer, "Weight")
            values = make(tuple(shape or ()), kind or torch.get_default_dtype())
        else:
            given = as_tensor(initializer, f"{name}: value")
            values = given.detach().clone() if isinstance(initializer, Tensor) else given
            if kind is None and values.dtype == torch.float64 and not isinstance(
                initializer, Tensor):  # fmt: skip
                kind = torch.get_default_dtype()
            values = values.to(kind or values.dtype)
        asked = trainable and values.dtype.is_floating_point
        return cls.of(values, asked, name, path or "/".join([*_scopes, name]))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    @classmethod
    def of(cls, values: Tensor, requires_grad: bool, name: str, path: str) -> Self:
        """A weight on these values, which are not copied."""
        made = Tensor._make_subclass(cls, values, requires_grad)
        made._called, made._path = name, path
        return made

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the weight is called, as "kernel"."""
        return self._called

    @property
    def path(self) -> str:
        """The layer's name and the weight's: "dense/kernel"."""
        return self._path

    @property
    def trainable(self) -> bool:
        """Whether an optimiser moves it: torch's `requires_grad`."""
        return self.requires_grad

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.requires_grad_(bool(value))

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The values as an array of its own."""
        return cast(Any, self.detach()).cpu().numpy().copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if id(self) not in memo:
            values = self.detach().clone(memory_format=torch.preserve_format)
            memo[id(self)] = type(self).of(values, self.requires_grad, self.name, self.path)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        values = self.as_subclass(Tensor).detach()
        return type(self).of, (values, self.requires_grad, self.name, self.path)

    def __repr__(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return f"Weight {self.path!r} containing:\n{self.as_subclass(Tensor)!r}"
