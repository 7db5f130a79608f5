"""TransformerEncoder: self-attention, then a network on each step, both around a residual."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import torch
from torch import Tensor

from ...arguments import NotNegative, Positive, Share
from ...core.calls import Keeps
from ...core.layer import Layer
from ...core.options import LayerOptions, WithoutPenalty
from ...core.spec import Spec, Specs
from ...weights import activations, initializers, regularizers
from ..basic.dense import Dense
from ..basic.dropout import Dropout
from ..normalization.features import LayerNormalization
from .attend import Batch
from .inputs import told
from .multi_head_attention import MultiHeadAttention


class TransformerBlock(Keeps, Layer):
    """What encoder and decoder are made of: attention and a network on each step, with residuals.

    Args: as TransformerEncoder's.
    """

    def __init__(
        self,
        intermediate_dim: Positive,
        num_heads: Positive,
        dropout: Share,
        activation: Any,
        layer_norm_epsilon: NotNegative,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        normalize_first: bool,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.intermediate_dim = intermediate_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.activation = activations.get(activation, self.who)
        self.layer_norm_epsilon = layer_norm_epsilon
        self.kernel_initializer = initializers.get(kernel_initializer, self.who)
        self.bias_initializer = initializers.get(bias_initializer, self.who)
        self.kernel_regularizer = regularizers.get(kernel_regularizer, self.who)
        self.bias_regularizer = regularizers.get(bias_regularizer, self.who)
        self.normalize_first = normalize_first

    def _check(self, spec: Spec, name: str) -> None:
        if len(spec.shape) != (1 if spec.ragged else 2) or spec.shape[-1] is None:
            raise ValueError(
                f"{self.who}: expected {name} as (batch, steps*, feature) or (batch, time, "
                f"feature), got {spec}. Ids go through TokenAndPositionEmbedding first."
            )
        if spec.shape[-1] < self.num_heads:
            raise ValueError(
                f"{self.who}: expected at least one feature for each of {self.num_heads} heads, "
                f"got {spec}. Use fewer heads, or map to more features first."
            )
        if self.built and spec.shape[-1] != self.feedforward_output_dense.units:
            size = self.feedforward_output_dense.units
            raise ValueError(f"{self.who}: built for {size} features of {name}, got {spec}.")

    def _attention(self, name: str, query: Spec, value: Spec) -> Layer:
        size = query.shape[-1]
        assert size is not None
        made = MultiHeadAttention(
            self.num_heads, size // self.num_heads, dropout=self.dropout, **self._weights_as,
            name=f"{self.name}/{name}", dtype=self.given_policy,
        )  # fmt: skip
        made.ensure_built(query, value)
        return made

    def _norm(self, name: str, spec: Spec) -> Layer:
        made = LayerNormalization(
            epsilon=self.layer_norm_epsilon, name=f"{self.name}/{name}", dtype=self.given_policy
        )
        made.ensure_built(spec)
        return made

    def _dense(self, name: str, units: int, activation: Any, spec: Spec) -> Dense:
        made = Dense(
            units,
            activation,
            **self._weights_as,
            name=f"{self.name}/{name}",
            dtype=self.given_policy,
        )
        made.ensure_built(spec)
        return made

    @property
    def _weights_as(self) -> dict[str, Any]:
        return {
            "kernel_initializer": self.kernel_initializer,
            "bias_initializer": self.bias_initializer,
            "kernel_regularizer": self.kernel_regularizer,
            "bias_regularizer": self.bias_regularizer,
        }

    def _build_network(self, spec: Spec) -> None:
        size = spec.shape[-1]
        assert size is not None
        self.feedforward_intermediate_dense = self._dense(
            "feedforward_intermediate_dense", self.intermediate_dim, self.activation, spec
        )
        inner = spec.with_last(self.intermediate_dim)
        self.feedforward_output_dense = self._dense("feedforward_output_dense", size, None, inner)
        self.feedforward_dropout = Dropout(self.dropout)

    def _weights_dtype(self) -> torch.dtype | None:
        return self.feedforward_output_dense.kernel.dtype if self.built else self.dtype

    def _network(self, x: Batch) -> Batch:
        x = self.feedforward_output_dense(self.feedforward_intermediate_dense(x))
        return self.feedforward_dropout(x)

    def _around(self, x: Batch, norm: Layer, inner: Callable[[Batch], Batch]) -> Batch:
        """A sub-block with its residual, normalised before or after."""
        if self.normalize_first:
            return x + inner(norm(x))
        return norm(x + inner(x))


class TransformerEncoder(TransformerBlock):
    """Each step looks at all steps of its sequence, then goes through two Dense layers by itself.

    Around both a residual connection and a LayerNormalization. Shapes: Ragged (batch, steps*,
    feature) and dense (batch, time, feature) stay as they are. The cost follows the pairs of real
    steps. Empty sequences stay empty. The name, the structure and the defaults are keras_hub's.

    Args:
        intermediate_dim: units of the first Dense layer.
        num_heads: heads of the attention, each of features // num_heads.
        dropout: rate, of the attention's weights and of what is added to the residuals.
        activation: of the first Dense layer, a name or a callable.
        layer_norm_epsilon: added to the variances.
        kernel_initializer: of each kernel.
        bias_initializer: of each bias.
        kernel_regularizer: a penalty on each kernel, as "l2".
        bias_regularizer: a penalty on each bias.
        activity_regularizer: a penalty on what comes out.
        normalize_first: whether normalisation comes before attention and network, as in GPT-2,
            or after the residual, as in BERT.

    Raises:
        ValueError: the input has no time or feature axis, or fewer features than heads; a mask.

    Formula: Vaswani et al. (2017), section 3.1.

    Example:
        >>> embed = unpad.layers.TokenAndPositionEmbedding(9, 10, 4, mask_zero=True)
        >>> words = embed(torch.tensor([[3, 5, 0]]))
        >>> TransformerEncoder(intermediate_dim=8, num_heads=2)(words).lengths
        tensor([2])
    """

    takes = "one"

    def __init__(
        self,
        intermediate_dim: Positive,
        num_heads: Positive,
        dropout: Share = 0,
        activation: str | Callable[[Tensor], Tensor] | None = "relu",
        layer_norm_epsilon: NotNegative = 1e-5,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        normalize_first: bool = False,
        **kwargs: Unpack[WithoutPenalty],
    ) -> None:
        super().__init__(
            intermediate_dim, num_heads, dropout, activation, layer_norm_epsilon,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            normalize_first, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip

    def build(self, spec: Spec, **masks: Spec) -> None:
        self.self_attention_layer = self._attention("self_attention_layer", spec, spec)
        self.self_attention_layer_norm = self._norm("self_attention_layer_norm", spec)
        self.self_attention_dropout = Dropout(self.dropout)
        self.feedforward_layer_norm = self._norm("feedforward_layer_norm", spec)
        self._build_network(spec)

    def output_spec(
        self,
        spec: Spec,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
    ) -> Specs:
        self._check(spec, "its input")
        out = spec.with_dtype(self.dtype or spec.dtype)
        if not return_attention_scores:
            return out
        pairs = (self.num_heads, None) if spec.ragged else (self.num_heads, *spec.shape[:1] * 2)
        return [out, out.with_shape(pairs)]

    def __call__(self, inputs: Any, padding_mask: Any = None, **options: Any) -> Any:
        """Builds the layer on its first call, then runs it; on symbols, draws it into a graph.

        Args:
            inputs: what looks at itself.
            padding_mask: of a grid that is told its steps so, (batch, time) True where a step is.
            options: further arguments of `forward`.
        """
        return super().__call__(told(inputs, padding_mask, self.who, "padding_mask"), **options)

    def forward(
        self,
        inputs: Batch,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
    ) -> Any:
        """The block's outputs.

        Args:
            inputs: Ragged (batch, steps*, feature) or dense (batch, time, feature).
            attention_mask: which pairs of steps are visible; see MultiHeadAttention.
            return_attention_scores: whether the attention's weights come out too, as
                MultiHeadAttention gives them.
        """
        scores: list[Batch] = []

        def look(x: Batch) -> Batch:
            out = self.self_attention_layer(
                x, x, attention_mask=attention_mask, return_attention_scores=return_attention_scores
            )
            if return_attention_scores:
                out, weights = out
                scores.append(weights)
            return self.self_attention_dropout(out)

        x = self._around(inputs, self.self_attention_layer_norm, look)
        x = self._around(x, self.feedforward_layer_norm, self._network)
        return [x, *scores] if scores else x
