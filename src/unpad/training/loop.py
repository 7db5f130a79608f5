"""The training loop: epochs of batches, each forward, backward, update; and what is held out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from ..core.mode import mode
from ..data.feed import Feed, Limited
from ..optimizers.update import Update
from .interrupt import HeldInterrupt
from .kept import (
    KeptCarried,
    KeptMetrics,
    KeptModel,
    Order,
    Place,
    RandomStreams,
    Reading,
    Versions,
    place_of,
)
from .kept_compiled import KeptCompiled
from .kept_optimizers import KeptOptimizer, KeptOwn
from .progress import EpochProgress
from .run import OF_TESTING, OF_TRAINING, Run
from .state import Kept, State
from .watchers import Watchers


@dataclass
class HeldOut:
    """What is evaluated after an epoch, with sums of its own: the epoch's are left alone."""

    run: Run
    feed: Feed
    #: Every so many epochs, or after which, counted from 1.
    freq: int | Sequence[int] = 1
    #: Batches that are evaluated, from the first on; None for all.
    most: int | None = None

    @classmethod
    def some(
        cls, run: Run, feed: Any, most: int | None, option: str, who: str, freq: Any = 1
    ) -> HeldOut:
        """So many batches of it: the first, each time, or of a generator the next."""
        if most is not None and feed.once:
            feed, most = Limited(feed, most, option, who), None
        return cls(run, feed, freq, most)

    def due(self, epoch: int) -> bool:
        """Whether it is evaluated after this epoch, counted from 0."""
        if isinstance(self.freq, int):
            return (epoch + 1) % self.freq == 0
        return epoch + 1 in self.freq


