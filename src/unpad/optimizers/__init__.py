"""Optimisers by Keras's names and defaults, over torch.optim; any torch optimiser as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Tensor

from ..errors import look_up, refuse
from .rules import AdamKeras, AdamWKeras, RMSpropKeras

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "get"]


class Optimizer:
    """Keras's arguments for a torch optimiser, which is made when the model's weights are known.

    `learning_rate` can be read and set at any time. `torch_optimizer` is torch's own, once made.
    """

    def __init__(self, learning_rate: float, name: str | None, **unsupported: Any) -> None:
        refuse(type(self).__name__, **unsupported)
        if not isinstance(learning_rate, (int, float)) or learning_rate < 0:
            raise ValueError(
                f"{type(self).__name__}: expected learning_rate as a number, got {learning_rate!r}."
            )
        self.name = name or type(self).__name__.lower()
        self._learning_rate = float(learning_rate)
        self.torch_optimizer: torch.optim.Optimizer | None = None

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        """Torch's optimiser with these arguments."""
        raise NotImplementedError

    def bind(self, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
        """Makes torch's optimiser for these weights, and keeps it."""
        self.torch_optimizer = self.make(list(parameters))
        return self.torch_optimizer

    @property
    def learning_rate(self) -> float:
        """The step size."""
        if self.torch_optimizer is None:
            return self._learning_rate
        return float(self.torch_optimizer.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = float(value)
        if self.torch_optimizer is not None:
            for group in self.torch_optimizer.param_groups:
                group["lr"] = float(value)


class SGD(Optimizer):
    """Stochastic gradient descent, with (Nesterov's) momentum."""

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: None = None,
        clipvalue: None = None,
        global_clipnorm: None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            name,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
        )
        self.momentum, self.nesterov = momentum, nesterov

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.SGD(
            parameters,
            lr=self._learning_rate,
            momentum=self.momentum,
            # torch refuses Nesterov without momentum; with momentum 0 they are the same.
            nesterov=self.nesterov and self.momentum > 0,
            fused=True,
        )


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2014), with epsilon where Keras has it."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: None = None,
        clipvalue: None = None,
        global_clipnorm: None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            name,
            amsgrad=amsgrad,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
        )
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.weight_decay = weight_decay

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        decay = self.weight_decay or 0.0
        return (AdamWKeras if decay else AdamKeras)(
            parameters,
            lr=self._learning_rate,
            betas=(self.beta_1, self.beta_2),
            eps=self.epsilon,
            weight_decay=decay,
            fused=True,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2017)."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, weight_decay=weight_decay, **kwargs
        )


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012), with epsilon under the root, as Keras has it."""

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: None = None,
        clipvalue: None = None,
        global_clipnorm: None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(
            learning_rate,
            name,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
        )
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def make(self, parameters: list[Tensor]) -> torch.optim.Optimizer:
        return RMSpropKeras(
            parameters, self._learning_rate, self.rho, self.momentum, self.epsilon, self.centered
        )


_BY_NAME: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSprop,
}


def get(optimizer: Any) -> Callable[[Iterable[Tensor]], torch.optim.Optimizer]:
    """What makes the optimiser, given the weights.

    Args:
        optimizer: a name, an Optimizer, a torch optimiser or its class, or a callable of the
            weights that gives one.

    Raises:
        ValueError: there is none of this name; the text names the nearest.
    """
    if isinstance(optimizer, str):
        return look_up("compile", "optimizer", optimizer.lower(), _BY_NAME)().bind
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        return cast(Any, optimizer)().bind
    if isinstance(optimizer, Optimizer):
        return optimizer.bind
    if isinstance(optimizer, torch.optim.Optimizer):
        return lambda parameters: optimizer
    if callable(optimizer):
        return cast(Any, optimizer)
    raise ValueError(
        f"compile: expected an optimizer's name, an optimizer or a callable, got {optimizer!r}."
    )
