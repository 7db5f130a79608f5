"""compile, fit, evaluate, predict: training on real steps, for any layer that is a model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from .. import kernels, losses, optimizers
from ..layers import Layer, Recurrent, Spec
from ..layers.spec import spec_of
from ..metrics import get as get_metric
from ..ragged import Ragged
from .batching import evaluation_plan, plan
from .callbacks import Callback, History
from .data import Data, open_inputs, prepare, split
from .door import give_back
from .interrupt import HeldInterrupt
from .objective import Objective, Outcome, Tally
from .progress import EpochProgress


class Trainer(Layer):
    """A layer that can be trained: Keras's methods, on Ragged, lists or padded arrays alike."""

    _objective: Objective | None = None
    _make_optimizer: Any = None
    optimizer: torch.optim.Optimizer | None = None
    history: History | None = None
    stop_training = False

    def compile(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, optimizer: Any = "rmsprop", loss: Any = None, metrics: Any = None
    ) -> None:
        """Says how the model is trained. Forgets an earlier optimiser's state.

        For torch's own compiler: `torch.compile(model)`.

        Args:
            optimizer: a name, an unpad or torch optimiser, or a callable of the weights.
            loss: a name, a Loss, a torch loss module, or a callable of (y_true, y_pred).
            metrics: names, torchmetrics metrics or callables.

        Raises:
            ValueError: a name is not known, or the loss does not go with the last activation.
        """
        if loss is None:
            raise ValueError("compile: loss is missing, as loss='sparse_categorical_crossentropy'.")
        chosen = [] if metrics is None else metrics
        if isinstance(chosen, str) or not isinstance(chosen, (list, tuple)):
            chosen = [chosen]
        objective = Objective(losses.get(loss), [get_metric(m) for m in chosen])
        make = optimizers.get(optimizer)
        objective.check(self)
        self._objective, self._make_optimizer, self.optimizer = objective, make, None

    def fit(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: tuple | None = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        validation_batch_size: int | None = None,
        batch_steps: int | None = None,
        bucket_by_length: bool = False,
    ) -> History:
        """Trains the model. Nothing changes if the data are wrong.

        Ctrl-C stops between two updates: the KeyboardInterrupt is raised again, the model can be
        used, and `model.history` holds the epochs that were finished.

        Args:
            x: padded array, list of arrays, Ragged, Arrow list column.
            y: targets in any of these forms, for each step or each sequence as the model gives.
            batch_size: sequences a batch; 32 by default.
            epochs: the epoch to stop after.
            verbose: 0 nothing, 1 ("auto") a progress bar, 2 a line an epoch.
            callbacks: see `Callback`.
            validation_split: the last share of the data is not trained on but evaluated.
            validation_data: (x, y) or (x, y, sample_weight) to evaluate after each epoch.
            shuffle: whether the order is drawn anew each epoch.
            class_weight: weight of each class's steps; 1 for classes that are not named.
            sample_weight: weights (n,) of sequences, or of steps in any form that y may have.
            initial_epoch: the epoch to start at, counted from 0.
            validation_batch_size: sequences a batch of the validation.
            batch_steps: real steps a batch at most, instead of a number of sequences.
            bucket_by_length: whether sequences of like length go into a batch together.

        Returns:
            The History: loss and metrics of each epoch.

        Raises:
            ValueError: the data or options are wrong; the text says what and where first.
        """
        objective = self._compiled("fit")
        batch_size = _checked_size(batch_size, batch_steps, validation_batch_size)
        data = prepare(self, objective.loss, x, y, sample_weight, class_weight, "fit")
        validation = None
        if validation_data is not None:
            validation = self._validation(validation_data)
        elif validation_split:
            data, validation = split(data, validation_split, "fit")
        if self.stateful and (shuffle or bucket_by_length or batch_steps is not None):
            raise ValueError(
                "fit: a stateful layer carries its states from batch to batch, row by row: fit "
                "with shuffle=False, without bucket_by_length and batch_steps."
            )
        if data.steps == 0:
            raise ValueError("fit: x has no steps: every sequence is empty or masked throughout.")
        objective.check(self)
        optimizer = self._ready_optimizer()
        tally = self._tally(data)
        level = 1 if verbose == "auto" else int(verbose)
        history = self.history = History()
        watchers = [history, *_as_list(callbacks)]
        for watcher in watchers:
            watcher.set_model(self)
        self.stop_training = False
        was_training = self.training
        try:
            with HeldInterrupt() as interrupt, self._threads():
                for watcher in watchers:
                    watcher.on_train_begin()
                for epoch in range(initial_epoch, epochs):
                    batches = plan(
                        len(data.x), data.lengths, batch_size=batch_size, batch_steps=batch_steps,
                        shuffle=shuffle, bucket_by_length=bucket_by_length,
                    )  # fmt: skip
                    self._epoch(
                        epoch, epochs, data, batches, validation, validation_batch_size, optimizer,
                        tally, watchers, interrupt, level,
                    )  # fmt: skip
                    if self.stop_training:
                        break
                for watcher in watchers:
                    watcher.on_train_end()
        finally:
            self.train(was_training)
        return history

    def _epoch(
        self,
        epoch: int,
        epochs: int,
        data: Data,
        batches: list[Tensor],
        validation: Data | None,
        validation_batch_size: int | None,
        optimizer: torch.optim.Optimizer,
        tally: Tally,
        watchers: list[Callback],
        interrupt: HeldInterrupt,
        verbose: int,
    ) -> None:
        objective = self._compiled("fit")
        device = self._device()
        tally.reset()
        for watcher in watchers:
            watcher.on_epoch_begin(epoch)
        progress = EpochProgress(f"Epoch {epoch + 1}/{epochs}", data.steps, verbose)
        start = time.perf_counter()
        self.train()
        try:
            for i, sequences in enumerate(batches):
                interrupt.check()
                for watcher in watchers:
                    watcher.on_train_batch_begin(i)
                batch = data.batch(sequences, device)
                tally.add(self._update(objective, optimizer, batch))
                progress.advance(batch.steps)
                if len(watchers) > 1:
                    for watcher in watchers:
                        watcher.on_train_batch_end(i, {"loss": tally.mean_loss})
                if progress.due:
                    progress.draw(tally.logs())
            interrupt.check()
            seconds, rate = time.perf_counter() - start, progress.rate
            logs = tally.logs()
            if validation is not None:
                found = self._evaluate(validation, validation_batch_size)
                logs |= {f"val_{name}": value for name, value in found.items()}
        except BaseException:
            progress.stop()
            raise
        progress.finish(seconds, rate, logs)
        for watcher in watchers:
            watcher.on_epoch_end(epoch, logs)

    def _update(
        self, objective: Objective, optimizer: torch.optim.Optimizer, batch: Data
    ) -> Outcome:
        """One step of training: forward, backward, update."""
        outcome = objective(self, batch)
        if batch.steps and bool(outcome.loss.divisor):
            # A batch in which no step counts says nothing: not even the optimiser's momentum moves.
            optimizer.zero_grad(set_to_none=True)
            outcome.loss.value.backward()
            optimizer.step()
        return outcome

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        return_dict: bool = False,
    ) -> float | list[float] | dict[str, float]:
        """The loss and metrics over the real steps of this data; the same for any batch size.

        Args:
            x: as in `fit`.
            y: as in `fit`.
            batch_size: sequences a batch; by default batches of like length and equal work.
            verbose: 0 nothing, else a bar and a line.
            sample_weight: as in `fit`.
            return_dict: by name instead of in order.

        Returns:
            The loss; with metrics [loss, metric, ...], or all by name.
        """
        objective = self._compiled("evaluate")
        data = prepare(self, objective.loss, x, y, sample_weight, None, "evaluate")
        objective.check(self)
        progress = EpochProgress("Evaluate", data.steps, 1 if verbose == "auto" else int(verbose))
        start = time.perf_counter()
        logs = self._evaluate(data, batch_size)
        seconds = time.perf_counter() - start
        progress.finish(seconds, data.steps / max(seconds, 1e-9), logs)
        return _as_keras(logs, return_dict)

    def _evaluate(self, data: Data, batch_size: int | None) -> dict[str, float]:
        objective = self._compiled("evaluate")
        device = self._device()
        was_training = self.training
        self.eval()
        tally = self._tally(data)
        try:
            with torch.no_grad(), self._threads():
                for sequences in self._evaluation_plan(data, batch_size):
                    tally.add(objective(self, data.batch(sequences, device)))
        finally:
            self.train(was_training)
        return tally.logs()

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: int | str = "auto", fill: float = 0
    ) -> Any:
        """The model's outputs in the caller's own form: the same grid, a list, a Ragged.

        A step that was not there has no value: in a grid its slot holds `fill`, in a list it is
        not there.

        Args:
            x: padded array, list of arrays, Ragged, Arrow list column.
            batch_size: sequences a batch; by default batches of like length and equal work.
            verbose: 0 nothing, else a bar in a terminal.
            fill: what missing slots of a grid hold.

        Raises:
            ValueError: the data do not fit the model.
        """
        _, opened, form = open_inputs(self, x, "predict")
        self.ensure_built(spec_of(opened))
        data = Data(opened, None, None)
        progress = EpochProgress("Predict", data.steps, 1 if verbose in ("auto", 1) else 0)
        device, was_training = self._device(), self.training
        self.eval()
        batches = self._evaluation_plan(data, batch_size)
        outputs = []
        try:
            with torch.inference_mode(), self._threads():
                for sequences in batches or [torch.arange(0)]:
                    batch = data.batch(sequences, device)
                    outputs.append(self(batch.x))
                    progress.advance(batch.steps)
                    if progress.due:
                        progress.draw({})
        finally:
            progress.stop()
            self.train(was_training)
        return give_back(_in_order(outputs, batches), form, fill)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> float | list[float] | dict[str, float]:
        """One update on this batch; its loss and metrics from before the update."""
        objective = self._compiled("train_on_batch")
        data = prepare(self, objective.loss, x, y, sample_weight, class_weight, "train_on_batch")
        objective.check(self)
        optimizer = self._ready_optimizer()
        tally = self._tally(data)
        was_training = self.training
        self.train()
        try:
            batch = data.batch(torch.arange(len(data.x)), self._device())
            tally.add(self._update(objective, optimizer, batch))
        finally:
            self.train(was_training)
        return _as_keras(tally.logs(), return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> float | list[float] | dict[str, float]:
        """The loss and metrics of this batch."""
        return self.evaluate(x, y, len(x), 0, sample_weight, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for this batch, in the caller's form."""
        return self.predict(x, max(1, len(x)), 0)

    # --- what these share ------------------------------------------------------------------------

    def _compiled(self, who: str) -> Objective:
        if self._objective is None:
            raise RuntimeError(
                f"{who}: the model is not compiled. First: model.compile(optimizer=..., loss=...)."
            )
        return self._objective

    def _validation(self, given: tuple) -> Data:
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise ValueError(
                "fit: expected validation_data as (x, y) or (x, y, sample_weight), got "
                f"{type(given).__name__}."
            )
        x, y, weight = (*given, None)[:3]
        return prepare(self, self._compiled("fit").loss, x, y, weight, None, "fit: validation_data")

    def _ready_optimizer(self) -> torch.optim.Optimizer:
        if self.optimizer is None:
            weights = [w for w in self.parameters() if w.requires_grad]
            if not weights:
                raise ValueError("fit: the model has no weights that can be trained.")
            self.optimizer = self._make_optimizer(weights)
        assert self.optimizer is not None
        return self.optimizer

    def _tally(self, data: Data) -> Tally:
        output = self.output_spec(spec_of(data.x))
        assert isinstance(output, Spec)
        return self._compiled("fit").tally(output, self._device())

    def _evaluation_plan(self, data: Data, batch_size: int | None) -> list[Tensor]:
        if not self.stateful:
            return evaluation_plan(len(data.x), data.lengths, batch_size)
        # States go on from batch to batch, row by row: the caller's order is the order.
        size = batch_size or 32
        return plan(
            len(data.x), None, batch_size=size, batch_steps=None, shuffle=False,
            bucket_by_length=False,
        )  # fmt: skip

    def _threads(self) -> AbstractContextManager[None]:
        """The kernels' own threads, where all that runs are layers of ours on a CPU."""
        ours = all(isinstance(m, Layer) for m in self.modules())
        if ours and self._device().type == "cpu":
            return kernels.own_threads()
        return nullcontext()

    @property
    def stateful(self) -> bool:
        """Whether a layer carries its states from one batch to the next."""
        return any(m is not self and getattr(m, "stateful", False) for m in self.modules())

    def reset_state(self, rows: Any = None) -> None:
        """Forgets the carried states of these rows of the batch, or of all, in every layer."""
        for module in self.modules():
            if isinstance(module, Recurrent):
                module.reset_state(rows)

    def _device(self) -> torch.device:
        for weight in self.parameters():
            return weight.device
        return torch.device("cpu")


def _as_list(callbacks: Sequence[Callback] | Callback | None) -> list[Callback]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]  # pyright: ignore[reportReturnType]


def _as_keras(logs: dict[str, float], by_name: bool) -> float | list[float] | dict[str, float]:
    if by_name:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _checked_size(
    batch_size: int | None, batch_steps: int | None, validation_batch_size: int | None
) -> int:
    if batch_size is not None and batch_steps is not None:
        raise ValueError("fit: give batch_size= (sequences) or batch_steps= (steps), not both.")
    sizes = {
        "batch_size": batch_size,
        "batch_steps": batch_steps,
        "validation_batch_size": validation_batch_size,
    }
    for name, size in sizes.items():
        if size is not None and (not hasattr(size, "__index__") or size < 1):
            raise ValueError(f"fit: expected {name} as a positive integer, got {size!r}.")
    return 32 if batch_size is None else batch_size


def _in_order(outputs: list[Any], batches: list[Tensor]) -> Ragged | Tensor:
    """The outputs of all batches, in the caller's order of sequences."""
    if isinstance(outputs[0], list):
        raise ValueError("predict: the model gives several outputs; one is supported.")
    ragged = isinstance(outputs[0], Ragged)
    joined = Ragged.concatenate(outputs) if ragged else torch.cat(outputs)
    joined = joined.to("cpu")
    if not batches:
        return joined
    back = torch.cat(batches).argsort()
    return joined[back]
