"""SinePositionEncoding: sines and cosines of each place within a sequence."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from ...arguments import AboveZero
from ...core.calls import Keeps
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...ragged import Ragged
from .position_embedding import check_steps


class SinePositionEncoding(Keeps, Layer):
    """Sines and cosines of each step's place within its sequence, to be added to it.

    Feature 2i is sin(place / max_wavelength^(2i / features)), feature 2i + 1 the cosine of the
    same. Shapes: Ragged (batch, steps*, feature) to the same, dense (batch, ..., time, feature)
    likewise; of the input only its lengths, feature size and type are read. A place is counted
    from the sequence's own first step, holes left out: padding on the left changes nothing. Empty
    sequences stay empty. The name and the numbers are keras_hub's.

    Args:
        max_wavelength: of the slowest sine, over 2 pi.

    Raises:
        ValueError: the input has no feature axis.

    Formula: Vaswani et al. (2017), section 3.5.

    Example:
        >>> SinePositionEncoding()(Ragged.from_list([[[5., 5.], [5., 5.]]])).values
        tensor([[0.0000, 1.0000],
                [0.8415, 0.5403]], dtype=torch.float64)
    """

    takes = "one"

    def __init__(self, max_wavelength: AboveZero = 10000, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.max_wavelength = max_wavelength

    def output_spec(self, spec: Spec, start_index: int = 0) -> Spec:
        check_steps(self.who, spec)
        return spec.with_dtype(self.dtype or spec.dtype)

    def forward(self, inputs: Ragged | Tensor, start_index: int = 0) -> Ragged | Tensor:
        """The encoding of the steps' places.

        Args:
            inputs: whose lengths count.
            start_index: the place of each sequence's first step.
        """
        # A row is computed once for all sequences that reach its place: a sine takes longer than
        # to copy it.
        if not isinstance(inputs, Ragged):
            return self._rows(inputs, inputs.shape[-2], start_index).expand(inputs.shape)
        table = self._rows(inputs.values, inputs.layout.longest, start_index)
        return inputs.with_values(table.index_select(0, inputs.layout.own.positions))

    def _rows(self, like: Tensor, count: int, start: int) -> Tensor:
        size = like.shape[-1]
        places = torch.arange(start, start + count, dtype=like.dtype, device=like.device)
        pairs = torch.arange(0, size, 2, dtype=like.dtype, device=like.device)
        angles = places[:, None] * (1 / self.max_wavelength) ** (pairs / size)
        return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :size]
