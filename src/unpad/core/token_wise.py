"""Layers that treat each step alone."""

from __future__ import annotations

import torch
from torch import Tensor

from ..ragged import Ragged
from .calls import Keeps
from .layer import Layer
from .lifting import lift
from .spec import Spec, Specs


class TokenWise(Keeps, Layer):
    """A layer that treats each step alone: it runs on the values, and the layout stays."""

    takes = "one"
    one_level = False

    def output_spec(self, spec: Spec) -> Specs:
        return spec

    def on_values(self, values: Tensor) -> Tensor:
        """(steps, *feature) to (steps, *feature); the same on a dense batch."""
        raise NotImplementedError

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The layer on every real step."""
        return lift(self.on_values, inputs)


def as_weights(dtype: torch.dtype) -> torch.dtype:
    """The type of what weights make of values of this type: integers become torch's default."""
    return dtype if dtype.is_floating_point or dtype.is_complex else torch.get_default_dtype()
