"""Types as Keras promotes them: numbers of Python's give way to a tensor's."""

from __future__ import annotations

import builtins
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..ragged.numbers import as_dtype, as_tensor


def floatx() -> torch.dtype:
    """The type that floats have by default."""
    return torch.get_default_dtype()


def as_type(given: Any, who: str = "ops") -> torch.dtype | None:
    """A type, by its name too; complex ones among them."""
    return as_dtype(given, who, real=False)


def tensor(x: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """X as a tensor: arrays and lists too, a number of Python's as int32 or the default float."""
    kind = as_type(dtype)
    if isinstance(x, Tensor):
        return x if kind is None else x.to(kind)
    if isinstance(x, np.generic):
        x = np.asarray(x)
    if isinstance(x, np.ndarray):
        # Complex numbers are for a few functions here, and for no layer.
        imaginary = x.dtype.kind == "c"
        made = torch.as_tensor(x, device=device) if imaginary else as_tensor(x, "ops", device)
        return made if kind is None else made.to(kind)
    if isinstance(x, (list, tuple)) and builtins.any(isinstance(part, Tensor) for part in x):
        return torch.stack([tensor(part, dtype, device) for part in x])
    made = as_tensor(x, "ops", device)
    if kind is None:
        kind = _kind_of(x)
    return made if kind is None else made.to(kind)


def _kind_of(x: Any) -> torch.dtype | None:
    """The type of numbers of Python's, in lists or alone; None lets torch say."""
    array = np.asarray(x)
    if array.dtype.kind == "f":
        return floatx()
    fits = array.size == 0 or (array.min() >= -(2**31) and array.max() < 2**31)
    return torch.int32 if array.dtype.kind == "i" and fits else None


def is_number(x: Any) -> bool:
    """Whether it is a number of Python's, whose type gives way to a tensor's."""
    return isinstance(x, (bool, int, float, complex)) and not isinstance(x, np.generic)


def promoted(*xs: Any) -> torch.dtype:
    """The type that tensors and numbers of Python's have together."""
    kinds = [as_type(x) if isinstance(x, (str, torch.dtype)) else None for x in xs]
    given = [k or x.dtype for k, x in zip(kinds, xs, strict=True) if k or isinstance(x, Tensor)]
    if not given:
        return reduce(torch.promote_types, (tensor(x).dtype for x in xs))
    kind = reduce(torch.promote_types, given)
    for x in xs:
        if isinstance(x, float) and not (kind.is_floating_point or kind.is_complex):
            kind = floatx()
        elif isinstance(x, int) and not isinstance(x, bool) and kind == torch.bool:
            kind = torch.int32
    return kind


def same(*xs: Any, least: torch.dtype | None = None) -> list[Tensor]:
    """The arguments as tensors of the type that they have together.

    Args:
        xs: tensors, arrays, numbers.
        least: the type that integers become.
    """
    parts = [x if is_number(x) else tensor(x) for x in xs]
    kind = promoted(*parts)
    if least is not None and not (kind.is_floating_point or kind.is_complex):
        kind = least
    device = next((x.device for x in parts if isinstance(x, Tensor)), None)
    return [tensor(x, kind, device) for x in parts]


def floats(x: Any, of_int64: torch.dtype | None = None) -> Tensor:
    """X as floats: integers and flags in the default type, int64 in another where one is given."""
    x = tensor(x)
    if x.is_floating_point() or x.is_complex():
        return x
    return x.to(of_int64 if of_int64 is not None and x.dtype == torch.int64 else floatx())


def counted(x: Any) -> Tensor:
    """Flags and small integers as int32, in which Keras sums them."""
    x = tensor(x)
    small = (torch.bool, torch.uint8, torch.int8, torch.int16)
    return x.to(torch.int32) if x.dtype in small else x


def numbers(x: Any) -> Tensor:
    """Flags as int32; all else as it is."""
    x = tensor(x)
    return x.to(torch.int32) if x.dtype == torch.bool else x
