"""Muon: matrices move along the nearest orthogonal matrix, all else by AdamW."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from .. import arguments, kernels
from ..arguments import AboveZero, NotNegative, Positive, Rate, Share
from ..kernels.adam import Rates
from .optimizer import Optimizer
from .rule import Around, Group, Rule

# Keeps the norm from 0, as in Keras.
_EPSILON = 1e-7


class MuonKeras(Rule):
    """Matrices: m = momentum m + g;  w -= lr rms_rate sqrt(max(n, k)) orthogonal(g + momentum m).

    Other weights: `kernels.adam.step`, at adam_lr_ratio times the rate.
    """

    decays = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        by_adam: Sequence[bool],
        options: dict[str, Any],
        weight_decay: float = 0.0,
        around: Around | None = None,
    ) -> None:
        params = list(params)
        self._by_adam = {id(p): a for p, a in zip(params, by_adam, strict=True)}
        super().__init__(params, lr, weight_decay, around, **options)

    def start(self, p: Tensor, group: Group) -> dict[str, Tensor]:
        state = {"momentum": torch.zeros_like(p)}
        if self._by_adam[id(p)]:
            state["exp_avg_sq"] = torch.zeros_like(p)
        return state

    def update(
        self, group: Group, t: int, params: list[Tensor], grads: list[Tensor], states: list[Any]
    ) -> None:
        by_adam: list[tuple[Tensor, ...]] = []
        for p, grad, state in zip(params, grads, states, strict=True):
            if "exp_avg_sq" in state:
                by_adam.append((p, grad, state["momentum"], state["exp_avg_sq"]))
                continue
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.sub_(_muon(group, grad, state))
        if by_adam:
            ratio = group["adam_lr_ratio"]
            # Weights decay by the whole rate, whatever share of it AdamW moves by.
            decay = group["adam_weight_decay"] / ratio
            how = Rates(t, group["lr"] * ratio, group["betas"], group["eps"], decay)
            moved, gradients, means, squares = map(list, zip(*by_adam, strict=True))
            kernels.adam.step(moved, gradients, means, squares, how)

    def __getstate__(self) -> dict[str, Any]:
        weights = [p for group in self.param_groups for p in group["params"]]
        return {**super().__getstate__(), "by_adam": [self._by_adam[id(p)] for p in weights]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        by_adam = state.pop("by_adam", None)
        super().__setstate__(state)
        if by_adam is not None:
            weights = [p for group in self.param_groups for p in group["params"]]
            self._by_adam = {id(p): a for p, a in zip(weights, by_adam, strict=True)}


def _muon(group: Group, grad: Tensor, state: dict[str, Any]) -> Tensor:
    momentum = state["momentum"].mul_(group["momentum"]).add_(grad)
    move = grad + group["momentum"] * momentum if group["nesterov"] else momentum
    move = orthogonal(move, group["ns_steps"], group["muon"]) * group["lr"]
    if group["rms_rate"] is None:
        return move
    return move * (max(move.shape) ** 0.5 * group["rms_rate"])


def orthogonal(x: Tensor, steps: int, by: tuple[float, float, float]) -> Tensor:
    """Nearly the orthogonal matrix nearest to x, by Newton and Schulz's iteration.

    x = a x + (b x x' + c (x x')^2) x, from x over its norm: its singular values come near to 1.

    Args:
        x: (n, k).
        steps: how often.
        by: a, b and c.
    """
    a, b, c = by
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + _EPSILON)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Muon(Optimizer):
    """Muon (Jordan et al., 2024; scaled as in Liu et al., Muon is scalable, 2025).

    Weights of two axes, embeddings apart, move along the orthogonal matrix that is nearest to their
    momentum; all others by AdamW.

    Args:
        learning_rate: see `Optimizer`.
        adam_beta_1: how slowly AdamW's mean of gradients forgets.
        adam_beta_2: how slowly AdamW's mean of their squares forgets.
        adam_weight_decay: that of the weights that AdamW moves; None is none.
        epsilon: beside the root of that mean of squares.
        weight_decay: that of the others; None is none.
        exclude_layers: patterns; a weight whose path has one is moved by AdamW.
        exclude_embeddings: whether a weight whose path has "embedding" is.
        muon_a, muon_b, muon_c: of the iteration; see `orthogonal`.
        adam_lr_ratio: AdamW's learning rate by Muon's.
        momentum: the share of the last momentum that is kept.
        ns_steps: how often the iteration runs.
        nesterov: whether the gradient is taken to be that from where momentum leads.
        rms_rate: moves are this times the root of the matrix's longer side; None leaves them.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: Rate = 0.9,
        adam_beta_2: Rate = 0.999,
        adam_weight_decay: NotNegative | None = 0.004,
        epsilon: NotNegative = 1e-7,
        weight_decay: NotNegative | None = 0.004,
        *,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: AboveZero = 1.0,
        momentum: Share = 0.95,
        ns_steps: Positive = 5,
        nesterov: bool = True,
        rms_rate: AboveZero | None = 0.2,
        **shared: Any,
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **shared)
        self.adam_beta_1, self.adam_beta_2 = adam_beta_1, adam_beta_2
        self.adam_weight_decay, self.epsilon = adam_weight_decay, epsilon
        if exclude_layers is not None and exclude_layers != []:
            exclude_layers = arguments.names("Muon", "exclude_layers", exclude_layers)
        self.exclude_layers = exclude_layers
        self.exclude_embeddings = exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.adam_lr_ratio, self.momentum, self.ns_steps = adam_lr_ratio, momentum, ns_steps
        self.nesterov, self.rms_rate = nesterov, rms_rate

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        options = {
            "betas": (self.adam_beta_1, self.adam_beta_2),
            "adam_weight_decay": self.adam_weight_decay or 0.0,
            "eps": self.epsilon,
            "muon": (self.muon_a, self.muon_b, self.muon_c),
            "adam_lr_ratio": self.adam_lr_ratio,
            "momentum": self.momentum,
            "ns_steps": self.ns_steps,
            "nesterov": self.nesterov,
            "rms_rate": self.rms_rate,
        }
        by_adam = [self._by_adam(p) for p in parameters]
        return MuonKeras(parameters, lr, by_adam, options, self.weight_decay or 0.0, around)

    def _by_adam(self, weight: Tensor) -> bool:
        path = getattr(weight, "path", "")
        return (
            weight.ndim != 2
            or (self.exclude_embeddings and "embedding" in path.lower())
            or any(re.search(pattern, path) for pattern in self.exclude_layers or ())
        )
