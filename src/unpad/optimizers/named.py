"""The optimisers by Keras's names, with its arguments and defaults."""

from __future__ import annotations

from typing import Any, Unpack

from torch import Tensor

from .. import arguments
from ..arguments import NotNegative, Rate, Share
from . import rules
from .optimizer import Optimizer, Shared
from .rule import Around, Rule


class SGD(Optimizer):
    """Stochastic gradient descent, with (Nesterov's) momentum.

    Args:
        learning_rate: see `Optimizer`.
        momentum: the share of the last move that is made again, between 0 and 1.
        nesterov: whether the gradient is taken to be that from where momentum leads.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: Share = 0.0,
        nesterov: bool = False,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.momentum, self.nesterov = momentum, nesterov

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        return rules.SGDKeras(
            parameters, lr, self.momentum, self.nesterov, self.weight_decay or 0.0, around
        )


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2014), with epsilon where Keras has it.

    Args:
        learning_rate: see `Optimizer`.
        beta_1: how slowly the mean of the gradients forgets.
        beta_2: how slowly the mean of their squares forgets.
        epsilon: added to the root of the latter, as it is.
        amsgrad: whether the largest mean of squares so far counts (Reddi et al., 2018).
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: Rate = 0.9,
        beta_2: Rate = 0.999,
        epsilon: NotNegative | None = 1e-7,
        amsgrad: bool = False,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.amsgrad = amsgrad

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        return rules.AdamKeras(
            parameters,
            lr,
            (self.beta_1, self.beta_2),
            self.small,
            self.weight_decay or 0.0,
            self.amsgrad,
            around=around,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2017).

    Args:
        learning_rate: see `Optimizer`.
        weight_decay: weights shrink by learning_rate * weight_decay at each update.
        beta_1: as in `Adam`.
        beta_2: as in `Adam`.
        epsilon: as in `Adam`.
        amsgrad: as in `Adam`.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: NotNegative | None = 0.004,
        beta_1: Rate = 0.9,
        beta_2: Rate = 0.999,
        epsilon: NotNegative | None = 1e-7,
        amsgrad: bool = False,
        **shared: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **shared
        )


class Adamax(Optimizer):
    """Adam by the largest gradient instead of the mean of squares (Kingma and Ba, 2014).

    Args:
        learning_rate: see `Optimizer`.
        beta_1: how slowly the mean of the gradients forgets.
        beta_2: how slowly the largest gradient fades.
        epsilon: added to the latter.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: Rate = 0.9,
        beta_2: Rate = 0.999,
        epsilon: NotNegative | None = 1e-7,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        betas = (self.beta_1, self.beta_2)
        return rules.AdamaxKeras(
            parameters, lr, betas, self.small, self.weight_decay or 0.0, around
        )


class Nadam(Optimizer):
    """Adam with Nesterov's momentum (Dozat, 2016).

    Args:
        learning_rate: see `Optimizer`.
        beta_1: as in `Adam`.
        beta_2: as in `Adam`.
        epsilon: added to the root of the corrected mean of squares.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: Rate = 0.9,
        beta_2: Rate = 0.999,
        epsilon: NotNegative | None = 1e-7,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        betas = (self.beta_1, self.beta_2)
        return rules.NadamKeras(parameters, lr, betas, self.small, self.weight_decay or 0.0, around)


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012), with epsilon under the root, as Keras has it.

    Args:
        learning_rate: see `Optimizer`.
        rho: how slowly the mean of the gradients' squares forgets.
        momentum: the share of the last move that is made again.
        epsilon: added to the mean of squares.
        centered: whether the gradients' variance is taken instead of the mean of squares.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Share = 0.9,
        momentum: Share = 0.0,
        epsilon: NotNegative | None = 1e-7,
        centered: bool = False,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        return rules.RMSpropKeras(
            parameters,
            lr,
            self.rho,
            self.momentum,
            self.small,
            self.centered,
            self.weight_decay or 0.0,
            around,
        )


class Adagrad(Optimizer):
    """Adagrad (Duchi et al., 2011): a rate for each entry that shrinks as it is used.

    Args:
        learning_rate: see `Optimizer`.
        initial_accumulator_value: what the sum of squares starts from.
        epsilon: added to it under the root.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: NotNegative = 0.1,
        epsilon: NotNegative | None = 1e-7,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        start = self.initial_accumulator_value
        return rules.AdagradKeras(
            parameters, lr, start, self.small, self.weight_decay or 0.0, around
        )


class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012): a rate for each entry, from how far it was moved of late.

    Args:
        learning_rate: see `Optimizer`; 1.0 is that of the paper.
        rho: how slowly both means of squares forget.
        epsilon: added to them under the roots.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Share = 0.95,
        epsilon: NotNegative | None = 1e-7,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.rho, self.epsilon = rho, epsilon

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        return rules.AdadeltaKeras(
            parameters, lr, self.rho, self.small, self.weight_decay or 0.0, around
        )


class Lion(Optimizer):
    """Lion (Chen et al., 2023): every entry moves by the learning rate, whichever way.

    Args:
        learning_rate: see `Optimizer`; a third to a tenth of Adam's.
        beta_1: the share of the mean in what decides the way.
        beta_2: how slowly the mean of the gradients forgets.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: Share = 0.9,
        beta_2: Share = 0.99,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        self.beta_1 = arguments.number("Lion", "beta_1", beta_1, above=0, high=1)
        self.beta_2 = beta_2

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        betas = (self.beta_1, self.beta_2)
        return rules.LionKeras(parameters, lr, betas, self.weight_decay or 0.0, around)


class Ftrl(Optimizer):
    """Follow the regularised leader (McMahan et al., 2013), for weights that should be 0 mostly.

    Args:
        learning_rate: see `Optimizer`.
        learning_rate_power: of the sum of squares, at most 0.
        initial_accumulator_value: what the sum of squares starts from.
        l1_regularization_strength: what pulls weights to exactly 0.
        l2_regularization_strength: what keeps them small.
        l2_shrinkage_regularization_strength: a penalty on their size, as part of the gradient.
        beta: of the paper.
        shared: see `Optimizer`.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: NotNegative = 0.1,
        l1_regularization_strength: NotNegative = 0.0,
        l2_regularization_strength: NotNegative = 0.0,
        l2_shrinkage_regularization_strength: NotNegative = 0.0,
        beta: NotNegative = 0.0,
        **shared: Unpack[Shared],
    ) -> None:
        super().__init__(learning_rate, **shared)
        power = arguments.number("Ftrl", "learning_rate_power", learning_rate_power, high=0)
        self.learning_rate_power = power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        return rules.FtrlKeras(
            parameters,
            lr,
            self.learning_rate_power,
            self.initial_accumulator_value,
            self.l1_regularization_strength,
            self.l2_regularization_strength,
            self.l2_shrinkage_regularization_strength,
            self.beta,
            self.weight_decay or 0.0,
            around,
        )
