"""GRU: the gated recurrent unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from .recurrent import Recurrent


class GRU(Recurrent):
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
        dropout: rate on the inputs.
        recurrent_dropout: rate on the state that is fed back.
        seed: of the dropouts' own generator.
        return_sequences: every step's output, or the last.
        return_state: whether the final state is given too.
        go_backwards: whether each sequence is walked from its end.
        stateful: whether a batch starts where the one before it ended; see `Recurrent`.
        reset_after: whether the reset gate acts after the product with the state's kernel, as
            cuDNN has it, or before, as Cho et al. had it.

    Raises:
        ValueError: the input is no sequence of feature vectors.

    Example:
        >>> GRU(4, return_sequences=True)(Ragged.from_list([[[1., 2.]], []])).lengths
        tensor([1, 0])
    """

    cell_states = 1
    own_options = ("recurrent_activation", "reset_after")

    def __init__(
        self,
        units: int,
        activation: str | Callable[[Tensor], Tensor] | None = "tanh",
        recurrent_activation: str | Callable[[Tensor], Tensor] | None = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: None = None,
        recurrent_regularizer: None = None,
        bias_regularizer: None = None,
        activity_regularizer: None = None,
        kernel_constraint: None = None,
        recurrent_constraint: None = None,
        bias_constraint: None = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unsupported={
                "kernel_regularizer": kernel_regularizer,
                "recurrent_regularizer": recurrent_regularizer,
                "bias_regularizer": bias_regularizer,
                "activity_regularizer": activity_regularizer,
                "kernel_constraint": kernel_constraint,
                "recurrent_constraint": recurrent_constraint,
                "bias_constraint": bias_constraint,
            },
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
        self.reset_after = reset_after

    @property
    def cell(self) -> str:
        return "gru" if self.reset_after else "gru_reset_before"

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def biases(self) -> tuple[Tensor | None, Tensor | None]:
        if self.bias is None or not self.reset_after:
            return self.bias, None
        return self.bias[0], self.bias[1]
