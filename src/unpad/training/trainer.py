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
from ..optimizers.constrained import watch
from ..ragged import Ragged
from ..spellings import renamed
from .batching import evaluation_plan, plan
from .callbacks import Callback, History
from .compiled import Compiled, each, leaves, metric_of
from .data import Batch, Data, as_call, open_inputs, prepare, split
from .door import give_back
from .fitting import Fitting
from .objective import Objective, Tally
from .progress import EpochProgress
from .watchers import Watchers


class Trainer(Layer):
    """A layer that can be trained: Keras's methods, on Ragged, lists or padded arrays alike."""

    #: Names of the inputs and outputs, where the model has any.
    input_names: Any = None
    output_names: Any = None
    _compiled_with: Compiled | None = None
    _make_optimizer: Any = None
    optimizer: torch.optim.Optimizer | None = None
    history: History | None = None
    stop_training = False

    def compile(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
    ) -> None:
        """Says how the model is trained. Forgets an earlier optimiser's state.

        A model of several outputs takes losses, weights and metrics as a list in their order, or
        as a dict by their names. For torch's own compiler: `torch.compile(model)`.

        Args:
            optimizer: a name, an unpad or torch optimiser, or a callable of the weights.
            loss: a name, a Loss, a torch loss module, or a callable of (y_true, y_pred); None for
                an output that is not trained on.
            loss_weights: how much each output's loss counts; 1 by default.
            metrics: names, torchmetrics metrics or callables.
            weighted_metrics: metrics that are given sample and class weights too.

        Raises:
            ValueError: a name is not known, or the loss does not go with the last activation.
        """
        if loss is None:
            raise ValueError("compile: loss is missing, as loss='sparse_categorical_crossentropy'.")
        make = optimizers.get(optimizer)
        compiled = Compiled(
            each(loss, losses.get),
            loss_weights,
            each(metrics, metric_of),
            each(weighted_metrics, metric_of),
        )
        for metric in leaves(compiled.metrics):
            metric.check()
        for metric in leaves(compiled.weighted_metrics):
            metric.check(weighted=True)
        if self.output_names is not None or self._one_output_for_sure():
            compiled.objective(self.output_names or ["output"]).check(self)
        self._compiled_with, self._make_optimizer, self.optimizer = compiled, make, None

    def _one_output_for_sure(self) -> bool:
        return self.tail is not None

    @renamed(nb_epoch="epochs")
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
        self._compiled("fit")
        batch_size = _checked_size(batch_size, batch_steps, validation_batch_size)
        data, objective, outputs = prepare(self, x, y, sample_weight, class_weight, "fit")
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
        # Two, so that an evaluation within an epoch leaves the epoch's sums alone.
        tally, held_out = (objective.tally(outputs, self.device) for _ in range(2))
        level = 1 if verbose == "auto" else int(verbose)
        history = self.history = History()
        watchers = Watchers(callbacks, history)
        watchers.set_model(self)
        fitting = Fitting(self, objective, optimizer, tally, held_out, watchers, level)
        batches = {
            "batch_size": batch_size,
            "batch_steps": batch_steps,
            "shuffle": shuffle,
            "bucket_by_length": bucket_by_length,
        }
        self.stop_training = False
        was_training = self.training
        try:
            fitting.run(
                data, validation, range(initial_epoch, epochs), validation_batch_size, batches
            )
        finally:
            self.train(was_training)
        return history

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
        self._compiled("evaluate")
        data, objective, outputs = prepare(self, x, y, sample_weight, None, "evaluate")
        objective.check(self)
        tally = objective.tally(outputs, self.device)
        progress = EpochProgress("Evaluate", data.steps, 1 if verbose == "auto" else int(verbose))
        start = time.perf_counter()
        logs = self.evaluated(data, batch_size, objective, tally)
        seconds = time.perf_counter() - start
        progress.finish(seconds, data.steps / max(seconds, 1e-9), logs)
        return _as_keras(logs, return_dict)

    def evaluated(
        self, data: Data, batch_size: int | None, objective: Objective, tally: Tally
    ) -> dict[str, Any]:
        """The logs of prepared data, by sums that are set to 0 first."""
        device, penalised = self.device, self.penalised
        tally.reset()
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad(), self.threads():
                for batch in data.batches(self._evaluation_plan(data, batch_size), device):
                    tally.add(objective(self, batch, penalised))
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
        opened = open_inputs(self, x, "predict")
        self.ensure_built(*as_call(opened.specs))
        data = opened.data
        progress = EpochProgress("Predict", data.steps, 1 if verbose in ("auto", 1) else 0)
        device, was_training = self.device, self.training
        self.eval()
        batches = self._evaluation_plan(data, batch_size)
        outputs = []
        try:
            with self.threads():
                with torch.inference_mode():
                    for batch in data.batches(batches or [torch.arange(0)], device):
                        outputs.append(self(batch.x))
                        progress.advance(batch.steps)
                        if progress.due:
                            progress.draw({})
                found = _in_order(outputs, batches)
        finally:
            progress.stop()
            self.train(was_training)
        return _each_output(found, lambda o: give_back(o, opened.form, fill))

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> float | list[float] | dict[str, float]:
        """One update on this batch; its loss and metrics from before the update."""
        self._compiled("train_on_batch")
        who = "train_on_batch"
        data, objective, outputs = prepare(self, x, y, sample_weight, class_weight, who)
        objective.check(self)
        optimizer = self._ready_optimizer()
        tally = objective.tally(outputs, self.device)
        was_training = self.training
        self.train()
        try:
            watchers = Watchers(None, History())
            fitting = Fitting(self, objective, optimizer, tally, tally, watchers, 0)
            tally.add(fitting.update(data.batch(torch.arange(len(data)), self.device)))
        finally:
            self.train(was_training)
        return _as_keras(tally.logs(), return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> float | list[float] | dict[str, float]:
        """The loss and metrics of this batch."""
        return self.evaluate(x, y, None, 0, sample_weight, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for this batch, in the caller's form."""
        return self.predict(x, None, 0)

    # --- what these share ------------------------------------------------------------------------

    def _compiled(self, who: str) -> Compiled:
        if self._compiled_with is None:
            raise RuntimeError(
                f"{who}: the model is not compiled. First: model.compile(optimizer=..., loss=...)."
            )
        return self._compiled_with

    def objective_for(self, count: int) -> Objective:
        """What was compiled, arranged for this number of outputs."""
        names = self.output_names
        if names is None:
            names = ["output"] if count == 1 else [f"output_{i}" for i in range(count)]
        return self._compiled("fit").objective(names)

    def open_inputs(self, inputs: list[Any]) -> list[tuple[Any, Any]]:
        """Each input as it is fed to the model, and as its real steps, padding gone where known."""
        if len(inputs) > 1:
            return [(x, x) for x in inputs]
        opened = self.open(inputs[0])
        return [(opened, opened)]

    def check_inputs(self, inputs: list[Any]) -> None:
        """Raises for values that a first layer cannot take; see `Layer.check`."""
        if len(inputs) == 1:
            self.check(inputs[0])

    def paired_inputs(self, specs: list[Spec]) -> list[tuple[int, int]]:
        """Pairs of inputs whose steps are combined one to one."""
        return []

    @property
    def penalised(self) -> bool:
        """Whether anything is added to the loss: penalties on weights or on what comes out."""
        return any(
            isinstance(m, Layer) and (m._regularizers or m.activity_regularizer is not None)
            for m in self.modules()
        )

    def _validation(self, given: tuple) -> Data:
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise ValueError(
                "fit: expected validation_data as (x, y) or (x, y, sample_weight), got "
                f"{type(given).__name__}."
            )
        x, y, weight = (*given, None)[:3]
        return prepare(self, x, y, weight, None, "fit: validation_data")[0]

    def _ready_optimizer(self) -> torch.optim.Optimizer:
        if self.optimizer is None:
            weights = [w for w in self.parameters() if w.requires_grad]
            if not weights:
                raise ValueError("fit: the model has no weights that can be trained.")
            self.optimizer = self._make_optimizer(weights)
        assert self.optimizer is not None
        for weight, constraint in self.constrained():
            weight.unpad_constraint = constraint  # pyright: ignore[reportAttributeAccessIssue]
        return watch(self.optimizer)

    def _evaluation_plan(self, data: Data, batch_size: int | None) -> list[Tensor]:
        if not self.stateful:
            return evaluation_plan(len(data), data.lengths, batch_size)
        # States go on from batch to batch, row by row: the caller's order is the order.
        size = batch_size or 32
        return plan(
            len(data), None, batch_size=size, batch_steps=None, shuffle=False,
            bucket_by_length=False,
        )  # fmt: skip

    def threads(self) -> AbstractContextManager[None]:
        """The kernels' own threads, where all that runs are layers of ours on a CPU."""
        ours = all(isinstance(m, Layer) for m in self.modules())
        if ours and self.device.type == "cpu":
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

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        for weight in self.parameters():
            return weight.device
        return torch.device("cpu")


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


def _in_order(outputs: list[Any], batches: list[Tensor]) -> Any:
    """The outputs of all batches, in the caller's order of sequences."""
    first = outputs[0]
    if isinstance(first, dict):
        return {k: _in_order([o[k] for o in outputs], batches) for k in first}
    if isinstance(first, (list, tuple)):
        return [_in_order([o[i] for o in outputs], batches) for i in range(len(first))]
    ragged = isinstance(first, Ragged)
    joined: Batch = Ragged.concatenate(outputs) if ragged else torch.cat(outputs)
    joined = joined.to("cpu")
    if not batches:
        return joined
    back = torch.cat(batches).argsort()
    return joined[back]


def _each_output(outputs: Any, function: Any) -> Any:
    if isinstance(outputs, dict):
        return {k: function(v) for k, v in outputs.items()}
    return [function(v) for v in outputs] if isinstance(outputs, list) else function(outputs)
