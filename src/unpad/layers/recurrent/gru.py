"""GRU: the gated recurrent unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from torch import Tensor

from ...arguments import OrAuto, Positive, Seed, Share
from ...core.options import WithoutPenalty
from .gru_cell import GRUCell
from .recurrent import Recurrent


class GRU(Recurrent, GRUCell):
    """The gated recurrent unit (Cho et al., 2014), on real steps only.

    Shapes: Ragged (batch, steps*, feature) to (batch, units), the state after each sequence's own
    last step; with `return_sequences` to Ragged (batch, steps*, units). Dense (batch, time,
    feature) gives dense. With `return_state`: [output, h], each state (batch, units). An empty
    sequence gives its initial state: zeros, unless another is given.

    Args:
        units: size of the state.
        activation: of the candidate.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (feature, 3 * units), gates in the order z, r, h.
        recurrent_initializer: of `recurrent_kernel` (units, 3 * units).
        bias_initializer: of `bias`: (2, 3 * units), for inputs and state; with reset_after=False
            (3 * units,).
        kernel_regularizer: a penalty on `kernel`, as "l2".
        recurrent_regularizer: a penalty on `recurrent_kernel`.
        bias_regularizer: a penalty on `bias`.
        activity_regularizer: a penalty on what comes out, at real steps.
        kernel_constraint: applied to `kernel` after every update, as "non_neg".
        recurrent_constraint: applied to `recurrent_kernel` after every update.
        bias_constraint: applied to `bias` after every update.
        dropout: rate on the inputs.
        recurrent_dropout: rate on the state that is fed back.
        seed: of the dropouts' own generator.
        return_sequences: every step's output, or the last.
        return_state: whether the final state is given too.
        go_backwards: whether each sequence is walked from its end.
        stateful: whether a batch starts where the one before it ended; see `Recurrent`.
        reset_after: whether the reset gate acts after the product with the state's kernel, as
            cuDNN has it, or before, as Cho et al. had it.
        zero_output_for_mask: changes nothing: a missing step has no output that could be kept.
        use_cudnn: changes nothing: which path computes is chosen by itself (`kernels.info`).
        implementation: changes nothing, a way of older Keras's to compute.

    Raises:
        ValueError: the input is no sequence of feature vectors.

    Example:
        >>> GRU(4, return_sequences=True)(Ragged.from_list([[[1., 2.]], []])).lengths
        tensor([1, 0])
    """

    def __init__(
        self,
        units: Positive,
        activation: str | Callable[[Tensor], Tensor] | None = "tanh",
        recurrent_activation: str | Callable[[Tensor], Tensor] | None = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Share = 0.0,
        recurrent_dropout: Share = 0.0,
        seed: Seed = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: OrAuto = "auto",
        implementation: Positive = 2,
        **kwargs: Unpack[WithoutPenalty],
    ) -> None:
        super().__init__(
            units, activation, recurrent_activation, use_bias, kernel_initializer,
            recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, reset_after, seed, activity_regularizer=activity_regularizer,
            return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
            stateful=stateful, unroll=unroll, **kwargs,
        )  # fmt: skip
        self.use_cudnn, self.implementation = use_cudnn, implementation
