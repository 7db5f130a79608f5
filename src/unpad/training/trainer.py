"""What a model is put to: training, evaluation, prediction, each from what a caller has."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import doctor
from ..core.mode import mode
from ..data.door import give_back
from ..data.feed import Drawn
from ..data.loader import Loader
from ..data.sampler import Sampler, checked, for_evaluation, in_order
from ..data.seed import last_seed, mixed
from ..data.source import Batch
from ..optimizers.following import follow
from ..ragged import Ragged
from .callbacks import Callback, History
from .loop import Fitting, HeldOut, evaluated
from .prepare import Opened, open_inputs, prepare, split
from .progress import EpochProgress
from .run import Run, packed
from .watchers import Watchers


class Given(NamedTuple):
    """What a caller gives to train or evaluate with; see `Model.fit`."""

    x: Any
    y: Any = None
    sample_weight: Any = None
    class_weight: dict[int, float] | None = None


class Seed(NamedTuple):
    """What the orders of a model's batches come from: a seed, and the number of fits since it."""

    base: tuple[int, int]
    fits: int

    @property
    def number(self) -> int:
        """One number of both."""
        return mixed(self.base[0], self.fits)


class Trainer:
    """Puts a model to work.

    Args:
        model: to be trained, evaluated or asked.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def fit(
        self,
        given: Given,
        batches: dict[str, Any],
        epochs: range,
        *,
        sampler: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        validation_batch_size: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
        verbose: int = 0,
    ) -> History:
        """See `Model.fit`. Nothing changes if the data are wrong."""
        model = self.model
        data, objective, outputs = prepare(model, given, "fit")
        validation = None
        if validation_data is not None:
            validation = self._validation(validation_data)
        elif validation_split:
            data, validation = split(data, validation_split, "fit")
        if validation is not None:
            parts = (data.inputs[0], data.targets[0], validation.inputs[0], validation.targets[0])
            doctor.tell_split(model, doctor.Split(*parts, drawn=validation_data is None))
        mixes = batches["shuffle"] or batches["bucket_by_length"] or batches["batch_steps"]
        if model.stateful and (mixes or sampler is not None):
            raise ValueError(
                "fit: a stateful layer carries its states from batch to batch, row by row: fit "
                "with shuffle=False, without bucket_by_length and batch_steps."
            )
        if data.steps == 0:
            raise ValueError("fit: x has no steps: every sequence is empty or masked throughout.")
        objective.check(model)
        if sampler is None:
            lengths = (
                torch.ones(len(data), dtype=torch.int64) if data.lengths is None else data.lengths
            )
            seed = self._next_seed(epochs.start)
            sampler = Sampler(lengths, seed=seed.number, **batches)
        feed = Drawn(data, _draw(sampler, len(data)), model.device)
        history = History()
        # Drawn for nobody, a large plan would only cost.
        steps = feed.count(epochs.start) if callbacks and epochs else None
        params = {"verbose": verbose, "epochs": epochs.stop, "steps": steps}
        watchers = Watchers(callbacks, model, params, "fit", history)
        run = Run(model, objective, objective.tally(outputs, model.device), self.optimizer("fit"))
        held_out = None
        if validation is not None:
            # A stateful model goes on row by row: with as many rows as it is trained with.
            size = validation_batch_size or (batches["batch_size"] if model.stateful else None)
            of_its_own = Run(model, objective, objective.tally(outputs, model.device))
            held_out = HeldOut(of_its_own, self._to_evaluate(validation, size))
        model.history, model.stop_training = history, False
        Fitting(run, feed, held_out, watchers, verbose).epochs(epochs)
        return history

    def evaluate(
        self,
        given: Given,
        batch_size: int | None,
        verbose: int = 0,
        callbacks: Sequence[Callback] | Callback | None = None,
        who: str = "evaluate",
    ) -> dict[str, Any]:
        """See `Model.evaluate`."""
        model = self.model
        data, objective, outputs = prepare(model, given, who)
        objective.check(model)
        run = Run(model, objective, objective.tally(outputs, model.device))
        held = HeldOut(run, self._to_evaluate(data, batch_size))
        params = {"verbose": verbose, "epochs": 1, "steps": held.feed.count(0)}
        watchers = Watchers(callbacks, model, params, who)
        progress = EpochProgress("Evaluate", data.steps, verbose)
        start = time.perf_counter()
        try:
            logs = evaluated(held, watchers)
        except BaseException:
            progress.stop()
            raise
        seconds = time.perf_counter() - start
        progress.finish(seconds, data.steps / max(seconds, 1e-9), logs)
        return logs

    def predict(
        self,
        x: Any,
        batch_size: int | None,
        verbose: int = 0,
        fill: float = 0,
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> Any:
        """See `Model.predict`."""
        model = self.model
        opened = open_inputs(model, x, "predict")
        model.outputs_for(opened.specs)
        batches = self._drawn_to_evaluate(opened.data, batch_size) or [torch.arange(0)]
        params = {"verbose": verbose, "epochs": 1, "steps": len(batches)}
        watchers = Watchers(callbacks, model, params, "predict")
        progress = EpochProgress("Predict", opened.data.steps, verbose)
        try:
            outputs = self._outputs(opened, batches, watchers, progress)
        finally:
            progress.stop()
        done = batches[: len(outputs)]
        return _each_output(_in_order(outputs, done), lambda o: give_back(o, opened.form, fill))

    def _outputs(
        self,
        opened: Opened,
        batches: list[Tensor],
        watchers: Watchers,
        progress: EpochProgress,
    ) -> list[Any]:
        model, outputs = self.model, []
        own = model.overrides("predict_step")
        begins = watchers.asked("on_predict_batch_begin")
        ends = watchers.asked("on_predict_batch_end")
        model.stop_predicting = False
        with mode(model, False, "predict"), model.threads(), torch.inference_mode():
            watchers.tell("on_predict_begin")
            coming = Loader(opened.data, model.device).batches(batches, begins or ends or own)
            for i in range(len(batches)):
                if begins:
                    watchers.tell("on_predict_batch_begin", i)
                batch = next(coming)
                found = model.predict_step(packed(batch.x)) if own else model(batch.x)
                outputs.append(found)
                if ends:
                    watchers.tell("on_predict_batch_end", i, {"outputs": found})
                if model.stop_predicting:
                    break
                progress.advance(batch.steps)
                if progress.due:
                    progress.draw({})
            watchers.tell("on_predict_end")
        return outputs

    def train_on_batch(self, given: Given) -> dict[str, Any]:
        """See `Model.train_on_batch`."""
        model = self.model
        data, objective, outputs = prepare(model, given, "train_on_batch")
        objective.check(model)
        tally = objective.tally(outputs, model.device)
        run = Run(model, objective, tally, self.optimizer("train_on_batch"))
        batch = data.take(torch.arange(len(data)), model.device)
        with (
            mode(model, True, "train_on_batch", alone=True),
            model.threads(),
            run.at_work(),
        ):
            return run.logs(run.train(batch))

    # --- what these share ------------------------------------------------------------------------

    def optimizer(self, who: str) -> torch.optim.Optimizer:
        """The optimiser, made if there is none, for the weights that the model has now."""
        model = self.model
        weights = [w for w in model.parameters() if w.requires_grad]
        if not weights:
            raise ValueError(f"{who}: the model has no weights that can be trained.")
        compiled = model.as_compiled(who)
        if model.optimizer is None:
            model.optimizer = compiled.make_optimizer(weights)
        for weight, constraint in model.constrained():
            weight.unpad_constraint = constraint
        named = list(model.named_parameters())
        return follow(model.optimizer, named, compiled.optimizer_given, who)

    def _next_seed(self, first_epoch: int) -> Seed:
        """Of this fit: another than the fit's before, unless it goes on with that."""
        base, before = last_seed(), self.model.order_seed
        if before is None or before.base != base:
            found = Seed(base, 0)
        else:
            found = before if first_epoch else Seed(base, before.fits + 1)
        self.model.order_seed = found
        return found

    def _validation(self, given: Any) -> Batch:
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise ValueError(
                "fit: expected validation_data as (x, y) or (x, y, sample_weight), got "
                f"{type(given).__name__}."
            )
        x, y, weight = (*given, None)[:3]
        return prepare(self.model, Given(x, y, weight), "fit: validation_data")[0]

    def _to_evaluate(self, data: Batch, batch_size: int | None) -> Drawn:
        drawn = self._drawn_to_evaluate(data, batch_size)
        return Drawn(data, lambda epoch: drawn, self.model.device)

    def _drawn_to_evaluate(self, data: Batch, batch_size: int | None) -> list[Tensor]:
        if self.model.stateful:
            # States go on from batch to batch, row by row: the caller's order is the order.
            return in_order(len(data), batch_size or 32)
        return for_evaluation(len(data), data.lengths, batch_size)


def _draw(sampler: Any, n: int) -> Callable[[int], list[Tensor]]:
    """A sampler's order for each epoch; that of one's own is checked."""
    if type(sampler) is Sampler:
        return sampler.epoch
    who = f"fit: sampler: {type(sampler).__name__}"
    return lambda epoch: checked(sampler.epoch(epoch), n, who)


def _in_order(outputs: list[Any], batches: list[Tensor]) -> Any:
    """The outputs of all batches, in the caller's order of sequences."""
    first = outputs[0]
    if isinstance(first, dict):
        return {k: _in_order([o[k] for o in outputs], batches) for k in first}
    if isinstance(first, (list, tuple)):
        return [_in_order([o[i] for o in outputs], batches) for i in range(len(first))]
    if isinstance(first, Ragged):
        joined: Any = Ragged.concatenate(outputs)
    else:
        joined = torch.cat(outputs)
    return joined.to("cpu")[torch.cat(batches).argsort()]


def _each_output(outputs: Any, function: Any) -> Any:
    if isinstance(outputs, dict):
        return {k: function(v) for k, v in outputs.items()}
    return [function(v) for v in outputs] if isinstance(outputs, list) else function(outputs)
