"""Keras's arguments of an optimiser, kept until the weights are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any, TypedDict

from torch import Tensor

from ..errors import refuse
from ..spellings import warn_once
from .clipping import clip_of
from .rule import Around, Rule
from .schedules import InverseTimeDecay


class Shared(TypedDict, total=False):
    """What every optimiser takes; see `Optimizer`."""

    weight_decay: float | None
    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: None
    gradient_accumulation_steps: int | None
    name: str | None
    lr: float
    decay: float


class Optimizer:
    """Keras's arguments for an optimiser, which is made when the model's weights are known.

    `learning_rate` can be read and set at any time. `torch_optimizer` is what moves the weights, a
    torch optimiser, once made.

    Args:
        learning_rate: a number, one of `schedules`, or a callable of the step, counted from 0.
        weight_decay: weights shrink by learning_rate * weight_decay at each update.
        clipnorm: the largest norm of each weight's gradient.
        clipvalue: the largest entry of a gradient.
        global_clipnorm: the largest norm of all gradients together.
        use_ema: whether a running average of the weights is kept; `fit` ends with it in place.
        ema_momentum: how slowly the average follows.
        ema_overwrite_frequency: after so many updates each the average replaces the weights.
        loss_scale_factor: refused.
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
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        *,
        lr: float | None = None,
        decay: float | None = None,
    ) -> None:
        who = type(self).__name__
        refuse(who, loss_scale_factor=loss_scale_factor)
        if lr is not None:
            learning_rate = lr
            _tell_once(who, "lr", f"learning_rate={lr!r}")
        _check_rate(who, learning_rate)
        if decay:
            learning_rate = InverseTimeDecay(learning_rate, 1, decay)
            better = f"schedules.InverseTimeDecay({learning_rate.initial_learning_rate!r}, 1, "
            _tell_once(who, "decay", f"learning_rate={better}{decay!r})")
        self.name = name or who.lower()
        self.weight_decay = _checked(who, "weight_decay", weight_decay, 0, None)
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = _checked(who, "ema_momentum", ema_momentum, 0, 1)
        self.ema_overwrite_frequency = _checked(
            who, "ema_overwrite_frequency", ema_overwrite_frequency, 1, None, int
        )
        self.gradient_accumulation_steps = _checked(
            who, "gradient_accumulation_steps", gradient_accumulation_steps, 2, None, int
        )
        self._clip = clip_of(
            who, clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm
        )
        self._schedule: Callable[[int], Any] | None = None
        self._rate = 0.0
        if callable(learning_rate):
            self._schedule = learning_rate
        else:
            self._rate = float(learning_rate)
        self.torch_optimizer: Rule | None = None

    def make(self, parameters: list[Tensor], lr: float, around: Around) -> Rule:
        """The rule with these arguments."""
        raise NotImplementedError

    def bind(self, parameters: Iterable[Tensor]) -> Rule:
        """Makes the torch optimiser for these weights, and keeps it."""
        around = Around(
            schedule=self._schedule,
            clip=self._clip,
            ema_momentum=self.ema_momentum if self.use_ema else None,
            ema_overwrite_frequency=self.ema_overwrite_frequency,
            accumulate=self.gradient_accumulation_steps or 1,
        )
        self.torch_optimizer = None
        self.torch_optimizer = self.make(list(parameters), self.learning_rate, around)
        return self.torch_optimizer

    @property
    def iterations(self) -> int:
        """The number of updates so far."""
        return 0 if self.torch_optimizer is None else self.torch_optimizer.iterations

    @property
    def learning_rate(self) -> float:
        """The step size; with a schedule, that of the next update."""
        if self.torch_optimizer is not None:
            return self.torch_optimizer.learning_rate
        return self._rate if self._schedule is None else float(self._schedule(0))

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        if self._schedule is not None:
            raise TypeError(
                f"{type(self).__name__}: the learning rate follows {self._schedule!r} and cannot "
                "be set. Give the optimizer a number as learning_rate=."
            )
        self._rate = float(value)
        if self.torch_optimizer is not None:
            self.torch_optimizer.learning_rate = value

    def finalize_variable_values(self, var_list: Any = None) -> None:
        """Puts the running averages in the weights' place, where they are kept."""
        if self.torch_optimizer is not None:
            self.torch_optimizer.finalize_variable_values()

    def get_config(self) -> dict[str, Any]:
        """The arguments by name."""
        own = {k: v for k, v in vars(self).items() if k[0] != "_" and k != "torch_optimizer"}
        return {"learning_rate": self._schedule or self._rate, **own}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(learning_rate={self._schedule or self._rate!r})"


def _check_rate(who: str, rate: Any) -> None:
    if callable(rate) and not isinstance(rate, type):
        return
    if not isinstance(rate, Real) or float(rate) < 0:
        raise ValueError(
            f"{who}: expected learning_rate as a number, a schedule or a callable of the step, got "
            f"{rate!r}."
        )


def _checked(
    who: str, name: str, value: Any, low: float, high: float | None, kind: type = float
) -> Any:
    """The value, if it is None or a number between these."""
    if value is None:
        return None
    right = isinstance(value, int if kind is int else (int, float)) and not isinstance(value, bool)
    if right and value >= low and (high is None or value <= high):
        return value
    what = "an integer" if kind is int else "a number"
    span = f"of at least {low}" if high is None else f"between {low} and {high}"
    raise ValueError(f"{who}: expected {name} as {what} {span}, got {value!r}.")


def _tell_once(who: str, old: str, better: str) -> None:
    text = f"{who}: {old}= is how Keras 2 spelt it; write {better}."
    warn_once(f"optimizer {old}", text, FutureWarning)
