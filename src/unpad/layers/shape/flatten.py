"""Flatten: each sequence laid out in a grid, as one row of features."""

from __future__ import annotations

from math import prod
from typing import Unpack

import torch
from torch import Tensor

from ...arguments import Positive
from ...core.calls import Reduces
from ...core.channels import Channelled
from ...core.options import LayerOptions
from ...core.spec import Spec, spec_of
from ...ragged import Ragged
from ..basic.laid_out import lay_out


class Flatten(Reduces, Channelled):
    """Lays each sequence out in slots and joins them to one row: missing slots are exactly 0.

    Shapes: Ragged (batch, steps*, *feature) to dense (batch, slots * feature). Nothing flows back
    from the zeros. An empty sequence gives a row of zeros. Dense (batch, ...) to (batch, product of
    the rest), as Keras; so do sequences that fill all slots, without a copy. The grid is written,
    and each step copied once, when somebody looks at it: a Dense right after this layer computes
    from the steps alone, whatever the number of slots.

    With `length`, a sequence's steps fill the slots from 0 on: the row is the same however the
    sequence was padded. Without it the slots are those of the caller's grid, whose width is known
    from Input(shape=(width, ...)) or from the first data: a step keeps its slot, so what was
    padded on the left stays on the right. That is Keras's Flatten after an Embedding of which row
    0 is zeros.

    Args:
        data_format: "channels_first" for grids whose features come first.
        length: the number of slots; by default that of the grid that the sequences came from.

    Raises:
        ValueError: the number of slots is not known when the model is built; a sequence does not
            fit, naming the first.

    Example:
        >>> Flatten(length=3)(Ragged.from_list([[1, 2], [], [5]]))
        tensor([[1, 2, 0],
                [0, 0, 0],
                [5, 0, 0]])
    """

    takes = "one"

    not_in_keras = {"length": None}

    def __init__(
        self,
        data_format: str | None = None,
        length: Positive | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = self.told_format(data_format)
        self.length = length
        self._slots = self.length

    def build(self, spec: Spec) -> None:
        if spec.ragged:
            self._slots = self.length or spec.width

    def output_spec(self, spec: Spec) -> Spec:
        if not spec.ragged:
            known = [n for n in spec.shape if n is not None]
            return Spec((prod(known) if len(known) == len(spec.shape) else None,), dtype=spec.dtype)
        slots = self._slots or spec.width
        if slots is None:
            raise ValueError(self._unknown(spec))
        return spec.rows((slots * prod(n or 0 for n in spec.shape),))

    def _unknown(self, spec: Spec) -> str:
        return (
            f"{self.who}: the number of slots is not known for {spec}: a row of features needs the "
            "same number for every sequence. Say it: Flatten(length=100), or "
            "Input(shape=(100, ...)) where sequences come as a padded array. For any length: "
            "GlobalAveragePooling1D or LSTM, which give one row a sequence."
        )

    def forward(self, inputs: Ragged | Tensor) -> Tensor:
        """One row of features a sequence."""
        if not isinstance(inputs, Ragged):
            return inputs.reshape(inputs.shape[0], prod(inputs.shape[1:]))
        slots = self._slots or inputs.layout.width
        if slots is None:  # built with rows, it is given sequences
            raise ValueError(self._unknown(spec_of(inputs)))
        layout = inputs.layout

        def places() -> Tensor:
            return layout.own.places if self.length is None else layout.own.positions

        most = layout.time if self.length is None else layout.longest
        if not torch.compiler.is_compiling() and most > slots:
            self._check_fit(inputs, places(), slots)
        return lay_out(inputs, places, slots)

    def _check_fit(self, inputs: Ragged, places: Tensor, slots: int) -> None:
        beyond = (places >= slots).nonzero()
        if not len(beyond):
            return
        step = int(beyond[0])
        sequence = int(inputs.sequence_ids[step])
        raise ValueError(
            f"{self.who}: expected at most {slots} slots, but sequence {sequence} has "
            f"{int(inputs.lengths[sequence])} steps and reaches slot "
            f"{int(places[inputs.sequence_ids == sequence].max())}. Build with Flatten(length=...) "
            "long enough, or cut before: x[:, -100:]."
        )
