"""AdamW whose average needs no schedule of the learning rate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import torch
from torch import Tensor

from ..arguments import Count, NotNegative, Rate
from .optimizer import Optimizer, Shared
from .rule import Around, Group, Rule


class ScheduleFreeAdamWKeras(Rule):
    """z -= lr g / (sqrt(v') + epsilon);  x += (z - x) / t;  w = (1 - beta_1) z + beta_1 x.

    x, the average of all z, is worked out from w and z and need not be kept.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.0025,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        warmup_steps: int = 0,
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        options = {"betas": betas, "eps": eps, "warmup_steps": warmup_steps}
        super().__init__(params, lr, weight_decay, around, **options)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        return {"z": p.detach().clone(), "exp_avg_sq": torch.zeros_like(p)}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        beta_1, beta_2 = group["betas"]
        rate = group["lr"] * min(1.0, t / (group["warmup_steps"] or 1))
        for p, grad, state in zip(params, grads, states, strict=True):
            z, square = state["z"], state["exp_avg_sq"]
            average = (p - (1 - beta_1) * z) / beta_1
            square.lerp_(grad.square(), 1 - beta_2)
            root = (square / (1 - beta_2**t)).sqrt_().add_(group["eps"])
            z.sub_(grad / root * rate)
            average.lerp_(z, 1 / t)
            p.copy_(z.lerp(average, beta_1))


class ScheduleFreeAdamW(Optimizer):
    """AdamW without a schedule (Defazio et al., The road less scheduled, 2024).

    Gradients are taken between where Adam stands and the average of where it has stood, so that a
    constant learning rate does what a falling one does.

    Args:
        learning_rate: see `Optimizer`; constant, after the first steps.
        beta_1: how near to the average gradients are taken.
        beta_2: how slowly the mean of the squared gradients forgets.
        epsilon: added to the root of the latter.
        warmup_steps: over so many updates the rate rises to learning_rate.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: Rate = 0.9,
        beta_2: Rate = 0.999,
        epsilon: NotNegative = 1e-8,
        warmup_steps: Count = 0,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.warmup_steps = warmup_steps

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        return ScheduleFreeAdamWKeras(
            parameters,
            lr,
            (self.beta_1, self.beta_2),
            self.epsilon,
            self.warmup_steps,
            self.weight_decay or 0.0,
            around,
        )
