"""Functions and comparisons of single numbers: the steps of a Ragged stay what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..core.layer import lift
from ..layers.merging.pairs import check_agreement, pair
from ..ragged import Ragged
from ..weights import activations
from .batches import feature_axis, of_batches


@of_batches
def equal(x: Any, y: Any) -> Any:
    """Where x == y."""
    return x == y


@of_batches
def not_equal(x: Any, y: Any) -> Any:
    """Where x != y: what a mask is made of.

    Example:
        >>> not_equal(torch.tensor([[3, 0]]), 0)
        tensor([[ True, False]])
    """
    return x != y


@of_batches
def greater(x: Any, y: Any) -> Any:
    """Where x > y."""
    return x > y


@of_batches
def greater_equal(x: Any, y: Any) -> Any:
    """Where x >= y."""
    return x >= y


@of_batches
def less(x: Any, y: Any) -> Any:
    """Where x < y."""
    return x < y


@of_batches
def less_equal(x: Any, y: Any) -> Any:
    """Where x <= y."""
    return x <= y


def together(function: Callable[..., Tensor], parts: list[Any], who: str) -> Any:
    """A function of tensors, number by number, on batches whose steps are paired one to one."""
    if not any(isinstance(part, Ragged) for part in parts):
        like = next(part for part in parts if isinstance(part, Tensor))
        tensors = [torch.as_tensor(part, device=like.device) for part in parts]
        return function(*tensors)
    sequences = [i for i, part in enumerate(parts) if isinstance(part, Ragged)]
    k = max(sequences, key=lambda i: len(parts[i].feature))
    like = parts[k]

    def beside(i: int, part: Any) -> Any:
        if isinstance(part, Ragged):
            check_agreement(like, part, k, i, who)
            return part.values
        if isinstance(part, Tensor) and part.ndim:
            return pair([like, part], who)[0][1]
        return torch.as_tensor(part, device=like.device)

    return like.with_values(function(*(beside(i, part) for i, part in enumerate(parts))))


@of_batches
def maximum(x: Any, y: Any) -> Any:
    """The larger of x and y."""
    return together(torch.maximum, [x, y], "maximum")


@of_batches
def minimum(x: Any, y: Any) -> Any:
    """The smaller of x and y."""
    return together(torch.minimum, [x, y], "minimum")


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """`then_expression` where the condition is True, else the other; functions are called."""
    options = [e() if callable(e) else e for e in (then_expression, else_expression)]
    return _chosen(condition, *options)


@of_batches
def _chosen(condition: Any, yes: Any, no: Any) -> Any:
    def choose(where: Tensor, yes: Tensor, no: Tensor) -> Tensor:
        # As in Keras, a condition for each step chooses all of the step's features.
        return torch.where(where.reshape(*where.shape, *(1,) * (yes.ndim - where.ndim)), yes, no)

    return together(choose, [condition, yes, no], "switch")


@of_batches
def abs(x: Any) -> Any:
    """The value without its sign."""
    return torch.abs(x)


@of_batches
def square(x: Any) -> Any:
    """X times x."""
    return torch.square(x)


@of_batches
def sqrt(x: Any) -> Any:
    """The root; 0 of what is negative."""
    return torch.sqrt(torch.clamp(x, min=0))


@of_batches
def exp(x: Any) -> Any:
    """The exponential."""
    return torch.exp(x)


@of_batches
def log(x: Any) -> Any:
    """The natural logarithm."""
    return torch.log(x)


@of_batches
def pow(x: Any, a: Any) -> Any:
    """X to the power of a."""
    return x**a


@of_batches
def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    return torch.sign(x)


@of_batches
def round(x: Any) -> Any:
    """The nearest integer, the even one of two."""
    return torch.round(x)


@of_batches
def sin(x: Any) -> Any:
    """The sine."""
    return torch.sin(x)


@of_batches
def cos(x: Any) -> Any:
    """The cosine."""
    return torch.cos(x)


@of_batches
def clip(x: Any, min_value: float, max_value: float) -> Any:
    """X, but at least `min_value` and at most `max_value`."""
    return torch.clamp(x, min_value, max_value)


@of_batches
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return torch.tanh(x)


@of_batches
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return torch.sigmoid(x)


@of_batches
def hard_sigmoid(x: Any) -> Any:
    """See `activations.hard_sigmoid`: Keras 3's, relu6(x + 3) / 6."""
    return lift(activations.hard_sigmoid, x)


@of_batches
def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """See `activations.relu`, whose `negative_slope` is alpha here."""
    return lift(lambda values: activations.relu(values, alpha, max_value, threshold), x)


@of_batches
def elu(x: Any, alpha: float = 1.0) -> Any:
    """See `activations.elu`."""
    return lift(lambda values: activations.elu(values, alpha), x)


@of_batches
def softplus(x: Any) -> Any:
    """See `activations.softplus`."""
    return lift(activations.softplus, x)


@of_batches
def softsign(x: Any) -> Any:
    """See `activations.softsign`."""
    return lift(activations.softsign, x)


@of_batches
def softmax(x: Any, axis: int = -1) -> Any:
    """The softmax along an axis; along time (axis 1) over each sequence's own steps."""
    if isinstance(x, Ragged) and axis % (2 + len(x.feature)) == 1:
        return x.softmax()
    along = feature_axis(x, axis, "softmax", "Along time: axis=1.")
    return lift(lambda values: torch.softmax(values, along), x)


@of_batches
def l2_normalize(x: Any, axis: int = -1) -> Any:
    """X divided by its norm along an axis of features; 0 of zeros."""
    along = feature_axis(x, axis, "l2_normalize", "Give a feature axis.")
    # Under the root as in Keras.
    return lift(lambda v: v * v.square().sum(along, True).clamp(min=1e-12).rsqrt(), x)


@of_batches
def stop_gradient(x: Any) -> Any:
    """X, through which no gradient flows back."""
    return lift(lambda values: values.detach(), x)
