"""Numbers of a file, put into the tensors of a model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def put(tensor: Tensor, array: np.ndarray) -> None:
    """Puts the numbers of an array into a tensor, with no copy between where both lie in memory."""
    plain = tensor.detach().as_subclass(Tensor)
    if plain.device.type == "cpu" and plain.dtype in (torch.float32, torch.float64):
        with np.errstate(all="ignore"):
            np.copyto(plain.numpy(), array, casting="unsafe")
        # Tells autograd that these numbers have changed since something was computed from them.
        torch.autograd.graph.increment_version(tensor)
    else:
        tensor.detach().copy_(torch.from_numpy(_aligned(array)))


def _aligned(array: np.ndarray) -> np.ndarray:
    """The array in this machine's byte order, aligned, and one that torch may hold."""
    return np.array(array, dtype=array.dtype.newbyteorder("="))
