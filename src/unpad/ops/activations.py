"""Activations, number by number and along an axis; see `unpad.activations`."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from ..ragged import Ragged
from ..weights import activations
from .along import along
from .elementary import of_floats, tanh
from .kinds import elementwise
from .types import floats, tensor

relu = elementwise(lambda x: torch.relu(tensor(x)), "relu", "x where positive, else 0.")
relu6 = elementwise(
    lambda x: tensor(x).clamp(0, 6), "relu6", "x where positive, at most 6, else 0."
)
_silu = "x times its sigmoid."
sigmoid = of_floats(torch.sigmoid, "sigmoid", "1 / (1 + exp(-x)).")
silu = of_floats(activations.silu, "silu", _silu)
swish = of_floats(activations.silu, "swish", _silu)
softplus = of_floats(activations.softplus, "softplus", "log(1 + exp(x)).")
softsign = of_floats(activations.softsign, "softsign", "x / (1 + |x|).")
log_sigmoid = of_floats(activations.log_sigmoid, "log_sigmoid", "log(sigmoid(x)).")
selu = of_floats(activations.selu, "selu", "The scaled `elu` of Klambauer et al. (2017).")
tanh_shrink = of_floats(activations.tanh_shrink, "tanh_shrink", "x - tanh(x).")
hard_sigmoid = of_floats(activations.hard_sigmoid, "hard_sigmoid", "relu6(x + 3) / 6.")
hard_silu = of_floats(activations.hard_silu, "hard_silu", "x times its `hard_sigmoid`.")
hard_swish = of_floats(activations.hard_silu, "hard_swish", "x times its `hard_sigmoid`.")
hard_tanh = of_floats(activations.hard_tanh, "hard_tanh", "x, at least -1 and at most 1.")
sparse_plus = of_floats(activations.sparse_plus, "sparse_plus", "See `activations.sparse_plus`.")
sparse_sigmoid = of_floats(
    activations.sparse_sigmoid, "sparse_sigmoid", "(x + 1) / 2, at least 0 and at most 1."
)


@elementwise
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """X where positive, else negative_slope * x."""
    return activations.leaky_relu(floats(x), negative_slope)


@elementwise
def elu(x: Any, alpha: float = 1.0) -> Any:
    """X where positive, else alpha (exp(x) - 1)."""
    return activations.elu(floats(x), alpha)


@elementwise
def celu(x: Any, alpha: float = 1.0) -> Any:
    """X where positive, else alpha (exp(x / alpha) - 1)."""
    return activations.celu(floats(x), alpha)


@elementwise
def gelu(x: Any, approximate: bool = True) -> Any:
    """X times the normal distribution's function at x, by default tanh's estimate of it."""
    return activations.gelu(floats(x), approximate)


@elementwise
def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x**2 + b)) / 2."""
    return activations.squareplus(floats(x), b)


@elementwise
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """X, but 0 where it is within the threshold of 0."""
    return activations.hard_shrink(floats(x), threshold)


@elementwise
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """X moved towards 0 by the threshold, 0 where that would change its sign."""
    return activations.soft_shrink(floats(x), threshold)


@elementwise
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """X above the threshold, else the default value."""
    return activations.threshold(tensor(x), threshold, default_value)


def _softmax_over_time(x: Ragged, given: dict[str, Any]) -> Any:
    return x.with_values(floats(x.values)).softmax()


@partial(along, time=_softmax_over_time)
def softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x) / sum(exp(x)) along an axis; along time (axis 1) over each sequence's own steps."""
    return activations.softmax(floats(x), axis)


@along
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """The logarithm of `softmax`."""
    return activations.log_softmax(floats(x), axis)


@along
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest probabilities along an axis, many of them 0; see `activations.sparsemax`."""
    return activations.sparsemax(floats(x), axis)


@along
def glu(x: Any, axis: int = -1) -> Any:
    """The first half of an axis times the sigmoid of the second."""
    return torch.nn.functional.glu(floats(x), axis)


__all__ = [
    "celu", "elu", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish",
    "hard_tanh", "leaky_relu", "log_sigmoid", "log_softmax", "relu", "relu6", "selu", "sigmoid",
    "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "sparsemax", "squareplus", "swish", "tanh", "tanh_shrink", "threshold",
]  # fmt: skip
