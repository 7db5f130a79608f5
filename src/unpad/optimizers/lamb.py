"""LAMB: Adam whose moves are as long as the weights they move."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import torch
from torch import Tensor

from ..arguments import NotNegative, Rate
from .optimizer import Optimizer, Shared
from .rule import Around, Group, Rule


class LambKeras(Rule):
    """w -= lr |w| / |u| u, with Adam's move u = m' / (sqrt(v') + epsilon); the ratio is 1 at 0."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay, around, betas=betas, eps=eps)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        return {"exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        beta_1, beta_2 = group["betas"]
        for p, grad, state in zip(params, grads, states, strict=True):
            mean, square = state["exp_avg"], state["exp_avg_sq"]
            mean.lerp_(grad, 1 - beta_1)
            square.lerp_(grad.square(), 1 - beta_2)
            root = (square / (1 - beta_2**t)).sqrt_().add_(group["eps"])
            move = (mean / (1 - beta_1**t)).div_(root)
            weight, length = p.norm(), move.norm()
            ratio = torch.where((weight > 0) & (length > 0), weight / length, 1.0)
            p.sub_(move.mul_(ratio * group["lr"]))


class Lamb(Optimizer):
    """LAMB (You et al., Large batch optimization for deep learning, 2019).

    Each weight's move by Adam is scaled to the length of the weight itself, so that large batches
    can have a large learning rate.

    Args:
        learning_rate: see `Optimizer`.
        beta_1: how slowly the mean of the gradients forgets.
        beta_2: how slowly the mean of their squares forgets.
        epsilon: added to the root of the latter.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: Rate = 0.9,
        beta_2: Rate = 0.999,
        epsilon: NotNegative = 1e-7,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        betas = (self.beta_1, self.beta_2)
        return LambKeras(parameters, lr, betas, self.epsilon, self.weight_decay or 0.0, around)
