"""An optimiser around another, for models that compute in float16."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from ..arguments import AboveZero, Positive
from ..serialization import as_data
from .optimizer import Optimizer
from .rule import Rule
from .scaling import Scaling

#: What Keras once wrote of it into files, and its defaults.
_SAYS_NOTHING = {"use_ema": False, "ema_momentum": 0.99}


def _way_out(option: str) -> str:
    if option == "dynamic":
        return "For a factor that stays, set `loss_scale_factor` of an optimizer, and no other."
    return f"Set {option} on the `inner_optimizer`, which moves the weights."


class LossScaleOptimizer(Optimizer):
    """Another optimiser, by gradients of a scaled loss (Micikevicius et al., 2018).

    float16 holds nothing below 6e-8, where most gradients of a mean over many steps are. `fit`
    multiplies the loss by a factor, here the gradients are divided by it again. While all
    are finite the factor doubles every `dynamic_growth_steps` batches; a batch with one that is
    not moves no weight, is not counted in `iterations`, and halves it. `compile` puts it around
    its optimizer where a layer's policy is "mixed_float16"; bfloat16, as wide as float32, needs
    none.

    In a loop of one's own: `optimizer.scale_loss(loss).backward()`, then `optimizer.apply` of the
    gradients as they are.

    Args:
        inner_optimizer: moves the weights.
        initial_scale: the first factor; better too large, since it falls faster than it rises.
        dynamic_growth_steps: after so many batches in a row it doubles.
        name: a name; by default the class's.
        kwargs: none that says something: it belongs to the `inner_optimizer`.

    Raises:
        ValueError: `inner_optimizer` is none of this library's, or scales losses already.

    Example:
        >>> import torch, unpad
        >>> optimizer = LossScaleOptimizer(unpad.optimizers.SGD(0.1), initial_scale=8.0)
        >>> weight = torch.nn.Parameter(torch.zeros(1))
        >>> optimizer.apply([torch.tensor([8.0])], [weight])
        >>> weight.data, optimizer.dynamic_scale
        (tensor([-0.1000]), 8.0)
        >>> optimizer.apply([torch.tensor([float("inf")])], [weight])
        >>> weight.data, optimizer.dynamic_scale, optimizer.iterations
        (tensor([-0.1000]), 4.0, 1)
    """

    def __init__(
        self,
        inner_optimizer: Any,
        initial_scale: AboveZero = 2.0**15,
        dynamic_growth_steps: Positive = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(0.0, name=name)
        who = type(self).__name__
        for option, given in kwargs.items():
            if given not in (None, _SAYS_NOTHING.get(option)):
                raise ValueError(f"{who}: {option}={given!r} is not its own. {_way_out(option)}")
        if not isinstance(inner_optimizer, Optimizer) or isinstance(
            inner_optimizer, LossScaleOptimizer
        ):
            raise ValueError(
                f"{who}: expected inner_optimizer as an optimizer, as optimizers.Adam(), got "
                f"{inner_optimizer!r}."
            )
        if inner_optimizer.loss_scale_factor is not None:
            raise ValueError(
                f"{who}: its inner_optimizer has loss_scale_factor="
                f"{inner_optimizer.loss_scale_factor!r}, so that the loss would be scaled twice. "
                "Leave one of them out."
            )
        self.inner_optimizer = inner_optimizer
        self.initial_scale = float(initial_scale)
        self.dynamic_growth_steps = dynamic_growth_steps

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments by name, the inner optimiser as data."""
        names = ("name", "inner_optimizer", "initial_scale", "dynamic_growth_steps")
        return as_data({name: getattr(self, name) for name in names})

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Lets these weights not decay: those of the inner optimiser.

        Args:
            var_list: weights.
            var_names: parts of names.
        """
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def bind(self, parameters: Iterable[Tensor], scaling: Scaling | None = None) -> Rule:
        """Makes the torch optimiser for these weights, and keeps it; the inner one's, scaled."""
        self.torch_optimizer = None
        self._weights = list(parameters)
        self.torch_optimizer = self.inner_optimizer.bind(self._weights, self._dynamic())
        return self.torch_optimizer

    def _dynamic(self) -> Scaling:
        return Scaling(self.initial_scale, self.dynamic_growth_steps)

    def _check_arguments(self) -> None:
        LossScaleOptimizer(self.inner_optimizer, self.initial_scale, self.dynamic_growth_steps)

    def _rule(self) -> Rule:
        return self.inner_optimizer._rule(self._dynamic())

    @property
    def dynamic_scale(self) -> float:
        """The factor of the next batch."""
        rule = self.torch_optimizer
        return self.initial_scale if rule is None else self._dynamic().now(rule.param_groups[0])

    @property
    def step_counter(self) -> int:
        """The batches with finite gradients since the factor changed."""
        rule = self.torch_optimizer
        return 0 if rule is None else rule.param_groups[0].get("finite_steps", 0)

    @property
    def learning_rate(self) -> float:
        """The inner optimiser's."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.inner_optimizer.learning_rate = value

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss times the factor of the next batch."""
        return loss * self.dynamic_scale
