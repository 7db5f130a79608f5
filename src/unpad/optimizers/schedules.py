"""Learning rates that follow the number of the step: Keras's schedules.

A schedule is called with the step, counted from 0, and gives the rate. Any callable of the step
can stand in its place.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from .. import arguments
from ..arguments import AboveZero, NotNegative
from ..configured import Configured
from ..serialization import deserialize, serialize

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


class LearningRateSchedule(Configured):
    """A rate for each step; a subclass says which in `__call__`. Attributes are the arguments."""

    def __call__(self, step: Any) -> float:
        """The rate at this step, counted from 0."""
        raise NotImplementedError

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if k != "name")
        return f"{type(self).__name__}({options})"


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate ^ (step / decay_steps).

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: after so many steps the rate has shrunk by `decay_rate`.
        decay_rate: the factor.
        staircase: whether it shrinks at once after each `decay_steps`, not little by little.
        name: a name.

    Example:
        >>> import unpad
        >>> rate = unpad.optimizers.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
        >>> rate(0), rate(10), rate(20)
        (0.1, 0.05, 0.025)
    """

    def __init__(
        self,
        initial_learning_rate: NotNegative,
        decay_steps: AboveZero,
        decay_rate: NotNegative,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: Any) -> float:
        share = float(step) / self.decay_steps
        if self.staircase:
            share = math.floor(share)
        return self.initial_learning_rate * self.decay_rate**share


class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: how many steps count as one.
        decay_rate: how fast the rate shrinks.
        staircase: whether it shrinks at once after each `decay_steps`, not little by little.
        name: a name.
    """

    def __init__(
        self,
        initial_learning_rate: NotNegative,
        decay_steps: AboveZero,
        decay_rate: NotNegative,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def __call__(self, step: Any) -> float:
        share = float(step) / self.decay_steps
        if self.staircase:
            share = math.floor(share)
        return self.initial_learning_rate / (1 + self.decay_rate * share)


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to boundaries[0], that step included, then values[1] up to boundaries[1], ...

    Args:
        boundaries: steps, rising.
        values: rates, one more than there are boundaries.
        name: a name.

    Raises:
        ValueError: the numbers of boundaries and values do not fit, or boundaries do not rise.
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        steps = arguments.numbers("PiecewiseConstantDecay", "boundaries", boundaries, 0)
        rates = arguments.numbers("PiecewiseConstantDecay", "values", values, 0)
        if len(values) != len(boundaries) + 1:
            raise ValueError(
                f"PiecewiseConstantDecay: expected one value more than boundaries, got "
                f"{len(boundaries)} boundaries and {len(values)} values."
            )
        if any(b <= a for a, b in pairwise(boundaries)):
            raise ValueError(
                f"PiecewiseConstantDecay: expected boundaries that rise, got {list(boundaries)}."
            )
        self.boundaries, self.values, self.name = steps, rates, name

    def __call__(self, step: Any) -> float:
        step = float(step)
        return float(self.values[sum(step > boundary for boundary in self.boundaries)])


class PolynomialDecay(LearningRateSchedule):
    """From initial_learning_rate to end_learning_rate in decay_steps, by (1 - share) ^ power.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: the step from which on the rate is `end_learning_rate`.
        end_learning_rate: the last rate.
        power: of the share of the way that is left; 1 is a straight line.
        cycle: whether it starts again each time, over twice, three times, ... the steps.
        name: a name.
    """

    def __init__(
        self,
        initial_learning_rate: NotNegative,
        decay_steps: AboveZero,
        end_learning_rate: NotNegative = 0.0001,
        power: NotNegative = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate, self.power = end_learning_rate, power
        self.cycle, self.name = cycle, name

    def __call__(self, step: Any) -> float:
        step, whole = float(step), float(self.decay_steps)
        if self.cycle:
            whole *= max(1, math.ceil(step / whole))
        left = 1 - min(step, whole) / whole
        span = self.initial_learning_rate - self.end_learning_rate
        return span * left**self.power + self.end_learning_rate


class CosineDecay(LearningRateSchedule):
    """Half a cosine down to `alpha` of the rate (Loshchilov and Hutter, 2016), after a warm-up.

    Args:
        initial_learning_rate: the rate at step 0.
        decay_steps: how many steps the way down takes.
        alpha: the share of the rate that is left in the end.
        name: a name.
        warmup_target: the rate to climb to first, in a straight line; None: no warm-up.
        warmup_steps: how many steps the climb takes.
    """

    def __init__(
        self,
        initial_learning_rate: NotNegative,
        decay_steps: AboveZero,
        alpha: NotNegative = 0.0,
        name: str = "CosineDecay",
        warmup_target: NotNegative | None = None,
        warmup_steps: NotNegative = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha, self.name = alpha, name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def __call__(self, step: Any) -> float:
        step, top = float(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                return top + (self.warmup_target - top) * step / self.warmup_steps
            step, top = step - self.warmup_steps, self.warmup_target
        return top * _half_cosine(min(step / self.decay_steps, 1.0), self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after the other, each `t_mul` times as long and `m_mul` times as high.

    Loshchilov and Hutter (2016).

    Args:
        initial_learning_rate: the rate at step 0.
        first_decay_steps: how many steps the first one takes.
        t_mul: how much longer each is than the one before.
        m_mul: how much higher each starts than the one before.
        alpha: the share of the rate that is left at the end of each.
        name: a name.
    """

    def __init__(
        self,
        initial_learning_rate: NotNegative,
        first_decay_steps: AboveZero,
        t_mul: float = 2.0,
        m_mul: NotNegative = 1.0,
        alpha: NotNegative = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        # Below 1 the restarts would crowd before a last step.
        self.t_mul = arguments.number("CosineDecayRestarts", "t_mul", t_mul, 1)
        self.m_mul, self.alpha, self.name = m_mul, alpha, name

    def __call__(self, step: Any) -> float:
        share, restarts = float(step) / self.first_decay_steps, 0
        if self.t_mul == 1:
            restarts = math.floor(share)
            share -= restarts
        else:
            # Period by period: a logarithm would fall on the wrong side at some restarts.
            while share >= (period := self.t_mul**restarts):
                share, restarts = share - period, restarts + 1
            share /= period
        return self.initial_learning_rate * _half_cosine(share, self.alpha, self.m_mul**restarts)


def _half_cosine(share: float, alpha: float, height: float = 1.0) -> float:
    return (1 - alpha) * 0.5 * height * (1 + math.cos(math.pi * share)) + alpha


def rate_at(schedule: Callable[[int], Any], step: int) -> float:
    """What a schedule, or any callable of the step, says at a step.

    Raises:
        ValueError: it is no number from 0.
    """
    rate, who = schedule(step), getattr(schedule, "__name__", type(schedule).__name__)
    return float(arguments.number(who, f"the learning rate at step {step}", rate, 0))


class _OfNothing(NamedTuple):
    """A rate that is asked for anew at each step, and not told which it is."""

    function: Callable[[], Any]

    def __call__(self, step: int) -> Any:
        return self.function()


def of_step(rate: Callable[..., Any]) -> Callable[[int], Any]:
    """A callable of the step, from one of it or of nothing."""
    try:
        inspect.signature(rate).bind()
    except (TypeError, ValueError):  # it takes the step, or has no signature
        return rate
    return rate if isinstance(rate, LearningRateSchedule) else _OfNothing(rate)
