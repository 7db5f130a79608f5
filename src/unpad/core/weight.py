"""Weight: a torch parameter with what Keras lets people do with a variable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, NamedTuple, Self, cast

import numpy as np
import torch
from torch import Tensor

from ..arguments import wrong
from ..ragged.numbers import as_tensor
from ..variable import Assigned
from ..weights import constraints, initializers, regularizers

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


class Kept(NamedTuple):
    """Where a layer keeps what its weights pay and are kept to, by their names; a weight's own.

    Args:
        regularizers: of all its weights.
        constraints: likewise.
        name: of this one; "" while no layer holds it.
    """

    regularizers: dict[str, Any]
    constraints: dict[str, Any]
    name: str


def _option(kind: str, get: Callable[..., Any], text: str) -> property:
    """What a weight has of a kind, which its layer keeps."""

    def read(self: Weight) -> Any:
        return getattr(self._kept, kind).get(self._kept.name)

    def write(self: Weight, value: Any) -> None:
        value, held = get(value, f"Weight {self.path!r}"), getattr(self._kept, kind)
        held.pop(self._kept.name, None)
        held |= {} if value is None else {self._kept.name: value}

    return property(read, write, doc=text)


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
    _kept: Kept
    regularizer = _option("regularizers", regularizers.get, "What it pays, as `losses` has it.")
    constraint = _option(
        "constraints", constraints.get, "What it is kept to after every update; None for nothing."
    )

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
    def of(
        cls, values: Tensor, requires_grad: bool, name: str, path: str, kept: Kept | None = None
    ) -> Self:
        """A weight on these values, which are not copied."""
        made = Tensor._make_subclass(cls, values, requires_grad)
        made._called, made._path, made._kept = name, path, kept or Kept({}, {}, "")
        return made

    def kept_by(self, kept: Kept) -> None:
        """What it pays and is kept to stands with a layer from now on, beside what it has.

        Args:
            kept: of the layer that holds it.
        """
        before = self._kept
        if before.name:  # a weight that two layers share is the first one's
            return
        self._kept = kept
        for held, had in zip(kept[:2], before[:2], strict=True):
            if before.name in had and kept.name not in held:
                held[kept.name] = had[before.name]

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
            kept = deepcopy(self._kept, memo)
            memo[id(self)] = type(self).of(values, self.requires_grad, self.name, self.path, kept)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        values = self.as_subclass(Tensor).detach()
        return type(self).of, (values, self.requires_grad, self.name, self.path, self._kept)

    def __repr__(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return f"Weight {self.path!r} containing:\n{self.as_subclass(Tensor)!r}"
