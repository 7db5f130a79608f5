"""MultiHeadAttention: several attentions side by side, each on its own projection of the steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from ... import arguments
from ...arguments import Positive, Seed, Share
from ...core.options import WithoutPenalty
from ...core.spec import Spec
from ...core.weight_options import weight_options
from .heads import HeadedAttention


class MultiHeadAttention(HeadedAttention):
    """Each step of the query looks at the steps of its own sequence in several ways at once.

    Shapes: `layer(query, value)` or `layer(query, value, key)`, each Ragged (batch, steps*,
    feature) or dense (batch, time, feature), gives the query's steps with the query's features, or
    `output_shape`. Query and value need not have the same lengths. A query of one row a sequence,
    (batch, feature), gives one row a sequence. The cost follows the pairs of real steps.

    A query whose other sequence is empty gets what it would of values of 0 (the output's bias); an
    empty sequence of queries stays empty.

    Args:
        num_heads: attentions side by side.
        key_dim: features of a head's queries and keys.
        value_dim: features of a head's values; by default `key_dim`.
        dropout: rate at which weights are dropped in training.
        use_bias: whether the projections have a bias.
        output_shape: of a step that comes out, an int or several; by default the query's.
        attention_axes: None or 1: attention is over time.
        sliding_window: a step looks at keys less than this many positions away.
        flash_attention: None or False; which of torch's kernels runs is torch's choice.
        kernel_initializer: of the projections' kernels.
        bias_initializer: of their biases.
        kernel_regularizer: a penalty on each kernel, as "l2".
        bias_regularizer: a penalty on each bias.
        activity_regularizer: a penalty on what each projection gives.
        kernel_constraint: applied to each kernel after every update.
        bias_constraint: applied to each bias after every update.
        use_gate: whether the heads' outputs are multiplied by sigmoid(query W + b).
        seed: of a generator of the layer's own, for dropout; by default torch's.

    Raises:
        ValueError: inputs without a time or feature axis, or of different batches; a mask.

    Formula: Vaswani et al. (2017), section 3.2.2.

    Example:
        >>> words = Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])
        >>> MultiHeadAttention(num_heads=2, key_dim=3)(words, words).lengths
        tensor([1, 2])
    """

    def __init__(
        self,
        num_heads: Positive,
        key_dim: Positive,
        value_dim: Positive | None = None,
        dropout: Share = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: Positive | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: Seed = None,
        **kwargs: Unpack[WithoutPenalty],
    ) -> None:
        super().__init__(
            dropout, use_bias, sliding_window, flash_attention,
            weight_options(locals(), "kernel", "bias"),
            use_gate, seed, activity_regularizer=activity_regularizer, **kwargs,
        )  # fmt: skip
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_dim
        self.output_shape = output_shape
        self._made = arguments.sizes(self.who, "output_shape", output_shape, or_none=True)
        arguments.axes(self.who, "attention_axes", attention_axes, or_none=True)
        if attention_axes not in (None, 1, (1,), [1], -2, (-2,), [-2]):
            raise ValueError(
                f"{self.who}: expected attention_axes=1, which is time, got {attention_axes!r}. "
                "Attention over other axes of a step is not supported."
            )
        self.attention_axes = attention_axes

    def _sizes(self) -> tuple[int, int, int, int]:
        return self.num_heads, self.num_heads, self.key_dim, self.value_dim or self.key_dim

    def _outside(self, query: Spec) -> tuple[int, ...]:
        return self._made or super()._outside(query)

    def _note_activity(self, outputs: Any) -> None:
        """Nothing: as in Keras, where the projections count each their own."""
