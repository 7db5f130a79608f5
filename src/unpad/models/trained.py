"""A layer that is put to work: compile, fit, evaluate, predict, on whatever holds sequences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .. import losses, optimizers
from ..arguments import OrAuto, flag, integer, number, or_auto, positive, wrong
from ..core.precision import needs_scaling
from ..metrics import as_metric
from ..metrics.given import uncollected
from ..spellings import renamed
from ..training import Callback, History, Trainer
from ..training.compiled import Compiled, each, leaves
from ..training.feeding import Given
from ..training.validation import Validation
from .kept import Kept
from .steps import Steps


class Trained(Kept, Steps):
    """A layer that can be trained: Keras's methods."""

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
            metrics: names, metrics of torchmetrics, collections of them, or callables.
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
            each(uncollected(metrics), as_metric),
            each(uncollected(weighted_metrics), as_metric),
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
            batch_size: sequences a batch; 32 by default. Beside batches that are made already it
                changes nothing, and a warning says so.
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
