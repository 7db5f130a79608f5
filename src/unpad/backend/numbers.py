"""Types, constants and values: floatx, epsilon, cast, variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.symbol import Symbol
from ..core.weighted import as_dtype
from ..ragged import Ragged
from .batches import of_batches


def backend() -> str:
    """The name of what computes: "torch"."""
    return "torch"


def floatx() -> str:
    """The name of the type that floats have by default, torch's: "float32"."""
    return name_of(torch.get_default_dtype())


def set_floatx(floatx: str) -> None:
    """Sets the type that floats have by default, torch's own.

    Raises:
        ValueError: it is none of "float16", "bfloat16", "float32", "float64".
    """
    if floatx not in ("float16", "bfloat16", "float32", "float64"):
        raise ValueError(f"set_floatx: expected 'float32' or another float, got {floatx!r}.")
    torch.set_default_dtype(getattr(torch, floatx))


def epsilon() -> float:
    """The small number that keeps a division finite: 1e-7."""
    return 1e-7


def name_of(dtype: torch.dtype) -> str:
    """Keras's name of a type: "float32"."""
    return str(dtype).removeprefix("torch.")


def dtype(x: Any) -> str:
    """The name of the type of x."""
    return name_of(x.dtype) if isinstance(x.dtype, torch.dtype) else str(x.dtype)


@of_batches
def cast(x: Any, dtype: str | torch.dtype) -> Any:
    """X as another type, "float32" or "bool"; the steps of a Ragged stay.

    Example:
        >>> cast(unpad.backend.greater(torch.tensor([[3, 0]]), 0), floatx())
        tensor([[1., 0.]])
    """
    return x.to(dtype=as_dtype(dtype))


def cast_to_floatx(x: Any) -> Any:
    """X as a float of the default type; an array stays an array."""
    if isinstance(x, (Tensor, Ragged, Symbol)):
        return cast(x, floatx())
    return np.asarray(x, dtype=floatx())


def _made(value: Any, dtype: str | None) -> Tensor:
    kind = as_dtype(dtype) or torch.get_default_dtype()
    return torch.tensor(np.asarray(value)).to(kind)


def constant(
    value: Any, dtype: str | None = None, shape: Sequence[int] | None = None, name: Any = None
) -> Tensor:
    """A tensor of these numbers; with `shape`, one number everywhere. The name says nothing."""
    made = _made(value, dtype)
    return made if shape is None else made.expand(*shape).clone()


def variable(value: Any, dtype: str | None = None, name: Any = None) -> Tensor:
    """A tensor that `set_value` can change. The name says nothing."""
    return _made(value, dtype)


def zeros(shape: Sequence[int], dtype: str | None = None) -> Tensor:
    """Zeros of this shape."""
    return torch.zeros(*shape, dtype=as_dtype(dtype))


def ones(shape: Sequence[int], dtype: str | None = None) -> Tensor:
    """Ones of this shape."""
    return torch.ones(*shape, dtype=as_dtype(dtype))


def eye(size: int, dtype: str | None = None) -> Tensor:
    """The identity matrix."""
    return torch.eye(size, dtype=as_dtype(dtype))


def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: str = "int32"
) -> Tensor:
    """Numbers from start, 0 if it is the only one, up to stop."""
    first, last = (0, start) if stop is None else (start, stop)
    return torch.arange(first, last, step, dtype=as_dtype(dtype))


def get_value(x: Any) -> Any:
    """The numbers of a tensor, as an array; a Ragged's as a list of arrays."""
    if isinstance(x, Ragged):
        return [np.asarray(part) for part in x.detach().to_list()]
    return x.detach().cpu().numpy() if isinstance(x, Tensor) else x


eval = get_value


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
        x.copy_(torch.as_tensor(value))


def clear_session() -> None:
    """Keras's way to forget all graphs. A model here is forgotten when nothing holds it."""
