"""RotaryEmbedding: pairs of features turned by an angle that grows with the place."""

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


class RotaryEmbedding(Keeps, Layer):
    """Turns features i and i + features / 2 by place / max_wavelength^(2i / features).

    The dot product of two steps then depends on how far apart they are, not on where they stand.
    Shapes: Ragged (batch, steps*, ..., feature) and dense (batch, time, ..., feature) stay as they
    are; heads may stand between. A place is counted from the sequence's own first step, holes left
    out: padding on the left changes nothing. Empty sequences stay empty. The name and the numbers
    are keras_hub's.

    Args:
        max_wavelength: of the slowest turn, over 2 pi.
        scaling_factor: places are divided by it.
        sequence_axis: 1: time follows the batch.
        feature_axis: -1: features come last.

    Raises:
        ValueError: the input has no feature axis, or an odd number of features.

    Formula: Su et al. (2021), section 3.4.2; halves are paired instead of neighbours.

    Example:
        >>> RotaryEmbedding()(Ragged.from_list([[[1., 0.], [1., 0.]]])).values
        tensor([[1.0000, 0.0000],
                [0.5403, 0.8415]], dtype=torch.float64)
    """

    takes = "one"

    def __init__(
        self,
        max_wavelength: AboveZero = 10000,
        scaling_factor: AboveZero = 1.0,
        sequence_axis: int = 1,
        feature_axis: int = -1,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.max_wavelength = max_wavelength
        self.scaling_factor = scaling_factor
        for name, axis, only in (
            ("sequence_axis", sequence_axis, 1),
            ("feature_axis", feature_axis, -1),
        ):
            if axis != only:
                raise ValueError(
                    f"{self.who}: expected {name}={only}, got {axis!r}. Time is the axis after the "
                    "batch and features are the last."
                )
        self.sequence_axis = sequence_axis
        self.feature_axis = feature_axis

    def output_spec(self, spec: Spec, start_index: int = 0) -> Spec:
        check_steps(self.who, spec)
        size = spec.shape[-1]
        assert size is not None
        if size % 2:
            raise ValueError(
                f"{self.who}: expected an even number of features, which are turned in pairs, got "
                f"{spec}."
            )
        return spec.with_dtype(self.dtype or spec.dtype)

    def forward(self, inputs: Ragged | Tensor, start_index: int = 0) -> Ragged | Tensor:
        """The steps, turned.

        Args:
            inputs: Ragged (batch, steps*, ..., feature) or dense (batch, time, ..., feature).
            start_index: the place of each sequence's first step.
        """
        if not isinstance(inputs, Ragged):
            angles = self._angles(inputs, inputs.shape[1], start_index)
            return _turned(inputs, *_turns(angles, inputs.ndim - 3))
        values = inputs.values
        angles = self._angles(values, inputs.layout.longest, start_index)
        # A row is computed once for all sequences that reach its place.
        turns = _turns(angles, values.ndim - 2)
        return inputs.with_values(
            _turned(values, *(t.index_select(0, inputs.layout.own.positions) for t in turns))
        )

    def _angles(self, like: Tensor, count: int, start: int) -> Tensor:
        """(count, feature / 2)."""
        size = like.shape[-1]
        places = torch.arange(start, start + count, dtype=like.dtype, device=like.device)
        pairs = torch.arange(0, size, 2, dtype=like.dtype, device=like.device)
        slowness = self.max_wavelength ** (pairs / size)
        return (places / self.scaling_factor)[:, None] * (1 / slowness)


def _turns(angles: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine, (rows, *1, feature / 2): with an axis of 1 for each that heads take."""
    angles = angles.reshape(angles.shape[0], *(1,) * heads, angles.shape[1])
    return angles.cos(), angles.sin()


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """(..., rows, *heads, feature) by cosine and sine."""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
