"""Callbacks that set the optimiser's learning rate, Keras's or torch's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ... import arguments
from ...arguments import Count, NotNegative, Rate, Verbose
from ...ranks import say
from .callback import Callback
from .monitor import Monitor


def read_rate(optimizer: Any) -> float:
    """The learning rate of the optimiser's first group of weights."""
    if hasattr(optimizer, "learning_rate"):
        return float(optimizer.learning_rate)
    return float(optimizer.param_groups[0]["lr"])


def set_rate(optimizer: Any, rate: float) -> None:
    """Sets the learning rate of all groups of weights."""
    if hasattr(optimizer, "learning_rate"):
        optimizer.learning_rate = rate
        return
    for group in optimizer.param_groups:
        group["lr"] = rate


def parts_of(optimizer: Any) -> list[Any]:
    """The optimisers in one that have a learning rate each; most are one themselves."""
    several = getattr(optimizer, "rules", None) or getattr(optimizer, "optimizers", None)
    return several or [optimizer]


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch.

    Args:
        schedule: called with the epoch, counted from 0, and the rate so far (or with the epoch
            alone, where it takes one argument); gives the rate.
        verbose: 1 says so in a line.

    Raises:
        ValueError: the schedule gave what is no number.
    """

    def __init__(self, schedule: Callable[..., float], verbose: Verbose = 0) -> None:
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for optimizer in parts_of(self.model.optimizer):
            self._set(epoch, optimizer)

    def _set(self, epoch: int, optimizer: Any) -> None:
        given = (epoch, read_rate(optimizer))
        try:
            inspect.signature(self.schedule).bind(*given)
        except TypeError:
            given = given[:1]
        what = f"what schedule gives for epoch {epoch}"
        rate = arguments.number("LearningRateScheduler", what, self.schedule(*given), 0)
        set_rate(optimizer, float(rate))
        if self.verbose:
            say(f"Epoch {epoch + 1}: learning rate {float(rate):g}")

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = read_rate(self.model.optimizer)


class ReduceLROnPlateau(Monitor):
    """Multiplies the learning rate by `factor` when a number no longer gets better.

    Args:
        monitor: which number of the logs.
        factor: below 1.
        patience: so many epochs without improvement are waited for.
        verbose: 1 says so in a line.
        mode: "min" where lower is better, "max" where higher is, "auto" to go by the name.
        min_delta: an improvement is one by more than this.
        cooldown: so many epochs after it are not counted.
        min_lr: the rate does not fall below it.

    Raises:
        ValueError: an argument is impossible; later, the logs have no such number.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: Rate = 0.1,
        patience: Count = 10,
        verbose: Verbose = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: Count = 0,
        min_lr: NotNegative = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 <= factor < 1:
            raise ValueError(f"ReduceLROnPlateau: expected factor below 1, got {factor!r}.")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.wait = self.cooldown_counter = 0
        self.best: float | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = {} if logs is None else logs
        logs["learning_rate"] = read_rate(self.model.optimizer)
        current = self.current(logs)
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
        if self.better(current, self.best):
            self.best, self.wait = current, 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            parts = [p for p in parts_of(self.model.optimizer) if read_rate(p) > self.min_lr]
            if self.wait >= self.patience and parts:
                for part in parts:
                    set_rate(part, max(read_rate(part) * self.factor, self.min_lr))
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    rates = ", ".join(f"{read_rate(part):g}" for part in parts)
                    say(f"Epoch {epoch + 1}: learning rate reduced to {rates}")
