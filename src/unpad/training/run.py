"""A model at work on batches: by steps of its own, else by ours, which are quicker."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.structure import flat
from ..data.source import Batch
from ..metrics.carried import apart
from ..optimizers.update import Update
from ..ragged import Ragged
from ..ragged.numbers import as_tensor
from ..ranks import ALONE, Ranks
from .denominators import weighed
from .kept import KeptMetrics
from .objective import Objective
from .outcome import Given, Outcome
from .state import AddsUp
from .tails import Tails, hooked, hooked_backward
from .tally import LossTracker, Tally
from .terms import Term, terms_of

_at_work: ContextVar[tuple[Run, ...]] = ContextVar("at work", default=())

#: What a model may do in its own way, so that it is called for every batch.
OF_TRAINING = ("train_step", "compute_loss", "compute_metrics")
OF_TESTING = ("test_step", "compute_loss", "compute_metrics")


def current(model: Any) -> Run | None:
    """The run that this model is in, of this thread; None outside fit, evaluate and their like."""
    return next((run for run in reversed(_at_work.get()) if run.model is model), None)


class Run:
    """A model with its losses and metrics, their sums, and what moves its weights.

    Args:
        model: at work.
        objective: its losses and metrics, checked.
        tally: their sums.
        update: how the weights are moved; None where none are.
        ranks: the processes that share the work. Of a batch that is trained on each has a part.
    """

    def __init__(
        self,
        model: Any,
        objective: Objective,
        tally: Tally,
        update: Update | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.model, self.objective, self.tally, self.update = model, objective, tally, update
        self.optimizer = None if update is None else update.optimizer
        self.ranks = ranks
        if update is not None and update.accumulate > 1:
            objective.is_sum  # noqa: B018  which refuses what is neither
        self._penalised = model.penalised
        self._own_train = model.overrides(*OF_TRAINING)
        self._own_test = model.overrides(*OF_TESTING)
        self._tails: Tails | None = None
        # What `compute_loss` has found last, and the outputs that it was asked about.
        self._last: Outcome | None = None
        self._seen: Any = None
        self.look_around()

    @contextmanager
    def at_work(self) -> Iterator[Run]:
        """Within this block the model's own steps find this run."""
        token = _at_work.set((*_at_work.get(), self))
        try:
            yield self
        finally:
            _at_work.reset(token)

    def look_around(self) -> None:
        """Looks who watches the model's modules, and which metrics it holds.

        To be asked again where somebody may have changed something since: a walk through all
        modules is 3 % of a tiny model's epoch.
        """
        self._own_metrics = self.model.own_metrics
        self._hooked = hooked(self.model)
        lasts = self.objective.last_layers
        backward = self._hooked and hooked_backward(self.model, lasts)
        if backward and any(layer is not None and layer.tail == "crf" for layer in lasts):
            raise ValueError(
                "fit: a full backward hook waits for the gradient of what the CRF gives, which are "
                "tags and have none. Hang it on the layer before the CRF."
            )
        self._remembered = [None] * len(lasts) if backward else lasts

    # --- batches ---------------------------------------------------------------------------------

    def train(self, batch: Batch, update: Update | None = None) -> dict[str, Any] | None:
        """One update; the logs where the model makes them itself.

        Args:
            batch: to learn from.
            update: for now, in the place of the run's own.
        """
        with self.ranks.training():
            if self._own_train:
                return _as_logs(self._stepped(self.model.train_step, batch), "train_step")
            outcome = self._outcome(batch, self.ranks)
            if outcome.counts:
                # Where no step counts, a batch says nothing: not even the momentum moves.
                self._update(update, outcome.total, outcome)
        self.tally.add(outcome)
        return None

    def test(self, batch: Batch) -> dict[str, Any] | None:
        """The losses and metrics of a batch; the logs where the model makes them itself."""
        if self._own_test:
            return _as_logs(self._stepped(self.model.test_step, batch), "test_step")
        self.tally.add(self._outcome(batch, ALONE))
        return None

    def _outcome(self, batch: Batch, ranks: Ranks) -> Outcome:
        if not self._hooked:
            return self.objective(self.model, batch, self._penalised, ranks)
        with Tails(self._remembered) as tails:
            outputs = self.model(self.model.in_form_of_inputs(batch.x))
            given = [Given(o, tails.before(o)) for o in flat([outputs])]
        rows = len(batch), batch.steps
        return self._judged(given, batch.targets, batch.weights, rows, ranks)

    def _judged(
        self, given: list[Given], targets: Any, weights: Any, rows: tuple[int, int], ranks: Ranks
    ) -> Outcome:
        for part, one, last in zip(
            self.objective.parts, given, self.objective.last_layers, strict=True
        ):
            if last is not None and last.tail == "crf" and one.early is None:
                raise ValueError(
                    f"fit: {part.loss and part.loss.name} needs what the CRF gives as it gave it, "
                    "but a hook or a step of your own has put something else in its place."
                )
        return self.objective.outcome(given, targets, weights, self.model.penalties, rows, ranks)

    def _update(
        self, update: Update | None, loss: Tensor, outcome: Outcome | None, counted: float = 1.0
    ) -> None:
        update = update or self.update
        assert update is not None
        if not update.moves:
            return  # a loss without a gradient
        update.optimizer.zero_grad(set_to_none=True)
        if update.accumulate == 1:
            self._backward(update, loss)
            update.step()
            return
        # Several batches make one update: it must be that of one batch of all their sequences.
        if outcome is not None and loss is outcome.total:
            update.collect(terms_of(outcome, self.objective.parts), partial(self._backward, update))
            return
        summed = self.objective.is_sum
        if summed and outcome is not None and outcome.penalty is not None:
            # Sums of batches add up, but a penalty on weights counts once an update.
            loss = loss - (1 - 1 / update.accumulate) * outcome.penalty
        weight = counted if outcome is None else outcome.counted
        update.collect([Term("", loss, weight, summed)], partial(self._backward, update))

    def _backward(
        self, update: Update, loss: Tensor, more: bool = False, only: bool = True
    ) -> None:
        """The gradients of a loss, or of one of its terms, whether more of them follow."""
        if loss.requires_grad or (only and self.ranks.alone):
            update.scaled(loss).backward(retain_graph=more)
        self.ranks.sum_gradients(w for w in self.model.parameters() if w.requires_grad)

    # --- the model's own steps -------------------------------------------------------------------

    def _stepped(self, step: Any, batch: Batch) -> Any:
        arrange = self.model.in_form_of_outputs
        y, weight = (
            arrange(list(parts)) if any(p is not None for p in parts) else None
            for parts in (batch.targets, batch.weights)
        )
        return step(packed(self.model.in_form_of_inputs(batch.x), y, weight))

    def train_step(self, data: Any, update: Update | None = None) -> dict[str, Any]:
        """A training step by the model's methods; see `Model.train_step`.

        Args:
            data: see there.
            update: for now, in the place of the run's own.
        """
        x, y, weight, y_pred, loss = self._computed(data, training=True)
        outcome = self._last if self._seen is y_pred else None
        counted = self._counted(y_pred)
        if not self.ranks.alone and self.model.overrides("compute_loss"):
            outcome = None
            loss, counted = weighed(self.ranks, loss, counted, flat([y_pred]))
        if outcome.counts if outcome is not None else counted:
            self._update(update, loss, outcome, counted)
        return self.model.compute_metrics(x, y, y_pred, sample_weight=weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """The same without an update; see `Model.test_step`."""
        x, y, weight, y_pred, _ = self._computed(data, training=False)
        return self.model.compute_metrics(x, y, y_pred, sample_weight=weight)

    def _computed(self, data: Any, training: bool) -> tuple[Any, Any, Any, Any, Tensor]:
        model = self.model
        x, y, weight = unpacked(data)
        self._last = self._seen = None
        with Tails(self._remembered) as self._tails:
            y_pred = model(x)
            options = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": weight}
            if _takes(model.compute_loss, "training"):
                options["training"] = training
            loss = model.compute_loss(**options)
        self._tails = None
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            got = tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise ValueError(f"compute_loss: expected a tensor of one number, got {got}.")
        if model.overrides("compute_loss"):
            self.tally.add_own(loss, self._counted(y_pred))
        else:
            assert self._last is not None
            self.tally.add_losses(self._last)
        return x, y, weight, y_pred, loss

    def _counted(self, y_pred: Any) -> float:
        """By how much a batch's loss counts: by its denominator, or the steps of what was given."""
        if self._seen is y_pred and self._last is not None:
            return self._last.counted
        first = flat([y_pred])[0]
        return float(first.layout.steps if isinstance(first, Ragged) else len(first))

    def compute_loss(self, y: Any, y_pred: Any, weight: Any) -> Tensor:
        """The compiled loss of these outputs; see `Model.compute_loss`."""
        given = [Given(o, self._tails and self._tails.before(o)) for o in flat([y_pred])]
        targets, weights = (self._for_outputs(part) for part in (y, weight))
        rows = _rows(given[0].output)
        # A loss that a model computes on with is divided by the count of this process alone:
        # `train_step` weighs the whole.
        own = not torch.is_grad_enabled() or self.model.overrides("compute_loss")
        ranks = ALONE if own else self.ranks
        self._last = self._judged(given, targets, weights, (rows, rows), ranks)
        self._seen = y_pred
        return self._last.total

    def compute_metrics(self, y: Any, y_pred: Any, weight: Any) -> dict[str, Any]:
        """The compiled metrics with this batch added; see `Model.compute_metrics`."""
        with torch.no_grad():
            if self._seen is y_pred and self._last is not None:
                shown = self._last.shown
            else:
                given = [Given(o) for o in flat([y_pred])]
                shown = self.objective.seen(given, self._for_outputs(y), self._for_outputs(weight))
            self.tally.add_shown(shown)
            return self._numbers()

    def _for_outputs(self, parts: Any) -> list[Any]:
        """Targets or weights as a list, one for each output; arrays as tensors."""
        count = len(self.objective.parts)
        found = flat([parts])
        found = found * count if len(found) == 1 and parts is None else found
        if len(found) != count:
            raise ValueError(
                f"compute_loss: expected something for {count} outputs, got {len(found)}."
            )
        kept = (Ragged, Tensor, type(None))
        return [p if isinstance(p, kept) else as_tensor(p, "compute_loss") for p in found]

    # --- numbers ---------------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The loss and the metrics, compiled and the model's own, with Keras's methods."""
        return [LossTracker(self.tally), *self.tally.metrics(), *self.model.own_metrics]

    def results(self) -> dict[str, Any]:
        """Every number so far by name, of all processes together: each must ask."""
        if self.ranks.alone:
            return self._numbers()
        kept: list[AddsUp] = [self.tally, KeptMetrics(self._held_metrics())]
        every = self.ranks.gather([part.state_dict() for part in kept])
        for part, states in zip(kept, zip(*every, strict=True), strict=True):
            part.load_state_dict(part.merged(states))
        try:
            return self._numbers()
        finally:
            for part, mine in zip(kept, every[self.ranks.rank], strict=True):
                part.load_state_dict(mine)

    def _numbers(self) -> dict[str, Any]:
        """Every number so far of this process."""
        with self._apart():
            if self.model.overrides("metrics"):
                return {m.name: number(m.result()) for m in self.model.metrics}
            own = {m.name: number(m.result()) for m in self._held_metrics()}
            return {**self.tally.logs(), **own}

    def _apart(self) -> AbstractContextManager[None]:
        """Within this block no metric asks other processes by itself."""
        if self.ranks.alone:
            return nullcontext()
        return apart([*self.tally.metrics(), *self._held_metrics()])

    def _held_metrics(self) -> list[Any]:
        # A train_step of one's own may make a metric in the middle of an epoch.
        own_step = self._own_train or self._own_test
        return self.model.own_metrics if own_step else self._own_metrics

    def so_far(self, returned: dict[str, Any] | None) -> dict[str, Any]:
        """The logs in the middle of an epoch."""
        if not self.ranks.alone:
            return self.logs(returned)
        return self.results() if returned is None else returned

    def seen(self, returned: dict[str, Any] | None) -> dict[str, Any]:
        """The same of what this process has seen: no other is asked."""
        return self._numbers() if returned is None else returned

    def logs(self, returned: dict[str, Any] | None) -> dict[str, Any]:
        """The logs of an epoch: every number so far, or what the last step has given instead."""
        found = self.results()
        return found if returned is None or set(found) == set(returned) else returned

    def reset(self) -> None:
        """Forgets every batch."""
        self.tally.reset()
        own = self.model.metrics if self.model.overrides("metrics") else self._held_metrics()
        for metric in own:
            metric.reset_state()


def packed(x: Any, y: Any = None, weight: Any = None) -> tuple[Any, ...]:
    """A batch as a step is given it: (x,), (x, y) or (x, y, sample_weight)."""
    if y is None:
        return (x,)
    return (x, y) if weight is None else (x, y, weight)


def unpacked(data: Any) -> tuple[Any, Any, Any]:
    """The inverse: x, y and sample_weight, None for what is not there."""
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if len(data) > 3:
        raise ValueError(f"expected (x, y, sample_weight), got {len(data)} parts.")
    x, y, weight = (*data, None, None)[:3]
    return x, y, weight


def number(value: Any) -> Any:
    """A metric's value as a plain number; what is none comes back as it is."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return float(value)
    return value if not isinstance(value, np.generic) else value.item()


def _as_logs(returned: Any, who: str) -> dict[str, Any]:
    if not isinstance(returned, dict):
        raise ValueError(
            f"{who}: expected it to give a dict of logs, as {{'loss': loss}}, got "
            f"{type(returned).__name__}."
        )
    found: dict[str, Any] = {}
    for name, value in returned.items():
        if isinstance(value, dict):
            found |= _as_logs(value, who)
        else:
            found[name] = number(value.detach() if isinstance(value, Tensor) else value)
    return found


def _rows(x: Any) -> int:
    return len(flat([x])[0])


def _takes(function: Any, name: str) -> bool:
    parameters = inspect.signature(function).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
