"""GroupQueryAttention: several heads of queries share one head of keys and values."""

from __future__ import annotations

from typing import Any, Unpack

from ...arguments import Positive, Seed, Share
from ...core.options import WithoutPenalty
from ...core.weight_options import weight_options
from .heads import HeadedAttention


class GroupQueryAttention(HeadedAttention):
    """MultiHeadAttention in which groups of query heads share a head of keys and values.

    Shapes: as MultiHeadAttention's; what comes out has the query's features. With one
    `num_key_value_heads` it is multi-query attention, with as many as `num_query_heads`
    multi-head attention. A query whose other sequence is empty gets the output's bias; an empty
    sequence of queries stays empty.

    Args:
        head_dim: features of a head.
        num_query_heads: heads of queries.
        num_key_value_heads: heads of keys and values; a divisor of `num_query_heads`.
        dropout: rate at which weights are dropped in training.
        use_bias: whether the projections have a bias.
        sliding_window: a step looks at keys less than this many positions away.
        flash_attention: None or False; which of torch's kernels runs is torch's choice.
        kernel_initializer: of the projections' kernels.
        bias_initializer: of their biases.
        kernel_regularizer: a penalty on each kernel, as "l2".
        bias_regularizer: a penalty on each bias.
        activity_regularizer: a penalty on what each projection gives, and on what comes out.
        kernel_constraint: applied to each kernel after every update.
        bias_constraint: applied to each bias after every update.
        use_gate: whether the heads' outputs are multiplied by sigmoid(query W + b).
        seed: of a generator of the layer's own, for dropout; by default torch's.

    Raises:
        ValueError: heads that cannot be shared evenly; inputs without a time or feature axis, or
            of different batches; a mask.

    Formula: Ainslie et al. (2023).

    Example:
        >>> words = Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])
        >>> GroupQueryAttention(3, num_query_heads=4, num_key_value_heads=2)(words, words).lengths
        tensor([1, 2])
    """

    def __init__(
        self,
        head_dim: Positive,
        num_query_heads: Positive,
        num_key_value_heads: Positive,
        dropout: Share = 0.0,
        use_bias: bool = True,
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
        self.head_dim = head_dim
        self.num_query_heads = num_query_heads
        self.num_key_value_heads = num_key_value_heads
        if self.num_query_heads % self.num_key_value_heads:
            raise ValueError(
                f"{self.who}: expected num_query_heads as a multiple of num_key_value_heads, got "
                f"{self.num_query_heads} and {self.num_key_value_heads}."
            )

    def _sizes(self) -> tuple[int, int, int, int]:
        return self.num_query_heads, self.num_key_value_heads, self.head_dim, self.head_dim
