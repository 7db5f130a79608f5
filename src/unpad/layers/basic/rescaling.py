"""Rescaling: numbers times a scale, plus an offset."""

from __future__ import annotations

from typing import Any, Unpack

from torch import Tensor

from ...core.options import LayerOptions
from ...core.spec import Spec, Specs
from ...core.token_wise import TokenWise, as_weights
from ...ragged import Ragged
from ...ragged.numbers import as_tensor


class Rescaling(TokenWise):
    """The inputs times `scale` plus `offset`: 1 / 255 for bytes.

    Shapes stay as they are; empty sequences stay empty. Whole numbers become floating.

    Args:
        scale: a number, or one for each feature.
        offset: likewise.

    Raises:
        ValueError: one of them holds no numbers.

    Example:
        >>> Rescaling(0.5, 1.0)(Ragged.from_list([[2.0, 4.0], []])).to_list()[0].tolist()
        [2.0, 3.0]
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        for name, given in (("scale", scale), ("offset", offset)):
            as_tensor(given, f"{self.who}: {name}")
        self.scale, self.offset = scale, offset

    def output_spec(self, spec: Spec) -> Specs:
        return spec.with_dtype(self.dtype or as_weights(spec.dtype))

    def _prepare(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        return inputs.to(dtype=self.dtype or as_weights(inputs.dtype))

    def on_values(self, values: Tensor) -> Tensor:
        given = {"scale": self.scale, "offset": self.offset}
        scale, offset = (
            as_tensor(n, f"{self.who}: {name}").to(values) for name, n in given.items()
        )
        return values * scale + offset
