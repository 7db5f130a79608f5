"""Keras's activations by name, as torch functions of the last axis."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import wrong
from ..errors import look_up
from ..kernels import activate
from .arrays import of_arrays

#: What every activation takes and gives.
_OF_NUMBERS = """Args:
    x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.

Returns:
    Of the same shape; empty where x is empty."""


def _of_torch(function: Callable[..., Tensor], name: str, says: str) -> Callable[[Tensor], Tensor]:
    """Torch's own function under Keras's name."""

    def activation(x: Tensor) -> Tensor:
        return function(x)

    activation.__name__ = activation.__qualname__ = name
    activation.__doc__ = f"{says}\n\n{_OF_NUMBERS}"
    return of_arrays(activation)


def _of_kernels(name: str, says: str) -> Callable[[Tensor], Tensor]:
    """One that `kernels.activate` computes."""
    return _of_torch(partial(activate, kind=name), name, says)


relu6 = _of_torch(F.relu6, "relu6", "X where positive, at most 6.")
selu = _of_torch(
    partial(activate, kind="selu"),
    "selu",
    "The scaled `elu` that keeps mean and variance: Klambauer (2017).",
)
silu = _of_torch(
    partial(activate, kind="silu"), "silu", "X times its sigmoid: Elfwing et al. (2017)."
)
mish = _of_torch(F.mish, "mish", "X times tanh(softplus(x)): Misra (2019).")
tanh = _of_kernels("tanh", "The hyperbolic tangent, from -1 to 1.")
sigmoid = _of_torch(torch.sigmoid, "sigmoid", "1 / (1 + exp(-x)), from 0 to 1.")
exponential = _of_torch(torch.exp, "exponential", "exp(x).")
softplus = _of_torch(F.softplus, "softplus", "log(1 + exp(x)).")
softsign = _of_torch(F.softsign, "softsign", "x / (1 + |x|), from -1 to 1.")
tanh_shrink = _of_torch(F.tanhshrink, "tanh_shrink", "x - tanh(x).")
hard_silu = _of_torch(F.hardswish, "hard_silu", "x relu6(x + 3) / 6: Howard et al. (2019).")
hard_tanh = _of_torch(F.hardtanh, "hard_tanh", "X, at least -1 and at most 1.")
log_sigmoid = _of_torch(F.logsigmoid, "log_sigmoid", "log(1 / (1 + exp(-x))).")
swish, hard_swish = silu, hard_silu


@of_arrays
def linear(x: Tensor) -> Tensor:
    """X itself.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return x


