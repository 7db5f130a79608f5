"""Dense and Activation: token-wise layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from torch import Tensor

from ...arguments import Positive
from ...core.lifting import lift
from ...core.options import LayerOptions, WithoutPenalty
from ...core.spec import Spec
from ...core.token_wise import TokenWise, as_weights
from ...core.weight_options import weight_options
from ...ragged import Ragged
from ...weights import activations
from . import laid_out


class Dense(TokenWise):
    """A linear map of each step's features, then an activation: activation(x W + b).

    Shapes: Ragged (batch, steps*, feature) to (batch, steps*, units), on real steps only; dense
    (batch, ..., feature) to (batch, ..., units). Empty sequences stay empty.

    Args:
        units: size of the output's features.
        activation: a name, a callable, or None for none.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (feature, units).
        bias_initializer: of `bias` (units,).
        kernel_regularizer: a penalty on `kernel`, as "l2".
        bias_regularizer: a penalty on `bias`.
        activity_regularizer: a penalty on what comes out, at real steps.
        kernel_constraint: applied to `kernel` after every update, as "non_neg".
        bias_constraint: applied to `bias` after every update.

    Raises:
        ValueError: the input has no feature axis.

    Example:
        >>> Dense(3)(Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])).feature
        torch.Size([3])
    """

    def __init__(
        self,
        units: Positive,
        activation: str | Callable[[Tensor], Tensor] | None = None,
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
        self.units = units
        self.activation = activations.get(activation, self.who)
        self.use_bias = use_bias
        self.keep_options(**weight_options(locals(), "kernel", "bias"))

    def build(self, spec: Spec) -> None:
        assert spec.shape[-1] is not None
        self.kernel = self.add_kept("kernel", (spec.shape[-1], self.units))
        self.bias = self.add_kept("bias", (self.units,)) if self.use_bias else None

    def output_spec(self, spec: Spec) -> Spec:
        if not spec.shape or spec.shape[-1] is None:
            what = "one number a step" if spec.ragged else f"{spec}"
            raise ValueError(
                f"{self.who}: expected a feature axis of a known size, got {what}. Ids go through "
                "Embedding first; a sequence of numbers needs a feature axis: "
                "x[..., None] and Input(shape=(None, 1))."
            )
        if self.built and spec.shape[-1] != self.kernel.shape[0]:
            raise ValueError(f"{self.who}: built for {self.kernel.shape[0]} features, got {spec}.")
        size = activations.features_after(self.activation, self.units, self.who)
        return spec.with_last(size or 1).with_dtype(self.dtype or as_weights(spec.dtype))

    @property
    def tail(self) -> str | None:
        return activations.name_of(self.activation)

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        return lift(self._linear, inputs)

    def from_tail(self, outputs: Ragged | Tensor) -> Ragged | Tensor:
        return lift(self.activation, outputs)

    def _linear(self, values: Tensor) -> Tensor:
        return laid_out.linear(values, self.kernel, self.bias, self.half_type)

    def on_values(self, values: Tensor) -> Tensor:
        return self.activation(self._linear(values))


class Activation(TokenWise):
    """An activation of each step, by name or as a callable.

    Shapes stay as they are; empty sequences stay empty. `softmax` is over a step's features, and
    refuses steps that have none; over a sequence's steps it is `Ragged.softmax`.

    Args:
        activation: a name or a callable of a tensor.

    Example:
        >>> Activation("relu")(Ragged.from_list([[-1., 2.], [], [3.]])).to_padded().tolist()
        [[0.0, 2.0], [0.0, 0.0], [3.0, 0.0]]
    """

    def __init__(
        self, activation: str | Callable[[Tensor], Tensor], **kwargs: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation, self.who)

    def output_spec(self, spec: Spec) -> Spec:
        if spec.ragged and not spec.shape and self.tail in activations.OVER_FEATURES:
            raise ValueError(
                f"{self.who}: {self.tail} is over a step's features, but a step is one number "
                "here. Over each sequence's steps: ragged.softmax()."
            )
        if not spec.shape:
            return spec
        size = activations.features_after(self.activation, spec.shape[-1], self.who)
        return spec.with_shape((*spec.shape[:-1], size))

    @property
    def tail(self) -> str | None:
        return activations.name_of(self.activation)

    def before_tail(self, inputs: Ragged | Tensor) -> Ragged | Tensor:
        return inputs

    def on_values(self, values: Tensor) -> Tensor:
        return self.activation(values)
