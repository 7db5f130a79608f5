"""The training loop: epochs of batches, each forward, backward, update."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..optimizers.rows import gradients_by_rows
from .batching import plan
from .data import Data
from .interrupt import HeldInterrupt
from .objective import Objective, Outcome, Tally
from .progress import EpochProgress
from .watchers import Watchers

if TYPE_CHECKING:
    from .trainer import Trainer


@dataclass
class Fitting:
    """A model in training, with all that its epochs share.

    Args:
        model: whose weights move.
        objective: its losses and metrics.
        optimizer: what moves them.
        tally: sums of an epoch.
        held_out: sums of a validation, of its own so that the epoch's are left alone.
        watchers: the callbacks.
        verbose: 0 nothing, 1 a bar, 2 a line an epoch.
    """

    model: Trainer
    objective: Objective
    optimizer: torch.optim.Optimizer
    tally: Tally
    held_out: Tally
    watchers: Watchers
    verbose: int

    def __post_init__(self) -> None:
        self._penalised = self.model.penalised
        self._device = self.model.device
        # Whether somebody may have set a layer to something else between two epochs.
        self._mode_in_doubt = True
        # How many batches make one update: only our own optimisers have several.
        self._accumulated = getattr(getattr(self.optimizer, "around", None), "accumulate", 1)
        self._summed = self._accumulated > 1 and self.objective.is_sum

    def run(
        self,
        data: Data,
        validation: Data | None,
        epochs: range,
        validation_batch_size: int | None,
        batches: dict[str, Any],
    ) -> None:
        """All epochs, unless a callback stops them or Ctrl-C does.

        Args:
            data: to train on.
            validation: to evaluate after each epoch.
            epochs: to run, counted from 0.
            validation_batch_size: sequences a batch of the validation.
            batches: how batches are planned; see `plan`.
        """
        model, tell = self.model, self.watchers.tell
        logs: dict[str, Any] = {}
        with HeldInterrupt() as interrupt, model.threads():
            tell("on_train_begin")
            for epoch in epochs:
                planned = plan(len(data), data.lengths, **batches)
                title = f"Epoch {epoch + 1}/{epochs.stop}"
                logs = self._epoch(
                    epoch, title, data, planned, validation, validation_batch_size, interrupt
                )
                if model.stop_training:
                    break
            finish = getattr(self.optimizer, "finalize_variable_values", None)
            if finish is not None:
                finish()  # running averages take the weights' place
            tell("on_train_end", logs)

    def _epoch(
        self,
        epoch: int,
        title: str,
        data: Data,
        batches: list[Tensor],
        validation: Data | None,
        validation_batch_size: int | None,
        interrupt: HeldInterrupt,
    ) -> dict[str, Any]:
        model, tally, watchers = self.model, self.tally, self.watchers
        tally.reset()
        watchers.tell("on_epoch_begin", epoch)
        progress = EpochProgress(title, data.steps, self.verbose)
        start = time.perf_counter()
        if self._mode_in_doubt:
            model.train()
            self._mode_in_doubt = watchers.given or validation is not None
        try:
            with gradients_by_rows(model, self.optimizer, watchers.between):
                self._train(data, batches, progress, interrupt)
            interrupt.check()
            seconds, rate = time.perf_counter() - start, progress.rate
            logs = tally.logs()
            if validation is not None:
                found = model.evaluated(
                    validation, validation_batch_size, self.objective, self.held_out
                )
                logs |= {f"val_{name}": value for name, value in found.items()}
        except BaseException:
            progress.stop()
            raise
        progress.finish(seconds, rate, logs)
        watchers.tell("on_epoch_end", epoch, logs)
        return logs

    def _train(
        self, data: Data, batches: list[Tensor], progress: EpochProgress, interrupt: HeldInterrupt
    ) -> None:
        model, tally, watchers = self.model, self.tally, self.watchers
        coming = data.batches(batches, self._device, watchers.between)
        for i in range(len(batches)):
            interrupt.check()
            if watchers.given:
                watchers.tell("on_train_batch_begin", i)
            batch = next(coming)
            tally.add(self.update(batch))
            progress.advance(batch.steps)
            if watchers.each_batch:
                watchers.tell("on_train_batch_end", i, tally.logs())
                if model.stop_training:
                    break
            if progress.due:
                progress.draw(tally.logs())

    def update(self, batch: Data) -> Outcome:
        """One step of training: forward, backward, update."""
        outcome = self.objective(self.model, batch, self._penalised)
        if batch.steps and outcome.counts:
            # A batch in which no step counts says nothing: not even the optimiser's momentum moves.
            self.optimizer.zero_grad(set_to_none=True)
            if self._accumulated > 1:
                self._collect(outcome)
            else:
                outcome.total.backward()
                self.optimizer.step()
        return outcome

    def _collect(self, outcome: Outcome) -> None:
        """A batch among those that make one update together: as if all were one batch."""
        total = outcome.total
        if self._summed and outcome.penalty is not None:
            # Sums add up, but what is asked of the weights is asked once an update.
            total = total - (1 - 1 / self._accumulated) * outcome.penalty
        total.backward()
        self.optimizer.step(weight=outcome.counted, summed=self._summed)  # pyright: ignore[reportCallIssue]