@of_arrays
def relu(
    x: Tensor,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> Tensor:
    """X above the threshold and at most `max_value`, else negative_slope * (x - threshold).

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        negative_slope: the slope below.
        max_value: the most that comes out; None is no bound.
        threshold: the border.

    Returns:
        Of the same shape; empty where x is empty.
    """
    if max_value is None and not threshold:
        return F.leaky_relu(x, negative_slope) if negative_slope else torch.relu(x)
    if max_value == 6 and not threshold and not negative_slope:
        return F.relu6(x)
    above = torch.where(x > threshold, x, 0) if threshold else torch.relu(x)
    if max_value is not None:
        above = above.clamp(0, max_value)
    if not negative_slope:
        return above
    return above - negative_slope * torch.relu(threshold - x)


@of_arrays
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """X where positive, else negative_slope * x.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        negative_slope: the slope below.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return F.leaky_relu(x, negative_slope)


@of_arrays
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """X where positive, else alpha (exp(x) - 1): Clevert et al. (2016).

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        alpha: what it tends to far below 0, with a minus.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return activate(x, "elu", alpha)


@of_arrays
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """X where positive, else alpha (exp(x / alpha) - 1): Barron (2017).

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        alpha: what it tends to far below 0, with a minus.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return F.celu(x, alpha)


@of_arrays
def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """X times the normal distribution's function at x, or tanh's estimate of it.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        approximate: whether tanh's estimate is taken.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return F.gelu(x, approximate="tanh" if approximate else "none")


def over_axes(of: Callable[[Tensor, int], Tensor], x: Tensor, axis: Any) -> Tensor:
    """A function along one axis, along several taken as one; None is all."""
    if isinstance(axis, int):
        return of(x, axis)
    axes = [a % x.ndim for a in (range(x.ndim) if axis is None else axis)]
    others = [a for a in range(x.ndim) if a not in axes]
    moved = x.permute(*others, *axes)
    found = of(moved.flatten(len(others)), -1).reshape(moved.shape)
    order = [*others, *axes]
    return found.permute([order.index(a) for a in range(x.ndim)])


@of_arrays
def softmax(x: Tensor, axis: Any = -1) -> Tensor:
    """The softmax over the features of a step. Over the steps: `Ragged.softmax`.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        axis: along which; the features by default.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return over_axes(torch.softmax, x, axis)


@of_arrays
def log_softmax(x: Tensor, axis: Any = -1) -> Tensor:
    """The logarithm of the softmax over the features of a step; several axes share one sum.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        axis: along which; the features by default.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return over_axes(torch.log_softmax, x, axis)


@of_arrays
def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """The nearest probabilities to the features of a step, many of them 0: Martins et al. (2016).

    max(x - tau, 0), with the tau that makes the sum 1.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        axis: along which; the features by default.

    Returns:
        Of the same shape; empty where x is empty.
    """
    falling = x.sort(axis, descending=True).values.movedim(axis, -1)
    excess = falling.cumsum(-1) - 1
    ranks = torch.arange(1, falling.shape[-1] + 1, dtype=x.dtype, device=x.device)
    # Above tau are the largest k, as many as stay above the tau of their own.
    k = (falling * ranks > excess).sum(-1, keepdim=True)
    tau = excess.gather(-1, k - 1) / k
    return torch.relu(x - tau.movedim(-1, axis))


@of_arrays
def glu(x: Tensor, axis: int = -1) -> Tensor:
    """The first half of the features times the sigmoid of the second: Dauphin et al. (2016).

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        axis: along which; the features by default.

    Returns:
        Half as many features; empty where x is empty.
    """
    return F.glu(x, axis)


@of_arrays
def hard_sigmoid(x: Tensor) -> Tensor:
    """relu6(x + 3) / 6.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return F.relu6(x + 3) / 6


@of_arrays
def hard_sigmoid_of_keras_2(x: Tensor) -> Tensor:
    """A fifth of x and .5, at least 0 and at most 1: what Keras 1 and 2 called hard_sigmoid.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return (x / 5 + 0.5).clamp(0, 1)


@of_arrays
def sparse_sigmoid(x: Tensor) -> Tensor:
    """(x + 1) / 2, at least 0 and at most 1: Blondel et al. (2019).

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return torch.where(x <= -1, 0.0, torch.where(x >= 1, 1.0, 0.5 * (x + 1)))


@of_arrays
def sparse_plus(x: Tensor) -> Tensor:
    """0 below -1, x above 1, and (x + 1)^2 / 4 between.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return torch.where(x <= -1, 0.0, torch.where(x < 1, 0.25 * (x + 1) ** 2, x))


@of_arrays
def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """(x + sqrt(x^2 + b)) / 2: Barron (2021).

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        b: how round the corner is.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return (x + torch.sqrt(x**2 + b)) / 2


@of_arrays
def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """X, but 0 where it is within the threshold of 0.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        threshold: the border.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return F.hardshrink(x, threshold)


@of_arrays
def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """X moved towards 0 by the threshold, 0 where that would change its sign.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        threshold: the border.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return F.softshrink(x, threshold)


@of_arrays
def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """X above the threshold, else the default value.

    By its name alone it cannot be used: both numbers must be given.

    Args:
        x: numbers of any shape; the values of a Ragged go through `Activation` or `Ragged.map`.
        threshold: the border.
        default_value: what stands below the border.

    Returns:
        Of the same shape; empty where x is empty.
    """
    return F.threshold(x, threshold, default_value)


_BY_NAME: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": linear,
    "relu": relu,
    "relu6": relu6,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "celu": celu,
    "selu": selu,
    "gelu": gelu,
    "silu": silu,
    "swish": silu,
    "mish": mish,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "hard_sigmoid": hard_sigmoid,
    "hard_sigmoid_of_keras_2": hard_sigmoid_of_keras_2,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "hard_tanh": hard_tanh,
    "hard_shrink": hard_shrink,
    "log_sigmoid": log_sigmoid,
    "soft_shrink": soft_shrink,
    "softplus": softplus,
    "softsign": softsign,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": sparse_sigmoid,
    "squareplus": squareplus,
    "tanh_shrink": tanh_shrink,
    "exponential": exponential,
    "glu": glu,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "sparsemax": sparsemax,
}
_NAMES = {function: name for name, function in reversed(_BY_NAME.items())}
# What a user of torch gives for the same.
_NAMES |= {
    torch.relu: "relu",
    F.relu: "relu",
    F.elu: "elu",
    F.celu: "celu",
    F.gelu: "gelu",
    F.glu: "glu",
    F.tanh: "tanh",
    torch.tanh: "tanh",
    F.sigmoid: "sigmoid",
    torch.sigmoid: "sigmoid",
    torch.exp: "exponential",
    F.relu6: "relu6",
    F.selu: "selu",
    F.silu: "silu",
    F.mish: "mish",
    F.softplus: "softplus",
    F.softsign: "softsign",
    F.tanhshrink: "tanh_shrink",
    F.hardswish: "hard_silu",
    F.hardtanh: "hard_tanh",
    F.logsigmoid: "log_sigmoid",
}

#: Names of those that look at all features of a step at once, so that a step must have some.
OVER_FEATURES = ("softmax", "log_softmax", "sparsemax", "glu")


def get(
    activation: str | Callable[[Tensor], Tensor] | None,
    who: str = "activations.get",
    name: str = "activation",
) -> Callable[[Tensor], Tensor]:
    """The activation of this name; None is linear; a callable is taken as it is.

    Raises:
        ValueError: there is none of this name; the text names the nearest. `threshold` needs two
            numbers.
    """
    if activation is None:
        return linear
    if isinstance(activation, str):
        if activation == "threshold":
            raise ValueError(
                f"{who}: {name}='threshold' needs two numbers. Give a function: "
                "lambda x: activations.threshold(x, 0.5, 0.0)."
            )
        return look_up(who, name, activation, _BY_NAME)
    if not callable(activation):
        raise wrong(who, name, "a name or a callable", activation)
    return activation


def name_of(activation: Callable[[Tensor], Tensor]) -> str | None:
    """The name of a known activation; None for a callable of the user's own."""
    return _NAMES.get(activation)


def features_after(
    activation: Callable[[Tensor], Tensor], size: int | None, who: str
) -> int | None:
    """How many features an activation leaves of `size`: `glu` half of them, the others all.

    Raises:
        ValueError: `glu` of an odd number of features.
    """
    if size is None or name_of(activation) != "glu":
        return size
    if size % 2:
        raise ValueError(
            f"{who}: glu multiplies one half of the features by the sigmoid of the other, but "
            f"there are {size}. Give it an even number."
        )
    return size // 2
