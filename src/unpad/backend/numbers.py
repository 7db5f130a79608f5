"""Types, constants and values: floatx, epsilon, cast, variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments import wrong
from ..core.symbol import Symbol
from ..ops import cast
from ..ops.types import as_type, promoted
from ..ragged import Ragged
from ..ragged.numbers import as_tensor, type_name
from ..signatures import of_numbers


def backend() -> str:
    """The name of what computes: "torch"."""
    return "torch"


def floatx() -> str:
    """The name of the type that floats have by default, torch's: "float32"."""
    return type_name(torch.get_default_dtype())


def set_floatx(floatx: str) -> None:
    """Sets the type that floats have by default, torch's own.

    Raises:
        ValueError: it is none of "float16", "bfloat16", "float32", "float64".
    """
    if not isinstance(floatx, str) or floatx not in ("float16", "bfloat16", "float32", "float64"):
        raise wrong("set_floatx", "floatx", "'float32' or another float", floatx)
    torch.set_default_dtype(getattr(torch, floatx))


def epsilon() -> float:
    """The small number that keeps a division finite: 1e-7."""
    return 1e-7


@of_numbers
def cast_to_floatx(x: Any) -> Any:
    """X as a float of the default type; an array stays an array."""
    if isinstance(x, (Tensor, Ragged, Symbol)):
        return cast(x, floatx())
    return np.asarray(x, dtype=floatx())


def _made(value: Any, dtype: str | None) -> Tensor:
    kind = as_type(dtype, "constant") or torch.get_default_dtype()
    return as_tensor(value, "constant").to(kind, copy=True)


@of_numbers
def constant(
    value: Any, dtype: str | None = None, shape: Sequence[int] | None = None, name: Any = None
) -> Tensor:
    """A tensor of these numbers; with `shape`, one number everywhere. The name says nothing."""
    made = _made(value, dtype)
    return made if shape is None else made.expand(*shape).clone()


@of_numbers
def variable(value: Any, dtype: str | None = None, name: Any = None) -> Tensor:
    """A tensor that `set_value` can change. The name says nothing."""
    return _made(value, dtype)


@of_numbers
def set_value(x: Tensor, value: Any) -> None:
    """Puts other numbers into a tensor.

    Raises:
        TypeError: x is no tensor.
    """
    if not isinstance(x, Tensor):
        raise TypeError(
            f"set_value: expected a tensor, got {type(x).__name__}. A learning rate is set as "
            "model.optimizer.learning_rate = 0.001."
        )
    with torch.no_grad():
        x.copy_(as_tensor(value, "set_value"))


def clear_session() -> None:
    """Keras's way to forget all graphs. A model here is forgotten when nothing holds it."""


def standardize_dtype(dtype: Any) -> str:
    """A type by its name, as "float32"; of None the default.

    Raises:
        ValueError: it is none.
    """
    return type_name(as_type(dtype, "standardize_dtype") or torch.get_default_dtype())


def is_float_dtype(dtype: Any) -> bool:
    """Whether it is a type of floating numbers."""
    return getattr(torch, standardize_dtype(dtype)).is_floating_point


def is_int_dtype(dtype: Any) -> bool:
    """Whether it is a type of whole numbers."""
    return standardize_dtype(dtype).lstrip("u").startswith("int")


def result_type(*dtypes: Any) -> str:
    """The type of what numbers of these types make together."""
    kinds = [getattr(torch, standardize_dtype(dtype)) for dtype in dtypes]
    return type_name(promoted(*(torch.zeros(1, dtype=kind) for kind in kinds)))
