"""PositionEmbedding: a trained row for each place within a sequence."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ...arguments import Positive
from ...core.calls import Keeps
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...ragged import Ragged
from ...weights import initializers


class PositionEmbedding(Keeps, Layer):
    """The row of a trained table for each step's place within its sequence, to be added to it.

    Shapes: Ragged (batch, steps*, feature) to the same, dense (batch, ..., time, feature)
    likewise; of the input only its lengths and its feature size are read. A place is counted from
    the sequence's own first step, holes left out: padding on the left changes nothing. Empty
    sequences stay empty. The name and the numbers are keras_hub's.

    Args:
        sequence_length: rows of the table: the most steps that a sequence may have.
        initializer: of `position_embeddings` (sequence_length, feature).

    Raises:
        ValueError: the input has no feature axis, or a sequence is longer than the table; the text
            says which.

    Formula: Devlin et al. (2019).

    Example:
        >>> embed = unpad.layers.Embedding(9, 4, mask_zero=True)
        >>> words = embed(torch.tensor([[0, 0, 5], [3, 4, 7]]))
        >>> (words + PositionEmbedding(10)(words)).lengths
        tensor([1, 3])
    """

    takes = "one"

    def __init__(
        self,
        sequence_length: Positive,
        initializer: Any = "glorot_uniform",
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.sequence_length = sequence_length
        self.initializer = initializers.get(initializer, self.who)

    def build(self, spec: Spec) -> None:
        assert spec.shape[-1] is not None
        self.position_embeddings = self.add_weight(
            "position_embeddings", (self.sequence_length, spec.shape[-1]), self.initializer
        )

    def output_spec(self, spec: Spec, start_index: int = 0) -> Spec:
        check_steps(self.who, spec)
        time = None if spec.ragged else spec.shape[-2]
        if time is not None and time + start_index > self.sequence_length:
            raise ValueError(self._too_long(f"the sequences have {time} steps", time, start_index))
        if self.built and spec.shape[-1] != self.position_embeddings.shape[1]:
            size = self.position_embeddings.shape[1]
            raise ValueError(f"{self.who}: built for {size} features, got {spec}.")
        return spec.with_dtype(self.dtype or spec.dtype)

    def forward(self, inputs: Ragged | Tensor, start_index: int = 0) -> Ragged | Tensor:
        """The rows of the steps' places.

        Args:
            inputs: whose lengths count.
            start_index: the place of each sequence's first step.
        """
        table = self.position_embeddings
        if not isinstance(inputs, Ragged):
            time = inputs.shape[-2]
            if time + start_index > self.sequence_length:
                what = f"the sequences have {time} steps"
                raise ValueError(self._too_long(what, time, start_index))
            return table[start_index : start_index + time].expand(inputs.shape)
        seen = not torch.compiler.is_compiling()
        longest = inputs.layout.longest if seen else 0
        if seen and longest + start_index > self.sequence_length:
            beyond = inputs.layout.own.lengths + start_index > self.sequence_length
            first = int(beyond.nonzero()[0])
            what = f"sequence {first} has {int(inputs.layout.own.lengths[first])} steps"
            raise ValueError(self._too_long(what, longest, start_index))
        return inputs.with_values(table.index_select(0, inputs.layout.own.positions + start_index))

    def _too_long(self, what: str, longest: int, start: int) -> str:
        after = f" from place {start} on" if start else ""
        return (
            f"{self.who}: {what}{after}, but sequence_length is {self.sequence_length}. Build with "
            f"sequence_length={longest + start}, or cut the sequences: "
            f"x[:, :{self.sequence_length - start}]."
        )


def check_steps(who: str, spec: Spec) -> None:
    """Raises for a spec without steps or without features of a known size."""
    if len(spec.shape) < (1 if spec.ragged else 2) or spec.shape[-1] is None:
        raise ValueError(
            f"{who}: expected (batch, steps*, feature) or (batch, time, feature), got {spec}. Ids "
            "go through Embedding first."
        )
