"""What a trainer asks of a model: what was compiled, what it gives, where its weights are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import count, repeat
from typing import Any

import torch

from .. import kernels
from ..arguments import OrAuto
from ..core.structure import arranged, every_module, flat, named_leaves
from ..core.symbol import Symbol
from ..core.written import is_ours
from ..data.seed import Seed
from ..layers import Layer, Recurrent, Spec
from ..layers.text.strings import as_bytes
from ..metrics import Metric
from ..metrics.given import torchmetrics_metric
from ..ragged import Ragged
from ..training import History
from ..training.compiled import Compiled
from ..training.objective import Objective


class Asked(Layer, obeyed=["metrics"]):
    """A layer that answers a trainer's questions."""

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

        Args:
            who: the method that asks, for the error.

        Raises:
            RuntimeError: nothing was.
        """
        if self._compiled is None:
            raise RuntimeError(
                f"{who}: the model is not compiled. First: model.compile(optimizer=..., loss=...)."
            )
        return self._compiled

    def objective_for(self, count: int) -> Objective:
        """What was compiled, arranged for this number of outputs.

        Args:
            count: of outputs.
        """
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

    def outputs_for(self, specs: Sequence[Spec | None]) -> list[Spec]:
        """What the model gives for inputs of these specs, one for each output; it is built then.

        Args:
            specs: one for each input; None for an optional one that is not there.
        """
        out = self.ensure_built(self.in_form_of_inputs(specs[0] if len(specs) == 1 else specs))
        if isinstance(out, dict) and self.output_names is None:
            self.output_names = list(out)
            self.output_form = {name: place for place, name in enumerate(out)}
        return flat(out) if isinstance(out, (dict, list)) else [out]

    @property
    def entries(self) -> list[Any]:
        """The inputs that the model says it has, as symbols."""
        return []

    def with_texts(self, parts: list[Any]) -> list[Any]:
        """The inputs with texts as sequences of bytes, where the model says that they are texts.

        Args:
            parts: one for each input.
        """
        entries = self.entries
        if len(entries) != len(parts) or not any(entry.holds_texts for entry in entries):
            return parts
        return [
            as_bytes(part, entry.who, entry.sizes)
            if entry.holds_texts and not isinstance(part, (Ragged, Symbol)) and part is not None
            else part
            for part, entry in zip(parts, entries, strict=True)
        ]

    def take_form(self, x: Any) -> None:
        """Learns from the first data that come in a dict how inputs lie in one another.

        Args:
            x: what a caller gave: a list in it is one of sequences. Of a graph, which knows,
                nothing changes.
        """
        if self.input_names is None and not self.is_drawn and isinstance(x, dict):
            self.input_form = _places(x, count())
            self.input_names = named_leaves(self.input_form, repeat(""))

    def in_form_of_inputs(self, parts: Any) -> Any:
        """What a call of one's own is given, of one thing for each input.

        Args:
            parts: a list, or the one there is.
        """
        if self.is_drawn or self.input_form is None or isinstance(parts, dict):
            return parts
        return arranged(iter(parts if isinstance(parts, list) else [parts]), self.input_form)

    def outputs_of(self, inputs: Any, cut: Sequence[bool]) -> list[Any]:
        return super().outputs_of(self.in_form_of_inputs(inputs), cut)

    @property
    def own_metrics(self) -> list[Any]:
        """Metrics that the model or its layers hold as attributes."""
        found = [m for m in self.modules() if _is_metric(m)]
        inside = {id(part) for m in found for part in m.children()}
        return [m for m in found if id(m) not in inside]

    def in_form_of_outputs(self, parts: list[Any]) -> Any:
        """One thing for each output, in the form in which the model gives its outputs.

        Args:
            parts: one for each output.
        """
        if isinstance(self.output_form, dict):
            return arranged(iter(parts), self.output_form)
        return parts[0] if len(parts) == 1 else parts

    def open_inputs(self, inputs: list[Any]) -> list[tuple[Any, Any]]:
        """Each input as it is fed to the model, and as its real steps, padding gone where known.

        Args:
            inputs: as the caller gave them.
        """
        if len(inputs) > 1:
            return [(x, x) for x in inputs]
        opened = self.open(inputs[0])
        return [(opened, opened)]

    def check_inputs(self, inputs: list[Any]) -> None:
        """Raises for values that a first layer cannot take; see `Layer.check`.

        Args:
            inputs: as they are fed.
        """
        if len(inputs) == 1:
            self.check(inputs[0])

    def paired_inputs(self, specs: list[Spec]) -> list[tuple[int, int]]:
        """Pairs of inputs whose steps are combined one to one.

        Args:
            specs: one for each input.
        """
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
        parts = every_module(self)
        for part in parts:
            if not isinstance(part, Layer) and not _is_metric(part):
                return nullcontext()
        return kernels.own_threads() if _device_of(parts).type == "cpu" else nullcontext()

    @property
    def stateful(self) -> bool:
        """Whether a layer carries its states from one batch to the next."""
        return any(m is not self and _says_stateful(m) for m in every_module(self))

    def reset_states(self, rows: Any = None) -> None:
        """The older name of `reset_state`.

        Args:
            rows: places in the batch; None for all.
        """
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
        return _device_of(every_module(self))


def _device_of(parts: list[torch.nn.Module]) -> torch.device:
    for module in parts:
        for weight in module._parameters.values():
            if weight is not None:
                return weight.device
    return torch.device("cpu")


def _says_stateful(module: torch.nn.Module) -> bool:
    # By `getattr` a layer that has no such attribute words an error about it: 2 us each.
    there = "stateful" in vars(module) or hasattr(type(module), "stateful")
    return there and bool(getattr(module, "stateful"))  # noqa: B009  a module of anybody's


def _is_metric(module: Any) -> bool:
    return isinstance(module, (Metric, *torchmetrics_metric()))


def _places(x: Any, places: Iterator[int]) -> Any:
    """The dicts of what a caller gave around the places of the inputs in them."""
    if isinstance(x, dict):
        return {name: _places(part, places) for name, part in x.items()}
    return next(places)
