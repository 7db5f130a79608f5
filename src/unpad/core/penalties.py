"""What a layer adds to the loss: penalties on weights and on what comes out, numbers of its own."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..ragged.batch import rows_of, values_of
from ..ragged.numbers import as_tensor
from .held import Holding
from .passes import running


class Penalty(NamedTuple):
    """A term that is added to the loss.

    Args:
        key: tells it from others, from batch to batch and in the next process: the layer's place
            among the model's, and which of its terms it is.
        total: the sum, or the number itself.
        divisor: what the sum is divided by, which adds up over batches, 0 of none; None for a
            number that counts as often as a batch has sequences.
    """

    key: tuple[int, Any]
    total: Tensor
    divisor: float | None

    @property
    def of_weights(self) -> bool:
        """Whether it is asked of a weight, whatever the batch."""
        return isinstance(self.key[1], str)

    @property
    def value(self) -> Tensor:
        """What is added to the loss of a batch."""
        return self.total if self.divisor is None else self.total / max(1, self.divisor)


class Penalised(Holding):
    """A torch module that adds to the loss of the model that it stands in."""

    #: A penalty on what comes out.
    activity_regularizer: Any
    _regularizers: dict[str, Any]
    #: What the last pass added to the loss, with what it is divided by; and which pass it was.
    _notes: list[tuple[Tensor, int | None]]
    _noted_in: int | None

    def add_loss(self, loss: Any) -> None:
        """Adds a number to the loss that the model is trained on, from within `call`.

        Counts in `fit` and `evaluate`, once each time that it is called in a forward of the model;
        the next forward starts anew. Over several batches it counts as often as a batch has
        sequences, so that a mean over sequences is the same for any batch size.

        Args:
            loss: a tensor of one number, or a list of them: `x.square().mean()`.

        Raises:
            ValueError: it is no number; more than one.
        """
        for part in loss if isinstance(loss, (list, tuple)) else [loss]:
            if callable(part):
                raise ValueError(
                    f"{self.who}: add_loss: expected a number, got a function: call it."
                )
            value = as_tensor(part, f"{self.who}: add_loss")
            if value.numel() != 1:
                raise ValueError(
                    f"{self.who}: add_loss: expected one number, got {tuple(value.shape)}. A mean "
                    "over the sequences: add_loss(x.mean())."
                )
            self._note(value.reshape(()), None)

    def _note(self, total: Tensor, divisor: int | None) -> None:
        if torch.compiler.is_exporting():
            return  # a graph predicts: nobody asks for its loss
        number = running()
        if number != self._noted_in:
            self._notes, self._noted_in = [], number
        self._notes.append((total, divisor))

    def _forget_notes(self) -> None:
        """Before a pass that has no number of its own: what was noted in others is gone."""
        for module in self.modules():
            if isinstance(module, Penalised) and module._noted_in is not None:
                module._notes, module._noted_in = [], None

    def _note_activity(self, outputs: Any) -> None:
        """Notes the penalty on what came out: a sum over real steps, by the number of sequences."""
        assert self.activity_regularizer is not None
        if running() is None and not torch.compiler.is_exporting():
            self._notes = []
        for part in outputs if isinstance(outputs, (list, tuple)) else [outputs]:
            self._note(self.activity_regularizer(values_of(part)), rows_of(part))

    @property
    def penalties(self) -> list[Penalty]:
        """What is added to the loss, each with what it is divided by: see `losses`."""
        modules = [m for m in self.modules() if isinstance(m, Penalised)]
        # A layer that the last pass left out holds what it noted in one before.
        latest = max((m._noted_in or 0 for m in modules), default=0)
        found: list[Penalty] = []
        for place, module in enumerate(modules):
            for name, penalty in module._regularizers.items():
                found.append(Penalty((place, name), penalty(getattr(module, name)), None))
            if module._noted_in in (None, latest):
                notes = enumerate(module._notes)
                found += [Penalty((place, i), total, by) for i, (total, by) in notes]
        return found

    @property
    def losses(self) -> list[Tensor]:
        """What is added to the loss of the model: of weights, and of the last forward.

        Penalties on weights; those on outputs, summed over real steps and divided by the number of
        sequences, as Keras divides by the batch; what `add_loss` was given. Of this layer and those
        inside.
        """
        return [penalty.value for penalty in self.penalties]
