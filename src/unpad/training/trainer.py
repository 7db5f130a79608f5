"""What a model is put to: training, evaluation, prediction, each from what a caller has."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core.mode import mode
from ..core.structure import arranged, flat
from ..data.feed import Limited
from ..data.loader import Loader
from ..data.sampler import is_in_order
from ..data.seed import Seed, last_seed
from ..data.source import Batch, Batches
from ..data.source.door import Form, give_back
from ..data.source.reading import refuse_endless
from ..optimizers.following import follow
from ..optimizers.update import Update
from ..ragged import Ragged
from ..ranks import Ranks, here
from ..spellings import depth_of_caller
from .callbacks import Callback, History
from .fed import from_memory, from_stream, to_be_asked
from .feeding import (
    Given,
    counted,
    drawn_to_evaluate,
    read,
    share_of,
    to_predict,
)
from .loop import Fitting, HeldOut, evaluated
from .objective import Objective
from .prepare import Opened, open_inputs, prepare
from .progress import EpochProgress
from .resume import Beginning
from .run import Run, packed
from .together import even, refuse_own_loss, refuse_own_ways
from .validation import NOT_HELD_OUT, Validation, held_out
from .watchers import Watchers


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
        columns: Any = None,
        steps_per_epoch: int | None = None,
        validation: Validation = NOT_HELD_OUT,
        callbacks: Sequence[Callback] | Callback | None = None,
        verbose: int = 0,
        backup: Any = None,
        initial_state: Any = None,
    ) -> History:
        """See `Model.fit`. Nothing changes if the data are wrong."""
        model, ranks = self.model, here("fit")
        refuse_own_ways(model, "fit", ranks)
        beginning = Beginning(callbacks, backup, initial_state, ranks)
        given, stream = read(model, given, columns, "fit", batches=steps_per_epoch)
        seed = beginning.seed or ranks.from_first(lambda: self._next_seed(epochs.start))
        self._refuse_other_rows(batches, stream, sampler)
        if stream is None:
            split = 0.0 if validation.data is not None else validation.split
            fed = from_memory(model, given, batches, sampler, split, seed.number, ranks)
        else:
            self._refuse_beside(stream, sampler, validation)
            if stream.once:
                beginning.refuse_once(stream.called)
            fed = from_stream(
                model, stream, given.class_weight, batches, epochs, steps_per_epoch, seed.number,
                ranks,
            )  # fmt: skip
        feed, objective, outputs = fed.feed, fed.objective, fed.outputs
        objective.check(model)
        self._refuse_no_loss(objective)
        refuse_own_loss(model, objective, ranks)
        if steps_per_epoch is not None:
            feed = Limited(feed, steps_per_epoch, "steps_per_epoch", "fit")
        of_its_own = Run(model, objective, objective.tally(outputs, model.device), ranks=ranks)
        # A stateful model goes on row by row: with as many rows as it is trained with.
        size = validation.batch_size or (batches["batch_size"] if model.stateful else None)
        held = held_out(validation, fed, of_its_own, size, columns, len(epochs))
        history = History()
        # Drawn for nobody, a large plan would only cost.
        steps = feed.count(epochs.start) if beginning.callbacks and epochs else None
        params = {"verbose": verbose, "epochs": epochs.stop, "steps": steps}
        watchers = Watchers(beginning.callbacks, model, params, "fit", history, ranks)
        update, tally = self.update("fit"), objective.tally(outputs, model.device)
        even(model, update.optimizer, ranks)
        run = Run(model, objective, tally, update, ranks)
        model.order_seed = seed
        model.history, model.stop_training = history, False
        model.trained_on = counted(fed.data) if stream is None else {"stream": stream.called}
        shown = verbose if ranks.first else 0
        fitting = Fitting(run, feed, held, watchers, shown, streams=stream is not None)
        beginning.of(fitting)
        fitting.epochs(epochs)
        return history

    def evaluate(
        self,
        given: Given,
        batch_size: int | None,
        verbose: int = 0,
        callbacks: Sequence[Callback] | Callback | None = None,
        who: str = "evaluate",
        columns: Any = None,
        steps: int | None = None,
    ) -> dict[str, Any]:
        """See `Model.evaluate`."""
        model, ranks = self.model, here(who)
        refuse_own_ways(model, who, ranks)
        given, stream = read(model, given, columns, who, batches=steps)
        if stream is not None:
            refuse_endless(stream, steps, "steps", who)
        feed, objective, outputs, data, *_ = to_be_asked(model, given, stream, batch_size, who)
        if data is not None:
            ranks.agree({"sequences": len(data), "steps": data.steps})
        run = Run(model, objective, objective.tally(outputs, model.device), ranks=ranks)
        held = HeldOut.some(run, feed, steps, "steps", who)
        params = {
            "verbose": verbose,
            "epochs": 1,
            "steps": feed.count(0) if steps is None else steps,
        }
        watchers = Watchers(callbacks, model, params, who, ranks=ranks)
        shown = verbose if ranks.first else 0
        progress = EpochProgress("Evaluate", feed.steps, shown, ranks.world)
        start = time.perf_counter()
        try:
            logs = evaluated(held, watchers, progress=progress)
        except BaseException:
            progress.stop()
            raise
        progress.finish(time.perf_counter() - start, progress.rate, logs)
        return logs

    def predict(
        self,
        x: Any,
        batch_size: int | None,
        verbose: int = 0,
        fill: float = 0,
        callbacks: Sequence[Callback] | Callback | None = None,
        columns: Any = None,
        steps: int | None = None,
    ) -> Any:
        """See `Model.predict`."""
        model, ranks = self.model, here("predict")
        refuse_own_ways(model, "predict", ranks)
        given, stream = read(model, Given(x), columns, "predict", targets=False, batches=steps)
        order = Order([], False)
        feed = None
        if stream is None:
            opened = open_inputs(model, given.x, "predict")
            ranks.agree({"sequences": len(opened.data), "steps": opened.data.steps})
            coming: Iterator[Opened] = iter([opened])
            order = self._order(opened, batch_size)
            count, total = len(order.batches), opened.data.steps
            if steps is not None:
                order = order._replace(batches=order.batches[:steps])
        else:
            refuse_endless(stream, steps, "steps", "predict")
            feed = to_predict(model, stream)
            count, total = feed.count(0) if batch_size is None else None, None
            coming = islice(feed.batches(0), steps)
        params = {"verbose": verbose, "epochs": 1, "steps": count}
        watchers = Watchers(callbacks, model, params, "predict", ranks=ranks)
        progress = EpochProgress("Predict", total, verbose if ranks.first else 0, ranks.world)
        outputs: list[Any] = []
        form: Form | None = None
        orders: list[Order] = []
        try:
            watchers.tell("on_predict_begin")
            if model.stop_predicting:  # an attribute of a layer takes long to set
                model.stop_predicting = False
            done = 0
            for opened in coming:
                form = form or opened.form
                if stream is not None:
                    order = self._order(opened, batch_size)
                if not model.built:  # else a call of another kind is looked at when it is made
                    model.outputs_for(opened.specs)
                outputs += self._outputs(opened, order, done, ranks, watchers, progress)
                orders.append(order)
                done += len(order.batches)
                if model.stop_predicting:
                    break
            if feed is not None and steps is not None:
                feed.left()
            watchers.tell("on_predict_end")
            progress.leave()
        finally:
            progress.stop()
        assert form is not None
        joined = _joined(ranks.in_turn(outputs), orders)
        return _each_output(joined, lambda o: give_back(o, form, fill))

    def _outputs(
        self,
        opened: Opened,
        order: Order,
        first: int,
        ranks: Ranks,
        watchers: Watchers,
        progress: EpochProgress,
    ) -> list[Any]:
        """The outputs of this process's share of the batches, which are numbered from `first`."""
        model, outputs = self.model, []
        own = model.overrides("predict_step")
        begins = watchers.asked("on_predict_batch_begin")
        ends = watchers.asked("on_predict_batch_end")
        data, device = opened.data, model.device
        batches = [b for b in enumerate(order.batches, first) if b[0] % ranks.world == ranks.rank]
        coming: Iterator[Batch] | None = None
        if order.whole and batches:
            coming = iter([data.whole(device)])
        with mode(model, False, "predict"), model.threads(), torch.inference_mode():
            if coming is None:
                drawn = [sequences for _, sequences in batches]
                coming = Loader(data, device).batches(drawn, begins or ends or own)
            for i, _ in batches:
                if begins:
                    watchers.tell("on_predict_batch_begin", i)
                batch = next(coming)
                x = model.in_form_of_inputs(batch.x)
                found = model.predict_step(packed(x)) if own else model(x)
                outputs.append(found)
                if ends:
                    watchers.tell("on_predict_batch_end", i, {"outputs": found})
                if model.stop_predicting:
                    break
                progress.advance(batch.steps)
                if progress.due:
                    progress.draw({})
        return outputs

    def train_on_batch(self, given: Given) -> dict[str, Any]:
        """See `Model.train_on_batch`."""
        model, ranks = self.model, here("train_on_batch")
        refuse_own_ways(model, "train_on_batch", ranks)
        data, objective, outputs = prepare(model, given, "train_on_batch")
        objective.check(model)
        refuse_own_loss(model, objective, ranks)
        tally, update = objective.tally(outputs, model.device), self.update("train_on_batch")
        even(model, update.optimizer, ranks)
        run = Run(model, objective, tally, update, ranks)
        batch = share_of(data, ranks, model.device)
        with (
            mode(model, True, "train_on_batch", alone=True),
            model.threads(),
            run.at_work(),
        ):
            return run.logs(run.train(batch))

    # --- what these share ------------------------------------------------------------------------

    def update(self, who: str) -> Update:
        """By the optimiser, made if there is none, of the weights that the model has now."""
        model = self.model
        weights = [w for w in model.parameters() if w.requires_grad]
        if not weights:
            text = (
                f"{who}: the model has no weights that can be trained: only its loss is computed."
            )
            warnings.warn(text, stacklevel=depth_of_caller())
            return Update(torch.optim.SGD([{"params": []}], lr=0.0), moves=False)
        compiled = model.as_compiled(who)
        if model.made_optimizer is None:
            model.made_optimizer = compiled.make_optimizer(weights)
        named = list(model.named_parameters())
        ready = follow(model.made_optimizer, named, compiled.optimizer_given, who)
        return Update.of(ready, model.constrained())

    def _next_seed(self, first_epoch: int) -> Seed:
        """Of the next fit: another than the fit's before, unless it goes on with that."""
        base, before = last_seed(), self.model.order_seed
        if before is None or before.base != base:
            return Seed(base, 0)
        return before if first_epoch else Seed(base, before.fits + 1)

    def _refuse_no_loss(self, objective: Objective) -> None:
        if all(part.loss is None for part in objective.parts) and not self.model.may_say_its_loss():
            raise ValueError(
                "fit: there is no loss: model.compile(loss='sparse_categorical_crossentropy'), say."
            )

    def _refuse_other_rows(self, batches: dict[str, Any], stream: Any, sampler: Any) -> None:
        """Raises where a stateful layer would not find its rows again."""
        mixes = batches["shuffle"] or batches["bucket_by_length"] or batches["batch_steps"]
        own_order = isinstance(stream, Batches)
        if self.model.stateful and ((mixes and not own_order) or sampler is not None):
            raise ValueError(
                "fit: a stateful layer carries its states from batch to batch, row by row: fit "
                "with shuffle=False, without bucket_by_length and batch_steps."
            )

    def _refuse_beside(self, stream: Any, sampler: Any, validation: Validation) -> None:
        """Raises for what only data in memory can be asked for."""
        if sampler is not None:
            raise ValueError(
                f"fit: sampler= chooses among sequences in memory, got x as {stream.called}. Give "
                "a DataLoader its sampler: DataLoader(data, batch_sampler=...)."
            )
        if validation.split:
            raise ValueError(
                f"fit: validation_split cuts data in memory, got x as {stream.called}. Give "
                "validation_data."
            )

    def _order(self, opened: Opened, batch_size: int | None) -> Order:
        drawn = drawn_to_evaluate(self.model, opened.data, batch_size) or [torch.arange(0)]
        return Order(drawn, len(drawn) == 1 and is_in_order(drawn[0], len(opened.data)))


