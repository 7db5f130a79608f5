"""The activations that recurrent kernels know: each by its value, its slope from its value.

All of these have a derivative that can be computed from the result alone, so a kernel keeps only
results for the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Activation(NamedTuple):
    """An activation in place, and its derivative as a function of its result."""

    apply_: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]


def _hard_sigmoid_(x: Tensor) -> Tensor:
    # Keras 3: relu6(x + 3) / 6.
    return x.add_(3).clamp_(0, 6).div_(6)


KNOWN: dict[str, Activation] = {
    "tanh": Activation(torch.tanh_, lambda y: 1 - y * y),
    "sigmoid": Activation(torch.sigmoid_, lambda y: y * (1 - y)),
    "relu": Activation(torch.relu_, lambda y: (y > 0).to(y.dtype)),
    "linear": Activation(lambda x: x, torch.ones_like),
    "hard_sigmoid": Activation(_hard_sigmoid_, lambda y: ((y > 0) & (y < 1)).to(y.dtype) / 6),
}
