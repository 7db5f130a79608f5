"""AttentionPooling1D: each sequence's own weighted mean, with weights that are trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from torch import Tensor

from ... import kernels
from ...arguments import Positive
from ...core.calls import Reduces
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec, Specs
from ...core.weight_options import weight_options
from ...ragged import Ragged
from ...ragged.reductions import segment_softmax, segment_sum
from ...weights import activations
from ..recurrent.recurrent import as_ragged


class AttentionPooling1D(Reduces, Layer):
    """The mean of each sequence's steps x, weighted by softmax(c . tanh(x W + b)) over them.

    Shapes: Ragged (batch, steps*, feature) or dense (batch, time, feature) to (batch, feature).
    The softmax is over the sequence's own real steps. An empty sequence gives 0.

    Args:
        units: size of x W; by default the input's features.
        activation: in place of tanh, a name, a callable, or None for none.
        use_bias: whether there is a b.
        kernel_initializer: of W, `kernel` (feature, units).
        bias_initializer: of b, `bias` (units,).
        context_initializer: of c, `context` (units, 1).
        kernel_regularizer: a penalty on `kernel`, as "l2".
        bias_regularizer: a penalty on `bias`.
        context_regularizer: a penalty on `context`.
        kernel_constraint: applied to `kernel` after every update.
        bias_constraint: applied to `bias` after every update.
        context_constraint: applied to `context` after every update.

    Raises:
        ValueError: the input has no time or no feature axis.

    Formula: Yang et al. (2016), equations 5 to 7.

    Example:
        >>> words = Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])
        >>> AttentionPooling1D()(words)[0]
        tensor([1., 2.], grad_fn=<SelectBackward0>)
    """

    takes = "one"

    def __init__(
        self,
        units: Positive | None = None,
        activation: str | Callable[[Tensor], Tensor] | None = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        context_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        context_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        context_constraint: Any = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = activations.get(activation, self.who)
        self.use_bias = use_bias
        self.keep_options(**weight_options(locals(), "kernel", "bias", "context"))

    def build(self, spec: Spec) -> None:
        size = spec.shape[-1]
        assert size is not None
        units = self.units or size
        self.kernel = self.add_kept("kernel", (size, units))
        self.bias = self.add_kept("bias", (units,)) if self.use_bias else None
        scored = activations.features_after(self.activation, units, self.who)
        assert scored is not None
        self.context = self.add_kept("context", (scored, 1))

    def output_spec(self, spec: Spec, return_attention_scores: bool = False) -> Specs:
        if len(spec.shape) != (1 if spec.ragged else 2) or spec.shape[-1] is None:
            raise ValueError(
                f"{self.who}: expected (batch, steps*, feature) or (batch, time, feature), got "
                f"{spec}. Ids go through Embedding first."
            )
        if self.built and spec.shape[-1] != self.kernel.shape[0]:
            raise ValueError(f"{self.who}: built for {self.kernel.shape[0]} features, got {spec}.")
        spec = spec.with_dtype(self.dtype or spec.dtype)
        out = spec.rows(spec.shape[-1:])
        return [out, spec.with_shape(spec.shape[:-1])] if return_attention_scores else out

    def forward(self, inputs: Ragged | Tensor, return_attention_scores: bool = False) -> Any:
        """One weighted mean a sequence.

        Args:
            inputs: Ragged (batch, steps*, feature) or dense (batch, time, feature).
            return_attention_scores: whether the weights come out too: one number a step.
        """
        steps, rebuild = as_ragged(inputs)
        half = self.half_type
        hidden = self.activation(kernels.linear(steps.values, self.kernel, self.bias, half))
        scores = kernels.linear(hidden, self.context, None, half)[:, 0]
        weights = segment_softmax(scores, steps.layout)
        out = segment_sum(steps.values * weights[:, None], steps.layout)
        return [out, rebuild(steps.with_values(weights))] if return_attention_scores else out