class Order(NamedTuple):
    """The sequences of each batch, and whether that is one batch of all as they came."""

    batches: list[Tensor]
    whole: bool


def _joined(outputs: list[Any], orders: list[Order]) -> Any:
    """The outputs of all batches of all that was opened, each in the caller's order."""
    opened, done = [], 0
    for drawn, whole in orders:
        some = outputs[done : done + len(drawn)]
        done += len(drawn)
        if some:
            opened.append(_in_order(some, None if whole else drawn[: len(some)]))
    return opened[0] if len(opened) == 1 else _in_order(opened, None)


def _in_order(outputs: list[Any], batches: list[Tensor] | None) -> Any:
    """The outputs of all batches as one, in the caller's order of sequences if that is another."""
    first = outputs[0]
    if isinstance(first, (dict, list, tuple)):
        columns = zip(*map(flat, outputs), strict=True)
        return arranged((_in_order(list(c), batches) for c in columns), first)
    if len(outputs) == 1:
        joined = _own(first)
    else:
        joined = (Ragged.concatenate if isinstance(first, Ragged) else torch.cat)(outputs)
    joined = joined.to("cpu")
    return joined if batches is None else joined[torch.cat(batches).argsort()]


def _own(output: Any) -> Any:
    """A copy: what inference mode has made could never be trained through."""
    if isinstance(output, Ragged):
        return output.with_values(_own(output.values))
    return output.clone()


def _each_output(outputs: Any, function: Any) -> Any:
    return arranged(map(function, flat(outputs)), outputs)
