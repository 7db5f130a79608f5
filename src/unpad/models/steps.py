"""The steps of training that a subclass may put its own in place of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..core.mode import mode
from ..core.structure import flat
from ..core.symbol import specs_of
from ..core.written import is_ours
from ..layers import Layer, Spec
from ..training import Trainer
from ..training.run import Run, current, unpacked
from .asked import Asked


class Steps(Asked):
    """A layer with Keras's steps: one batch trained on, tested, predicted; its loss and metrics."""

    _own_run: Run | None = None

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

    def overrides(self, *names: str) -> bool:
        """Whether a subclass, or somebody on this model, has put something in place of these.

        Args:
            names: of methods.
        """
        kind, own = type(self), vars(self)
        return any(n in own or getattr(kind, n) is not getattr(Steps, n) for n in names)

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
