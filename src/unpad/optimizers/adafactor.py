"""Adafactor: the mean of squared gradients of a matrix kept as one row and one column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack

import torch
from torch import Tensor

from .. import arguments
from ..arguments import AboveZero, NotNegative
from .optimizer import Optimizer, Shared
from .rule import Around, Group, Rule


class AdafactorKeras(Rule):
    """w -= alpha u / max(1, rms(u) / d), with u = g / sqrt(v) and v from its rows and columns.

    v = r c / mean(r) over the last two axes; alpha = max(epsilon_2, rms(w)) min(lr, 1 / sqrt(t)).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        options = {
            "beta_2_decay": beta_2_decay,
            "epsilon_1": epsilon_1,
            "epsilon_2": epsilon_2,
            "clip_threshold": clip_threshold,
        }
        super().__init__(params, lr, weight_decay, around, **options)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        if p.ndim < 2:
            return {"square": torch.zeros_like(p)}
        return {"rows": torch.zeros_like(p[..., 0]), "columns": torch.zeros_like(p[..., 0, :])}

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        new = t ** group["beta_2_decay"]
        rate = min(group["lr"], t**-0.5)
        for p, grad, state in zip(params, grads, states, strict=True):
            squares = grad.square() + group["epsilon_1"]
            if p.ndim < 2:
                mean = state["square"].lerp_(squares, new)
            else:
                rows = state["rows"].lerp_(squares.mean(-1), new)
                columns = state["columns"].lerp_(squares.mean(-2), new)
                share = rows / rows.mean(-1, keepdim=True)
                mean = share.unsqueeze(-1) * columns.unsqueeze(-2)
            move = grad / mean.sqrt()
            move /= (_rms(move) / group["clip_threshold"]).clamp(min=1)
            p.sub_(move * (_rms(p).clamp(min=group["epsilon_2"]) * rate))


def _rms(x: Tensor) -> Tensor:
    return x.square().mean().sqrt()


class Adafactor(Optimizer):
    """Adafactor (Shazeer and Stern, Adaptive learning rates with sublinear memory cost, 2018).

    Where Adam keeps two numbers for each weight, this keeps those of a row and a column of each
    matrix: for embeddings and models that fill the memory.

    Args:
        learning_rate: see `Optimizer`.
        beta_2_decay: of the mean of squares, which forgets the more slowly: 1 - t ** beta_2_decay.
        epsilon_1: added to each squared gradient.
        epsilon_2: the least size that a weight is taken to have.
        clip_threshold: moves of a larger root mean square are scaled down to it.
        relative_step: True; the rate is at most 1 / sqrt(t) either way, as in Keras, where this
            changes no number.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: NotNegative = 1e-30,
        epsilon_2: NotNegative = 1e-3,
        clip_threshold: AboveZero = 1.0,
        relative_step: bool = True,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.beta_2_decay = arguments.number("Adafactor", "beta_2_decay", beta_2_decay, high=0)
        self.epsilon_1, self.epsilon_2 = epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        return AdafactorKeras(
            parameters,
            lr,
            self.beta_2_decay,
            self.epsilon_1,
            self.epsilon_2,
            self.clip_threshold,
            self.weight_decay or 0.0,
            around,
        )