@dataclass
class Fitting:
    """A model in training, with all that its epochs share.

    Args:
        run: the model with its losses, metrics and optimiser.
        feed: the batches of each epoch.
        held_out: to evaluate after each epoch.
        watchers: the callbacks.
        verbose: 0 nothing, 1 a bar, 2 a line an epoch.
        streams: whether the logs tell the share of the time that was waited for batches.
    """

    run: Run
    feed: Feed
    held_out: HeldOut | None
    watchers: Watchers
    verbose: int
    streams: bool = False

    def __post_init__(self) -> None:
        self._model = self.run.model
        # Whether somebody may have set a layer to something else between two epochs.
        self._mode_in_doubt = self.watchers.given or self.held_out is not None
        self._own_step = self._model.overrides(*OF_TRAINING)
        self._place = Place(self._model)
        self._from: State | None = None
        self._ranks = self.run.ranks

    def go_on_from(self, state: State) -> None:
        """Has `epochs` begin where a training was.

        Raises:
            ValueError: it was of another model, optimiser or data, or drew other batches.
        """
        state.check(self._kept())
        self._from = state

    def epochs(self, epochs: range) -> None:
        """All epochs, counted from 0, unless a callback stops them or Ctrl-C does."""
        model, watchers, place = self._model, self.watchers, self._place
        place.epoch = epochs.start
        with (
            HeldInterrupt() as interrupt,
            model.threads(),
            self.run.at_work(),
            mode(model, True, "fit", alone=True),
        ):
            watchers.tell("on_train_begin")
            stopped = False
            if self._from is not None:
                place.epoch, within = place_of(self._from)
                if not within or place.epoch >= epochs.stop:
                    self._go_back()
                    stopped = model.stop_training
            while place.epoch < epochs.stop and not stopped:
                self._epoch(f"Epoch {place.epoch + 1}/{epochs.stop}", interrupt)
                stopped = self._stopped()
            finish = getattr(self.run.optimizer, "finalize_variable_values", None)
            if finish is not None:
                finish()  # running averages take the weights' place
            watchers.tell("on_train_end", place.logs)
        watchers.finished()

    def _epoch(self, title: str, interrupt: HeldInterrupt) -> None:
        run, watchers, place = self.run, self.watchers, self._place
        epoch = place.epoch
        run.reset()
        watchers.tell("on_epoch_begin", epoch)
        if self._from is not None:
            self._go_back()
        progress = EpochProgress(title, self.feed.steps, self.verbose, self._ranks.world)
        start = time.perf_counter()
        if self._mode_in_doubt:
            self._model.train()
            run.look_around()
        assert run.update is not None
        try:
            watched = watchers.between or self._own_step or not self._ranks.alone
            with run.update.rows_of(self._model, watched) as update:
                returned = self._train(epoch, update, progress, interrupt)
            interrupt.check()
            seconds, rate = time.perf_counter() - start, progress.rate
            logs = run.logs(returned)
            if self.streams:
                waited = progress.waited / max(seconds, 1e-9)
                logs = {**logs, "waiting": max(self._ranks.gather(waited))}
            if self.held_out is not None and self.held_out.due(epoch):
                found = evaluated(self.held_out, watchers, epoch)
                logs |= {f"val_{name}": value for name, value in found.items()}
        except BaseException:
            progress.stop()
            raise
        progress.finish(seconds, rate, logs)
        watchers.tell("on_epoch_end", epoch, logs)
        place.next_epoch(logs)
        watchers.write(None, self._state)

    def _train(
        self, epoch: int, update: Update, progress: EpochProgress, interrupt: HeldInterrupt
    ) -> dict[str, Any] | None:
        run, watchers, model, place = self.run, self.watchers, self._model, self._place
        begins, any_of = watchers.asked("on_train_batch_begin"), self._ranks.any
        # What one process is asked all must work out, since they do it together.
        ends = any_of(watchers.asked("on_train_batch_end"))
        writes = any_of(watchers.writes)
        first, returned = place.batch, place.returned
        if first and model.stop_training:
            return returned
        coming = self.feed.batches(epoch, first, apart=watchers.between)
        if self.streams:
            coming = progress.waiting_for(coming)
        for i, batch in enumerate(coming, first):
            interrupt.check()
            if begins:
                watchers.tell("on_train_batch_begin", i)
            returned = run.train(batch, update)
            progress.advance(batch.steps)
            if ends:
                watchers.tell("on_train_batch_end", i, run.so_far(returned))
            if writes:
                place.batch, place.returned = i + 1, returned
                watchers.write(i, self._state)
            if ends and self._stopped():
                break
            if progress.due:
                progress.draw(run.seen(returned))
        return returned

    def _stopped(self) -> bool:
        """Whether anybody has said so, in any of the processes."""
        if not self._ranks.alone:
            self._model.stop_training = self._ranks.any(self._model.stop_training)
        return self._model.stop_training

    # --- what must not be lost -------------------------------------------------------------------

    def _kept(self) -> dict[str, Kept]:
        run, model = self.run, self._model
        assert run.optimizer is not None
        return {
            "place": self._place,
            "order": Order(model, self.feed),
            "reading": Reading(self.feed),
            "callbacks": self.watchers,
            "optimizer": KeptOptimizer(run.optimizer, model),
            "compiled": KeptCompiled(model),
            "model": KeptModel(model),
            "own": KeptOwn(model, run.optimizer),
            "carried": KeptCarried(model),
            "tally": run.tally,
            "metrics": KeptMetrics(model.own_metrics),
            "random": RandomStreams(model.device, self._ranks),
            "versions": Versions(),
        }

    def _state(self) -> State:
        return State.of(self._kept(), self._ranks)

    def _go_back(self) -> None:
        """To where the state was, whatever the hooks before it have done by now."""
        assert self._from is not None
        self._from.into(self._kept(), self._ranks)
        self._from = None


def evaluated(
    held: HeldOut, watchers: Watchers, epoch: int = 0, progress: EpochProgress | None = None
) -> dict[str, Any]:
    """The logs of what is held out, by sums that are set to 0 first."""
    run, model = held.run, held.run.model
    begins, ends = watchers.asked("on_test_batch_begin"), watchers.asked("on_test_batch_end")
    apart = begins or ends or model.overrides(*OF_TESTING)
    returned: dict[str, Any] | None = None
    model.stop_evaluating = False
    with (
        mode(model, False, "evaluate"),
        torch.no_grad(),
        model.threads(),
        run.at_work(),
    ):
        watchers.tell("on_test_begin")
        run.reset()
        run.look_around()
        coming = enumerate(islice(held.feed.batches(epoch, apart=apart), held.most))
        for i, batch in run.ranks.turns(coming):
            if begins:
                watchers.tell("on_test_batch_begin", i)
            returned = run.test(batch)
            if progress is not None:
                progress.advance(batch.steps)
                if progress.due:
                    progress.draw(run.seen(returned))
            if ends:
                watchers.tell("on_test_batch_end", i, run.seen(returned))
            if model.stop_evaluating:
                break
        if held.most is not None:
            held.feed.left()
        logs = run.logs(returned)
        watchers.tell("on_test_end", logs)
    return logs
