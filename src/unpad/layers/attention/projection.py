"""The linear maps of multi-head attention: a step's features to and from heads."""

from __future__ import annotations

import math
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import kernels
from ...core.layer import Layer
from ...core.lifting import lift
from ...core.options import LayerOptions
from ...core.spec import Spec
from ...core.weight_options import WeightOptions
from ...ragged import Ragged
from ...weights import activations, initializers


class Projection(Layer):
    """A linear map from all axes of a step to others: Keras's EinsumDense as attention uses it.

    Args:
        inside: shape of a step that comes in.
        outside: shape of a step that goes out.
        activation: a name or None.
        use_bias: whether there is a bias.
        weights: what `kernel` (*inside, *outside) and `bias` (*outside) are made with.
    """

    takes = "one"

    def __init__(
        self,
        inside: tuple[int, ...],
        outside: tuple[int, ...],
        activation: Any,
        use_bias: bool,
        weights: dict[str, WeightOptions],
        /,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.inside, self.outside = tuple(inside), tuple(outside)
        self.activation = activations.get(activation, self.who)
        self.use_bias = use_bias
        self.keep_options(**weights)

    def build(self, spec: Spec) -> None:
        self.kernel = self.add_kept(
            "kernel", (*self.inside, *self.outside), initializer=self._initial
        )
        self.bias = self.add_kept("bias", self.outside) if self.use_bias else None

    def _initial(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """With the fans of the matrix that the kernel is, as Keras counts them."""
        make = self.kernel_initializer
        if isinstance(make, initializers.VarianceScaling):
            return make((math.prod(self.inside), math.prod(self.outside)), dtype).reshape(shape)
        return make(shape, dtype)

    def output_spec(self, spec: Spec) -> Spec:
        lead = spec.shape[: len(spec.shape) - len(self.inside)]
        return spec.with_shape((*lead, *self.outside)).with_dtype(self.dtype or spec.dtype)

    def _on_values(self, values: Tensor) -> Tensor:
        lead = values.shape[: values.ndim - len(self.inside)]
        inside, outside = math.prod(self.inside), math.prod(self.outside)
        bias = None if self.bias is None else self.bias.reshape(outside)
        rows = values.reshape(math.prod(lead), inside)
        out = kernels.linear(rows, self.kernel.reshape(inside, outside), bias, self.half_type)
        return self.activation(out.reshape(*lead, *self.outside))

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The map on every real step."""
        return lift(self._on_values, inputs)
