"""The linear maps of multi-head attention: a step's features to and from heads."""

from __future__ import annotations

import math
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import kernels
from ...core.layer import Layer, lift
from ...core.options import WithoutPenalty
from ...core.spec import Spec
from ...ragged import Ragged
from ...weights import activations, constraints, initializers, regularizers


class Projection(Layer):
    """A linear map from all axes of a step to others: Keras's EinsumDense as attention uses it.

    Args:
        inside: shape of a step that comes in.
        outside: shape of a step that goes out.
        activation: a name or None.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (*inside, *outside).
        bias_initializer: of `bias` (*outside).
        kernel_regularizer: a penalty on `kernel`.
        bias_regularizer: a penalty on `bias`.
        activity_regularizer: a penalty on what comes out.
        kernel_constraint: applied to `kernel` after every update.
        bias_constraint: applied to `bias` after every update.
    """

    takes = "one"

    def __init__(
        self,
        inside: tuple[int, ...],
        outside: tuple[int, ...],
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Unpack[WithoutPenalty],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.inside, self.outside = tuple(inside), tuple(outside)
        self.activation = activations.get(activation, self.who)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer, self.who)
        self.bias_initializer = initializers.get(bias_initializer, self.who)
        self.kernel_regularizer = regularizers.get(kernel_regularizer, self.who)
        self.bias_regularizer = regularizers.get(bias_regularizer, self.who)
        self.kernel_constraint = constraints.get(kernel_constraint, self.who)
        self.bias_constraint = constraints.get(bias_constraint, self.who)

    def build(self, spec: Spec) -> None:
        self.kernel = self.add_weight(
            "kernel",
            (*self.inside, *self.outside),
            self._initial,
            self.kernel_regularizer,
            self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                "bias",
                self.outside,
                self.bias_initializer,
                self.bias_regularizer,
                self.bias_constraint,
            )

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
        out = kernels.linear(rows, self.kernel.reshape(inside, outside), bias)
        return self.activation(out.reshape(*lead, *self.outside))

    def forward(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        """The map on every real step."""
        return lift(self._on_values, inputs)
