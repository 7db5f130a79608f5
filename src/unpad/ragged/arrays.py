"""numpy arrays to tensors, by one rule for every door."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import torch
from torch import Tensor


def is_numeric(array: np.ndarray) -> bool:
    """Whether the array holds numbers that a tensor can hold: booleans, integers, floats."""
    return array.dtype.kind in "biuf"


def as_integers(numbers: Any, device: torch.device | str = "cpu") -> Tensor:
    """What the caller gives as integers or flags; an empty list, which says nothing, counts."""
    tensor = torch.as_tensor(numbers, device=device)
    return tensor if tensor.numel() else tensor.to(torch.int64)


def to_tensor(array: np.ndarray) -> Tensor:
    """A numeric array as a tensor. Shares memory unless numpy forbids to write or to step so."""
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        # torch knows unsigned integers wider than a byte by name only.
        array = array.astype(np.int64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype == np.longdouble:
        array = array.astype(np.float64)
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def to_numpy(tensor: Tensor) -> np.ndarray:
    """The numbers as numpy has them; bfloat16, which it has not, as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def as_count(number: Any, who: str, what: str) -> int:
    """A whole number, none negative, as Python's own.

    Raises:
        ValueError: it is none; the text says who wanted what.
    """
    try:
        if isinstance(number, (bool, np.bool_)):
            raise TypeError
        count = operator.index(number)
    except TypeError:
        count = -1
    if count < 0:
        raise ValueError(f"{who}: expected {what} as a whole number from 0 on, got {number!r}.")
    return count
