"""Keras's arguments of an optimiser, kept until the weights are known."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict

from torch import Tensor

from .. import arguments
from ..arguments import AboveZero, NotNegative, Positive, Share
from ..configured import Configured, arguments_of
from ..ragged.numbers import as_tensor
from ..refusals import Refusing
from ..serialization import as_data
from ..spellings import warn_once
from .clipping import clip_of
from .own import OwnRule, OwnUpdate
from .rate import Count, Rate
from .rule import Around, Rule, gradient_of
from .scaling import Scaling
from .schedules import InverseTimeDecay, of_step, rate_at
from .spared import Spared


class Shared(TypedDict, total=False):
    """What every optimiser takes; see `Optimizer`."""

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None
    lr: float
    decay: float


_HOUSE = __name__.partition(".")[0]
_OF_TORCH = "What is made of it, torch_optimizer, is torch's: its state_dict, its load_state_dict."
_BY_STEPS = "fit moves weights by update_step(self, gradient, variable, learning_rate)."
_AT_THE_END = "Do it in a callback's on_train_end, or call it after fit."
#: What Keras lets an optimiser of one's own define or be set, and nothing here would look at.
_REFUSED = {
    "apply": _BY_STEPS,
    "apply_gradients": _BY_STEPS,
    "finalize_variable_values": _AT_THE_END,
    "iterations": "It is counted; a callback's on_train_batch_end can count anything else.",
    "scale_loss": "Give loss_scale_factor=, or put it into a LossScaleOptimizer.",
    "load_own_variables": _OF_TORCH,
    "save_own_variables": _OF_TORCH,
    "set_weights": _OF_TORCH,
    "stateless_apply": "Use torch.func.functional_call with torch.func.grad, and apply.",
    "variables": "States made by add_variable and its like are among them.",
}


class Optimizer(OwnUpdate, Configured, Refusing, refused=_REFUSED):
    """Keras's arguments for an optimiser, which is made when the model's weights are known.

    `learning_rate` and the other arguments can be read and set at any time. `torch_optimizer` is
    what moves the weights, a torch optimiser, once made. One of one's own says how a weight moves
    in `update_step`, as in Keras.

    Args:
        learning_rate: a number, one of `schedules`, or a callable of
            nothing or of the step, counted from 0.
        weight_decay: weights shrink by learning_rate * weight_decay at each update.
        clipnorm: the largest norm of each weight's gradient.
        clipvalue: the largest entry of a gradient.
        global_clipnorm: the largest norm of all gradients together.
        use_ema: whether a running average of the weights is kept; `fit` ends with it in place.
        ema_momentum: how slowly the average follows.
        ema_overwrite_frequency: after so many updates each the average replaces the weights.
        loss_scale_factor: the loss is multiplied by it before the backward pass, and the gradients
            divided, for models in float16; see `LossScaleOptimizer`.
        gradient_accumulation_steps: so many batches make one update, by their mean gradient.
        name: a name; by default the class's.
        lr: Keras 2's spelling of learning_rate.
        decay: Keras 2's: the rate is learning_rate / (1 + decay * step).

    Raises:
        ValueError: an argument is impossible, or two exclude each other.
    """

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: NotNegative | None = None,
        clipnorm: AboveZero | None = None,
        clipvalue: AboveZero | None = None,
        global_clipnorm: AboveZero | None = None,
        use_ema: bool = False,
        ema_momentum: Share = 0.99,
        ema_overwrite_frequency: Positive | None = None,
        loss_scale_factor: AboveZero | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        *,
        lr: NotNegative | None = None,
        decay: NotNegative | None = None,
    ) -> None:
        who = type(self).__name__
        if lr is not None:
            learning_rate = lr
            _tell_once(who, "lr", f"learning_rate={lr!r}")
        learning_rate = _rate(who, learning_rate)
        if decay:
            learning_rate = InverseTimeDecay(learning_rate, 1, decay)
            better = f"schedules.InverseTimeDecay({learning_rate.initial_learning_rate!r}, 1, "
            _tell_once(who, "decay", f"learning_rate={better}{decay!r})")
        self.name = name or who.lower()
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = arguments.integer(
            who, "gradient_accumulation_steps", gradient_accumulation_steps, 2, or_none=True
        )
        self._clip = clip_of(
            who, clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm
        )
        self._spared: Spared | None = None
        self._schedule: Callable[[int], Any] | None = None
        self._scaling: Scaling | None = None
        self._rate = 0.0
        if callable(learning_rate):
            self._schedule = learning_rate
        else:
            self._rate = float(learning_rate)
        self.torch_optimizer: Rule | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        before = vars(self).get(name)
        super().__setattr__(name, value)
        bound = vars(self).get("torch_optimizer")
        if bound is None or name in ("torch_optimizer", "built", "name") or name not in vars(self):
            return
        if name[0] != "_":
            try:
                self._check_arguments()
            except ValueError:
                super().__setattr__(name, before)
                raise
            bound.follow(self._rule())

    def _check_arguments(self) -> None:
        """What has been set since is checked by the constructor that knows the rules."""
        ours = next(k for k in type(self).__mro__ if k.__module__.startswith(f"{_HOUSE}."))
        now = {n: getattr(self, n) for n in arguments_of(ours) if n in vars(self)}
        self._clip = ours(learning_rate=self._schedule or self._rate, **now)._clip

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        """The rule with these arguments.

        Args:
            parameters: the weights.
            lr: the learning rate, or the first of a schedule.
            around: what is done around each update: clipping, averages, decay.
        """
        if type(self).update_step is OwnUpdate.update_step:
            raise NotImplementedError(
                f"{type(self).__name__}: an optimizer of one's own needs an "
                "update_step(self, gradient, variable, learning_rate)."
            )
        return OwnRule(parameters, lr, self.weight_decay or 0.0, around, self, self._states)

    def bind(self, parameters: Iterable[Tensor], scaling: Scaling | None = None) -> Rule:
        """Makes the torch optimiser for these weights, and keeps it.

        Args:
            parameters: the weights.
            scaling: of the loss, by a factor that follows the gradients.
        """
        self.torch_optimizer, self._scaling = None, scaling
        self._check_arguments()
        self._weights, self._states, self.built = list(parameters), {}, False
        self.build(self._weights)
        self.built = True
        self.torch_optimizer = self._rule()
        return self.torch_optimizer

    def _rule(self, scaling: Scaling | None = None) -> Rule:
        self._scaling = scaling or self._scaling
        fixed = None if self.loss_scale_factor is None else Scaling(self.loss_scale_factor)
        own = type(self).update_step is not OwnUpdate.update_step
        around = Around(
            schedule=self._schedule,
            clip=self._clip,
            ema_momentum=self.ema_momentum if self.use_ema else None,
            ema_overwrite_frequency=self.ema_overwrite_frequency,
            accumulate=self.gradient_accumulation_steps or 1,
            spared=self._spared,
            scaling=self._scaling or fixed,
            arguments=self.get_config,
        )
        make = Optimizer.make if own else type(self).make
        return make(self, self._weights, self.learning_rate, around)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Lets these weights not decay; to be said before the weights are bound, as in Keras.

        Args:
            var_list: weights.
            var_names: parts of names, as ["bias", "gamma"]: of any weight whose name has one.

        Raises:
            ValueError: the optimiser has been bound to its weights.
        """
        who = type(self).__name__
        if self.torch_optimizer is not None:
            raise ValueError(
                f"{who}.exclude_from_weight_decay: it moves its weights already. Say it before fit."
            )
        self._spared = Spared.of(who, var_list, var_names)

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """One update of these weights by these gradients, for a training loop of one's own.

        Args:
            grads: one for each weight; None leaves it.
            trainable_variables: the weights; by default those that it was made for.

        Raises:
            ValueError: there are more or fewer gradients, or a weight is not known.
        """
        if self.torch_optimizer is None:
            if trainable_variables is None and not self.built:
                raise ValueError(
                    f"{type(self).__name__}.apply: it does not know the weights yet: "
                    "apply(grads, weights)."
                )
            self.bind(self._weights if trainable_variables is None else trainable_variables)
        weights = self._weights if trainable_variables is None else list(trainable_variables)
        if len(grads) != len(weights):
            raise ValueError(
                f"{type(self).__name__}.apply: {len(grads)} gradients for {len(weights)} weights."
            )
        for weight in weights:
            self._get_variable_index(weight)
        missing = sum(grad is None for grad in grads)
        if missing and missing == len(grads):
            raise ValueError(
                f"{type(self).__name__}.apply: none of {missing} weights has a gradient. Compute "
                "the loss from them, and give what torch.autograd.grad gives."
            )
        if missing:
            warnings.warn(
                f"{type(self).__name__}.apply: {missing} of {len(grads)} weights has no gradient "
                "and stays as it is: the loss does not depend on it.",
                stacklevel=2,
            )
        before = [w.grad for w in self._weights]
        try:
            for weight in self._weights:
                weight.grad = None
            for weight, grad in zip(weights, grads, strict=True):
                weight.grad = gradient_of(grad, weight, f"{type(self).__name__}.apply")
            assert self.torch_optimizer is not None
            self.torch_optimizer.step()
        finally:
            for weight, grad in zip(self._weights, before, strict=True):
                weight.grad = grad

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Tensor]]) -> None:
        """The same, of pairs of a gradient and its weight.

        Args:
            grads_and_vars: (gradient, weight); a gradient may be None.
        """
        pairs = list(grads_and_vars)
        self.apply([grad for grad, _ in pairs], [weight for _, weight in pairs])

    # Private in Keras, and in many a training loop that is written for it.
    def _clip_gradients(self, grads: Sequence[Any]) -> list[Any]:
        """The gradients as `clipnorm` and its like cut them; None stays None."""
        if self._clip is None:
            return list(grads)
        who = f"{type(self).__name__}: gradient"
        given = [None if grad is None else as_tensor(grad, who) for grad in grads]
        clipped = iter(self._clip([[grad for grad in given if grad is not None]])[0])
        return [None if grad is None else next(clipped) for grad in given]

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss as it goes into the backward pass: times `loss_scale_factor`, if any.

        Args:
            loss: a number.
        """
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    @property
    def variables(self) -> list[Tensor]:
        """The states of every weight, as they are now; none before the first update."""
        return [] if self.torch_optimizer is None else self.torch_optimizer.variables

    @property
    def small(self) -> float:
        """The number beside a root; where `epsilon` is None, as older Keras had it, Keras's."""
        epsilon = vars(self).get("epsilon")
        return 1e-7 if epsilon is None else epsilon

    @property
    def iterations(self) -> int:
        """The number of updates so far."""
        return Count(0) if self.torch_optimizer is None else self.torch_optimizer.iterations

    @property
    def learning_rate(self) -> float:
        """The step size; with a schedule, that of the next update."""
        if self.torch_optimizer is not None:
            return self.torch_optimizer.learning_rate
        return Rate(self._rate if self._schedule is None else rate_at(self._schedule, 0), self)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if self._schedule is not None:
            raise TypeError(
                f"{type(self).__name__}: the learning rate follows {self._schedule!r} and cannot "
                "be set. Give the optimizer a number as learning_rate=."
            )
        self._rate = float(arguments.number(type(self).__name__, "learning_rate", value, 0))
        if self.torch_optimizer is not None:
            self.torch_optimizer.learning_rate = self._rate

    def finalize_variable_values(self, var_list: Any = None) -> None:
        """Puts the running averages in the weights' place, where they are kept.

        Args:
            var_list: Keras's; the weights that are bound are meant.
        """
        if self.torch_optimizer is not None:
            self.torch_optimizer.finalize_variable_values()

    def get_config(self) -> dict[str, Any]:
        """The arguments by name."""
        own = {n: getattr(self, n) for n in arguments_of(type(self)) if n in vars(self)}
        return as_data({"learning_rate": self._schedule or self._rate, **own})

    def __repr__(self) -> str:
        return f"{type(self).__name__}(learning_rate={self._schedule or self._rate!r})"


def _rate(who: str, rate: Any) -> Any:
    """The learning rate, if it is a number from 0, a schedule or a callable of the step."""
    if callable(rate) and not isinstance(rate, type):
        return of_step(rate)
    try:
        return arguments.number(who, "learning_rate", rate, 0)
    except ValueError:
        what = "a finite number from 0, a schedule or a callable of the step"
        raise arguments.wrong(who, "learning_rate", what, rate) from None


def _tell_once(who: str, old: str, better: str) -> None:
    text = f"{who}: {old}= is how Keras 2 spelt it; write {better}."
    warn_once(f"optimizer {old}", text, FutureWarning)
