"""A layer that is put to work: compile, fit, evaluate, predict, on whatever holds sequences."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import kernels, losses, optimizers
from ..arguments import OrAuto, flag, integer, number, or_auto, positive, wrong
from ..core.mode import mode
from ..core.precision import needs_scaling
from ..core.structure import every_module, flat
from ..core.symbol import specs_of
from ..core.written import is_ours
from ..data.seed import Seed
from ..formats import keras_file, model_file, weights_file
from ..layers import Layer, Recurrent, Spec
from ..spellings import renamed
from ..training import Callback, History, Trainer
from ..training.compiled import Compiled, each, leaves, metric_of
from ..training.feeding import Given
from ..training.objective import Objective
from ..training.run import Run, current, unpacked
from ..training.validation import Validation
from . import exporting


class Trained(Layer, obeyed=["metrics"]):
    """A layer that can be trained: Keras's methods, and its steps that a subclass may override."""

    is_model = True
    #: Whether its layers say what it computes: a Sequential, a graph.
    is_drawn = False
    #: Names of the inputs and outputs, where the model has any.
    input_names: Any = None
    output_names: Any = None
    #: Whether it takes one input and no more, so that a tuple is not several.
    one_input = False
    #: How these lie in one another, as trees around their places.
    input_form: Any = None
    output_form: Any = None
    made_optimizer: torch.optim.Optimizer | None = None
    history: History | None = None
    #: What the last `fit` was given: how many sequences and steps, or which stream.
    trained_on: dict[str, Any] | None = None
    stop_training = stop_evaluating = stop_predicting = False
    order_seed: Seed | None = None
    #: What Keras is told of how fast to go; changes nothing here.
    run_eagerly: bool = False
    steps_per_execution: int = 1
    jit_compile: OrAuto = "auto"
    _compiled: Compiled | None = None
    _own_run: Run | None = None

    # --- Keras's methods -------------------------------------------------------------------------

    def compile(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: OrAuto = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Says how the model is trained. Forgets an earlier optimiser's state.

        A model of several outputs takes losses, weights and metrics as a list in their order, or
        as a dict by their names. For torch's own compiler: `torch.compile(model)`.

        Args:
            optimizer: a name, an unpad or torch optimiser, or a callable of the weights; None for
                a model that is only evaluated.
            loss: a name, a Loss, a torch loss module, or a callable of (y_true, y_pred); None for
                an output that is not trained on, or where the model says itself what its loss is:
                by `add_loss`, `compute_loss` or `train_step`.
            loss_weights: how much each output's loss counts; 1 by default.
            metrics: names, torchmetrics metrics or callables.
            weighted_metrics: metrics that are given sample and class weights too.
            run_eagerly: changes nothing, nor do the next two, which tell Keras how fast to go:
                every step runs as it is written. They are kept as attributes of these names.
            steps_per_execution: every batch is an update of its own here.
            jit_compile: torch's compiler is asked by `torch.compile(model)`.
            auto_scale_loss: whether, where the policy of the model or a layer is "mixed_float16",
                the loss is scaled: `optimizers.LossScaleOptimizer` around an optimizer of unpad's.

        Raises:
            ValueError: a name is not known, or the loss does not go with the last activation.
        """
        ways = _ways(run_eagerly, steps_per_execution, jit_compile)
        given = optimizers.get(optimizer)
        scales = flag("compile", "auto_scale_loss", auto_scale_loss) and needs_scaling(self)
        compiled = Compiled(
            each(loss, losses.get),
            loss_weights,
            each(metrics, metric_of),
            each(weighted_metrics, metric_of),
            given,
            optimizers.maker(optimizers.scaled(given) if scales else given),
            isinstance(optimizer, torch.optim.Optimizer),
            {
                "loss": loss,
                "loss_weights": loss_weights,
                "metrics": metrics,
                "weighted_metrics": weighted_metrics,
                **({} if auto_scale_loss else {"auto_scale_loss": False}),
            },
        )
        for metric in leaves(compiled.metrics):
            metric.check()
        for metric in leaves(compiled.weighted_metrics):
            metric.check(weighted=True)
        if self.output_names is not None or self.tail is not None:
            compiled.objective(self._called_outputs(1), self.output_form).check(self)
        self._compiled, self.made_optimizer, self._own_run = compiled, None, None
        self.run_eagerly, self.steps_per_execution, self.jit_compile = ways

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
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        batch_steps: int | None = None,
        bucket_by_length: bool = False,
        sampler: Any = None,
        columns: Any = None,
        backup: Any = None,
        initial_state: Any = None,
    ) -> History:
        """Trains the model. Nothing changes if the data are wrong.

        Ctrl-C stops between two updates: the KeyboardInterrupt is raised again, the model can be
        used, and `model.history` holds the epochs that were finished.

        The order of the batches follows from the seed (`keras.utils.set_random_seed`, or torch's)
        and the epoch alone, whatever else draws random numbers: `epochs=4` goes through the same
        batches as `epochs=2` and then `initial_epoch=2, epochs=4`.

        Args:
            x: padded array, list of arrays, Ragged, Arrow list column; or what gives batches or
                sequences with their targets: see `docs/data.md`.
            y: targets in any of these forms, for each step or each sequence as the model gives.
            batch_size: sequences a batch; 32 by default.
            epochs: the epoch to stop after.
            verbose: 0 nothing, 1 ("auto") a progress bar, 2 a line an epoch.
            callbacks: see `Callback`.
            validation_split: the last share of the data is not trained on but evaluated.
            validation_data: (x, y) or (x, y, sample_weight) to evaluate after each epoch, or what
                gives batches of these.
            shuffle: whether the order is drawn anew each epoch.
            class_weight: weight of each class's steps; 1 for classes that are not named.
            sample_weight: weights (n,) of sequences, or of steps in any form that y may have.
            initial_epoch: the epoch to start at, counted from 0.
            steps_per_epoch: batches that are an epoch; the next goes on where it stopped.
            validation_steps: batches of the validation data that are evaluated.
            validation_batch_size: sequences a batch of the validation.
            validation_freq: after every so many epochs it is validated; or a list of them, counted
                from 1.
            batch_steps: real steps a batch at most, instead of a number of sequences.
            bucket_by_length: whether sequences of like length go into a batch together.
            sampler: what draws the batches instead of the options above: see `data.Sampler`.
            columns: of a table, which are x, y and weights: ("words", "tags").
            backup: a folder for the state of the training, after every epoch: a run that is killed
                and started again goes on from there, and ends as if nothing had happened. Or a
                `callbacks.BackupAndRestore`, which says more.
            initial_state: the file of a state to begin from, where the backup has none: what
                `ModelCheckpoint(save_weights_only=False)` writes.

        Returns:
            The History: loss and metrics of each epoch.

        Raises:
            ValueError: the data or options are wrong; the text says what and where first.
        """
        self.as_compiled("fit")
        if batch_size is not None and batch_steps is not None:
            raise ValueError("fit: give batch_size= (sequences) or batch_steps= (steps), not both.")
        batches = {
            "batch_size": positive("fit", "batch_size", batch_size, or_none=True),
            "batch_steps": positive("fit", "batch_steps", batch_steps, or_none=True),
            "shuffle": flag("fit", "shuffle", shuffle),
            "bucket_by_length": flag("fit", "bucket_by_length", bucket_by_length),
        }
        _check_sampler(sampler, batches)
        span = range(
            integer("fit", "initial_epoch", initial_epoch, 0), integer("fit", "epochs", epochs, 0)
        )
        share = number("fit", "validation_split", validation_split, 0, below=1)
        validation = Validation(
            validation_data,
            share,
            positive("fit", "validation_batch_size", validation_batch_size, or_none=True),
            positive("fit", "validation_steps", validation_steps, or_none=True),
            _frequency(validation_freq),
        )
        return Trainer(self).fit(
            Given(x, y, sample_weight, class_weight),
            batches,
            span,
            sampler=sampler,
            columns=columns,
            steps_per_epoch=positive("fit", "steps_per_epoch", steps_per_epoch, or_none=True),
            validation=validation,
            callbacks=callbacks,
            verbose=_level("fit", verbose),
            backup=backup,
            initial_state=initial_state,
        )

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
        return_dict: bool = False,
        columns: Any = None,
    ) -> float | list[float] | dict[str, float]:
        """The loss and metrics over the real steps of this data; the same for any batch size.

        Args:
            x: as in `fit`.
            y: as in `fit`.
            batch_size: sequences a batch; by default batches of like length and equal work.
            verbose: 0 nothing, else a bar and a line.
            sample_weight: as in `fit`.
            steps: batches that are evaluated, at most that many.
            return_dict: by name instead of in order.
            callbacks: told by `on_test_begin` and its like.
            columns: as in `fit`.

        Returns:
            The loss; with metrics [loss, metric, ...], or all by name.
        """
        self.as_compiled("evaluate")
        size = positive("evaluate", "batch_size", batch_size, or_none=True)
        by_name = flag("evaluate", "return_dict", return_dict)
        given = Given(x, y, sample_weight)
        level, most = (
            _level("evaluate", verbose),
            positive("evaluate", "steps", steps, or_none=True),
        )
        logs = Trainer(self).evaluate(given, size, level, callbacks, columns=columns, steps=most)
        return _as_keras(logs, by_name)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
        fill: float = 0,
        columns: Any = None,
    ) -> Any:
        """The model's outputs in the caller's own form: the same grid, a list, a Ragged.

        A step that was not there has no value: in a grid its slot holds `fill`, in a list it is
        not there.

        Args:
            x: padded array, list of arrays, Ragged, Arrow list column.
            batch_size: sequences a batch; by default batches of like length and equal work.
            verbose: 0 nothing, else a bar in a terminal.
            steps: batches that are predicted, at most that many.
            fill: what missing slots of a grid hold.
            callbacks: told by `on_predict_begin` and its like.
            columns: of a table, which is x.

        Raises:
            ValueError: the data do not fit the model.
        """
        size = positive("predict", "batch_size", batch_size, or_none=True)
        if not isinstance(fill, (bool, int, float, np.generic)):
            raise wrong("predict", "fill", "a number", fill)
        level = 1 if _level("predict", verbose) == 1 else 0
        most = positive("predict", "steps", steps, or_none=True)
        return Trainer(self).predict(x, size, level, fill, callbacks, columns, most)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> float | list[float] | dict[str, float]:
        """One update on this batch; its loss and metrics from before the update.

        Args:
            x: inputs of the model, in any form that `fit` takes.
            y: targets beside them.
            sample_weight: weights beside them.
            class_weight: a weight for each class, by its label.
            return_dict: whether they are given by name; else in a list.
        """
        self.as_compiled("train_on_batch")
        by_name = flag("train_on_batch", "return_dict", return_dict)
        given = Given(x, y, sample_weight, class_weight)
        return _as_keras(Trainer(self).train_on_batch(given), by_name)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> float | list[float] | dict[str, float]:
        """The loss and metrics of this batch.

        Args:
            x: inputs of the model, in any form that `fit` takes.
            y: targets beside them.
            sample_weight: weights beside them.
            return_dict: whether they are given by name; else in a list.
        """
        return self.evaluate(x, y, None, 0, sample_weight, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for this batch, in the caller's form.

        Args:
            x: inputs of the model, in any form that `fit` takes.
        """
        return self.predict(x, None, 0)

    # --- files -----------------------------------------------------------------------------------

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        include_optimizer: bool = True,
        save_format: str | None = None,
    ) -> None:
        """Writes the whole model into a file: `keras.models.load_model` makes the same of it.

        What it is made of, its weights, what it is trained with and what the optimiser has
        gathered. The file is there whole or not at all.

        Args:
            filepath: ends in ".keras", Keras 3's format, which Keras reads, or in ".safetensors".
            overwrite: False raises a FileExistsError where there is a file.
            include_optimizer: whether what it is trained with is part of it.
            save_format: Keras 2's "keras", which the name's ending says now.

        Raises:
            TypeError: a part of it cannot be written: a lambda, a torch module.
            ValueError: the model is not built, or its name says another format.
            OSError: the file cannot be written.
        """
        model_file.save_model(self, filepath, overwrite, include_optimizer, save_format)

    def export(
        self,
        filepath: Any,
        format: str | None = None,
        verbose: bool | None = None,
        input_signature: Any = None,
        *,
        padding: str = "post",
        mask: bool = False,
        opset: int | None = None,
    ) -> None:
        """Writes what the model predicts for other programs: ONNX, or torch's graph.

        An ONNX file takes what a runtime's caller has: a grid (batch, time, *feature) by the name
        of each input, and beside it int64 "lengths" (batch,), "NAME_lengths" where several inputs
        are sequences; any batch but none, any time, lengths of 0 too. What comes out stands in the
        slots that it came in by, 0 where no step is; an output of other lengths has these beside
        it, as "NAME_lengths". See `docs/export.md`.

        Args:
            filepath: ends in ".onnx" or ".pt2", which `torch.export.load` reads.
            format: "onnx" or "torch"; by default the ending's.
            verbose: whether a line tells where it was written.
            input_signature: a batch to make the graph with, Ragged or tensors, or a list of them;
                by default ones of the types that the model takes.
            padding: "post" or "pre", the side on which an ONNX file's grids are padded.
            mask: whether an ONNX file takes "mask" (batch, time), True where a step is, instead of
                lengths; then any slot may be empty.
            opset: version of ONNX's operators; 18 by default.

        Raises:
            ValueError: a layer cannot be exported; the text says which, and why.
            ImportError: onnx is not installed.
            OSError: the file cannot be written; what was there is as it was.
        """
        wanted = exporting.Wanted(padding, mask, opset)
        exporting.export(self, filepath, format, verbose, input_signature, wanted)

    def get_compile_config(self) -> dict[str, Any]:
        """What was given to `compile`, as data; nothing of a torch optimiser."""
        return keras_file.compile_config(self)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles the model as `get_compile_config` says.

        Args:
            config: what it gave.
        """
        keras_file.compile_from(self, config)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Writes the weights, and what the optimiser has gathered, into a file; see docs/files.md.

        The file is there whole or not at all: after an error what was there is as it was.

        Args:
            filepath: ends in ".weights.h5", Keras 3's format, which Keras reads, or in
                ".safetensors".
            overwrite: False raises a FileExistsError where there is a file.

        Raises:
            ValueError: the model is not built.
            OSError: the file cannot be written.
        """
        weights_file.save_weights(self, filepath, overwrite)

    def load_weights(
        self, filepath: Any, skip_mismatch: bool = False, by_name: bool = False
    ) -> None:
        """Takes the weights of a file: all or, after an error, none. Nothing in it is executed.

        Args:
            filepath: what `save_weights` wrote, here or in Keras; or older Keras's ".h5".
            skip_mismatch: whether weights that do not fit stay as they are, and a warning tells
                which.
            by_name: of older Keras's ".h5": takes the weights of layers whose names the file has,
                and leaves the others as they are; else layers with weights are met in order.

        Raises:
            unpad.saving.FileError: the file is damaged, of another kind, or of another model.
            ValueError: the model is not built.
        """
        weights_file.load_weights(self, filepath, skip_mismatch, by_name)

    # --- steps that a subclass may override ------------------------------------------------------

    def train_step(self, data: Any) -> dict[str, Any]:
        """One update on a batch: what `fit` does with each, and what a subclass does instead.

        Args:
            data: (x, y) or (x, y, sample_weight), as the model is fed: Ragged or tensors, padding
                gone, targets and weights beside the steps; a list where there are several.

        Returns:
            The logs, by name.
        """
        run = current(self)
        if run is not None:
            return run.train_step(data)
        outside = self._run_outside(data)
        update = Trainer(self).update("train_step")
        with outside.at_work(), mode(self, True, "train_step"):
            return outside.train_step(data, update)

    def test_step(self, data: Any) -> dict[str, Any]:
        """What `evaluate` does with a batch; see `train_step`.

        Args:
            data: (x, y, sample_weight), as `train_step` gets it.
        """
        run = current(self)
        if run is not None:
            return run.test_step(data)
        outside = self._run_outside(data)
        with outside.at_work(), mode(self, False, "test_step"), torch.no_grad():
            return outside.test_step(data)

    def predict_step(self, data: Any) -> Any:
        """What `predict` does with a batch: the model's outputs for it; see `train_step`.

        Args:
            data: inputs.
        """
        return self(unpacked(data)[0])

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """What training follows downhill: the compiled loss, and what layers add to it.

        Where the model ends in a softmax, say, and `y_pred` is as the model gave it, the loss is
        computed from the logits. In the logs the loss of a subclass is the mean over batches, each
        weighed by the denominator of the compiled loss where that was asked too, else by its steps.

        Args:
            x: the batch.
            y: targets beside `y_pred`.
            y_pred: what the model gave.
            sample_weight: beside `y_pred`, or None.
            training: whether it is for an update.

        Returns:
            A tensor of one number.
        """
        return self._run_for(y_pred).compute_loss(y, y_pred, sample_weight)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Adds a batch to the compiled metrics, and gives all numbers so far by name.

        Args:
            x: the batch.
            y: targets beside `y_pred`.
            y_pred: what the model gave.
            sample_weight: beside `y_pred`, or None.
        """
        return self._run_for(y_pred).compute_metrics(y, y_pred, sample_weight)

    @property
    def metrics(self) -> list[Any]:
        """The loss, the compiled metrics and those that are the model's attributes.

        Of the epoch, evaluation or step that runs. A subclass that gives a list of its own has
        those set to 0 before each epoch and evaluation.
        """
        run = current(self) or self._own_run
        return self.own_metrics if run is None else run.metrics

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    def get_metrics_result(self) -> dict[str, Any]:
        """Every number so far, by name."""
        run = current(self) or self._own_run
        return {m.name: float(m.result()) for m in self.metrics} if run is None else run.results()

    def reset_metrics(self) -> None:
        """Sets all `metrics` to 0."""
        for metric in self.metrics:
            metric.reset_state()

    # --- what a trainer asks ---------------------------------------------------------------------

    @property
    def optimizer(self) -> Any:
        """What moves the weights: a torch optimiser once they are known, till then as compiled."""
        if self.made_optimizer is None and self._compiled is not None:
            return self._compiled.optimizer
        return self.made_optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        self.made_optimizer = optimizer

    @property
    def compiled(self) -> bool:
        """Whether `compile` has been called."""
        return self._compiled is not None

    def as_compiled(self, who: str) -> Compiled:
        """What was given to `compile`.

        Raises:
            RuntimeError: nothing was.
        """
        if self._compiled is None:
            raise RuntimeError(
                f"{who}: the model is not compiled. First: model.compile(optimizer=..., loss=...)."
            )
        return self._compiled

    def objective_for(self, count: int) -> Objective:
        """What was compiled, arranged for this number of outputs."""
        names = self._called_outputs(count)
        return self.as_compiled("fit").objective(names, self.output_form)

    def _called_outputs(self, count: int) -> list[str]:
        if self.output_names is not None:
            return self.output_names
        if count > 1:
            return [f"output_{i}" for i in range(count)]
        # Keras calls the only output by the layer that gives it.
        last = self.last_layers
        return ["output" if len(last) != 1 or last[0] in (None, self) else last[0].name]

    def outputs_for(self, specs: list[Spec]) -> list[Spec]:
        """What the model gives for inputs of these specs, one for each output; it is built then."""
        out = self.ensure_built(*(specs if len(specs) == 1 else [specs]))
        return list(out) if isinstance(out, (list, tuple)) else [out]

    def overrides(self, *names: str) -> bool:
        """Whether a subclass, or somebody on this model, has put something in place of these."""
        kind, own = type(self), vars(self)
        return any(n in own or getattr(kind, n) is not getattr(Trained, n) for n in names)

    @property
    def own_metrics(self) -> list[Any]:
        """Metrics that the model or its layers hold as attributes."""
        found = [m for m in self.modules() if _is_metric(m)]
        inside = {id(part) for m in found for part in m.children()}
        return [m for m in found if id(m) not in inside]

    def in_form_of_outputs(self, parts: list[Any]) -> Any:
        """One thing for each output, in the form in which the model gives its outputs."""
        return parts[0] if len(parts) == 1 else parts

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
            isinstance(m, Layer)
            and (m._regularizers or m.activity_regularizer is not None or not is_ours(type(m)))
            for m in self.modules()
        )

    def threads(self) -> AbstractContextManager[None]:
        """The kernels' own threads, where all that runs are layers of ours on a CPU."""
        ours = all(isinstance(m, Layer) or _is_metric(m) for m in every_module(self))
        if ours and self.device.type == "cpu":
            return kernels.own_threads()
        return nullcontext()

    @property
    def stateful(self) -> bool:
        """Whether a layer carries its states from one batch to the next."""
        return any(m is not self and _says_stateful(m) for m in every_module(self))

    def reset_states(self, rows: Any = None) -> None:
        """The older name of `reset_state`."""
        self.reset_state(rows)

    def reset_state(self, rows: Any = None) -> None:
        """Forgets the carried states of these rows of the batch, or of all, in every layer.

        Args:
            rows: places in the batch; None for all.
        """
        for module in self.modules():
            if isinstance(module, Recurrent):
                module.reset_state(rows)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        for module in every_module(self):
            for weight in module._parameters.values():
                if weight is not None:
                    return weight.device
        return torch.device("cpu")

    def may_say_its_loss(self) -> bool:
        """Whether the loss may be the model's own: by a step, or by a layer that calls add_loss."""
        return self.overrides("train_step", "compute_loss") or any(
            isinstance(m, Layer) and not is_ours(type(m)) for m in self.modules()
        )

    def _run_for(self, y_pred: Any) -> Run:
        run = current(self)
        return self._outside(specs_of(flat([y_pred]))) if run is None else run

    def _run_outside(self, data: Any) -> Run:
        """For a step that is called by a loop of one's own: what `fit` would have made."""
        x = unpacked(data)[0]
        return self._outside(self.outputs_for(flat([specs_of(x)])))

    def _outside(self, outputs: list[Spec]) -> Run:
        if self._own_run is None or len(self._own_run.objective.parts) != len(outputs):
            objective = self.objective_for(len(outputs))
            objective.check(self)
            self._own_run = Run(self, objective, objective.tally(outputs, self.device))
        return self._own_run

    def __getstate__(self) -> dict[str, Any]:
        # What a loop of one's own has added up is no part of the model.
        return {**super().__getstate__(), "_own_run": None}


def _says_stateful(module: torch.nn.Module) -> bool:
    # By `getattr` a layer that has no such attribute words an error about it: 2 us each.
    there = "stateful" in vars(module) or hasattr(type(module), "stateful")
    return there and bool(getattr(module, "stateful"))  # noqa: B009  a module of anybody's


def _is_metric(module: Any) -> bool:
    # torchmetrics takes long to import: there are none before somebody has.
    loaded = sys.modules.get("torchmetrics")
    return loaded is not None and isinstance(module, loaded.Metric)


def _as_keras(logs: dict[str, float], by_name: bool) -> float | list[float] | dict[str, float]:
    if by_name:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _level(who: str, verbose: int | str) -> int:
    return (
        1
        if verbose == "auto"
        else integer(who, "verbose", verbose + 0 if isinstance(verbose, bool) else verbose, 0, 2)
    )


def _ways(run_eagerly: Any, steps_per_execution: Any, jit_compile: Any) -> tuple[Any, ...]:
    """Keras's ways to go faster, each of the kind that it may be."""
    return (
        flag("compile", "run_eagerly", run_eagerly),
        positive("compile", "steps_per_execution", steps_per_execution),
        or_auto("compile", "jit_compile", jit_compile),
    )


def _frequency(freq: Any) -> int | list[int]:
    if isinstance(freq, (list, tuple, set, frozenset, range)):
        return [positive("fit", "validation_freq", epoch) for epoch in freq]
    return positive("fit", "validation_freq", freq)


def _check_sampler(sampler: Any, batches: dict[str, Any]) -> None:
    if sampler is None:
        return
    if not callable(getattr(sampler, "epoch", None)):
        raise ValueError(
            "fit: expected sampler as a unpad.data.Sampler, whose epoch(k) gives the sequences of "
            f"each batch, got {type(sampler).__name__}."
        )
    given = [name for name in ("batch_size", "batch_steps") if batches[name] is not None]
    given += ["bucket_by_length"] if batches["bucket_by_length"] else []
    if given:
        raise ValueError(f"fit: give sampler= or {given[0]}=, not both: the sampler draws batches.")
