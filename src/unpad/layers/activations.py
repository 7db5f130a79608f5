"""Keras's activations by name, as torch functions of the last axis."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import look_up


def linear(x: Tensor) -> Tensor:
    """X itself."""
    return x


def softmax(x: Tensor) -> Tensor:
    """The softmax over the features of a step. Over the steps: `Ragged.softmax`."""
    return torch.softmax(x, -1)


def log_softmax(x: Tensor) -> Tensor:
    """The logarithm of the softmax over the features of a step."""
    return torch.log_softmax(x, -1)


def hard_sigmoid(x: Tensor) -> Tensor:
    """relu6(x + 3) / 6."""
    return F.relu6(x + 3) / 6


def leaky_relu(x: Tensor) -> Tensor:
    """X where positive, else 0.2 x: Keras's slope."""
    return F.leaky_relu(x, 0.2)


_BY_NAME: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": linear,
    "relu": torch.relu,
    "relu6": F.relu6,
    "leaky_relu": leaky_relu,
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "swish": F.silu,
    "mish": F.mish,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": hard_sigmoid,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "exponential": torch.exp,
}
_NAMES = {function: name for name, function in reversed(_BY_NAME.items())}


def get(
    activation: str | Callable[[Tensor], Tensor] | None, who: str = "activations.get"
) -> Callable[[Tensor], Tensor]:
    """The activation of this name; None is linear; a callable is taken as it is.

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if activation is None:
        return linear
    if isinstance(activation, str):
        return look_up(who, "activation", activation, _BY_NAME)
    if not callable(activation):
        raise ValueError(f"{who}: expected an activation's name or callable, got {activation!r}.")
    return activation


def name_of(activation: Callable[[Tensor], Tensor]) -> str | None:
    """The name of a known activation; None for a callable of the user's own."""
    return _NAMES.get(activation)
