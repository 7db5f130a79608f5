"""Stops training when a number no longer gets better."""

from __future__ import annotations

import torch

from ...arguments import Bound, Count, Verbose
from ...ranks import say
from .monitor import Monitor


class EarlyStopping(Monitor):
    """Stops training when a number has not got better for `patience` epochs.

    Args:
        monitor: which number of the logs.
        min_delta: an improvement is one by more than this.
        patience: so many epochs without improvement are waited for.
        verbose: 1 says so in a line.
        mode: "min" where lower is better, "max" where higher is, "auto" to go by the name.
        baseline: epochs count as improvement only when they beat this too.
        restore_best_weights: whether training ends with the weights of the best epoch.
        start_from_epoch: epochs before this one, counted from 0, are not looked at.

    Raises:
        ValueError: the mode is unknown or cannot be told; later, the logs have no such number.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: Count = 0,
        verbose: Verbose = 0,
        mode: str = "auto",
        baseline: Bound | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: Count = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.on_train_begin()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: dict[str, torch.Tensor] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        current = self.current(logs)
        if epoch < self.start_from_epoch:
            return
        if self.best_weights is None and self.restore_best_weights:
            # Where nothing ever improves, on the baseline say, the first epoch is the best.
            self._keep(epoch)
        self.wait += 1
        if self.better(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self.better(current, self.baseline):
                self.wait = 0
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                say(f"The weights are those of the best epoch, {self.best_epoch + 1}.")
            self.model.load_state_dict(self.best_weights)

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            state = self.model.state_dict()
            self.best_weights = {name: w.detach().clone() for name, w in state.items()}
