"""SimpleRNN and SimpleRNNCell: the state is fed back, nothing gates it."""

from __future__ import annotations

from typing import Any, Unpack

from ...arguments import Positive, Seed, Share
from ...core.options import LayerOptions, WithoutPenalty
from ...core.weight_options import weight_options
from .cell import Cell, Function
from .recurrent import Recurrent


class _SimpleRNN(Cell):
    """What SimpleRNN and SimpleRNNCell share: what the kernels call it, and its weights."""

    @property
    def operator(self) -> str:
        return "simple_rnn"


class SimpleRNNCell(_SimpleRNN):
    """One step of a recurrent layer without gates (Elman, 1990).

        h' = activation(x W + h U + b)

    Shapes: inputs (batch, feature) and states [h], (batch, units), to the output (batch, units) and
    the next state in a list; as a tensor where it came as one. Without states it starts from zeros;
    a batch of no sequences gives none. `RNN(SimpleRNNCell(units))` is `SimpleRNN(units)`: sequences
    go through that.

    Args: those of `SimpleRNN` that are about one step, in this order.

    Raises:
        ValueError: the inputs or states are not of these shapes.

    Example:
        >>> import torch
        >>> output, [h] = SimpleRNNCell(4)(torch.ones(2, 3), [torch.zeros(2, 4)])
        >>> torch.equal(output, h)
        True
    """

    def __init__(
        self, units: Positive,
        activation: Function = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Share = 0.0, recurrent_dropout: Share = 0.0, seed: Seed = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, None, use_bias,
            weight_options(locals(), "kernel", "recurrent", "bias"),
            dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip


class SimpleRNN(Recurrent, _SimpleRNN):
    """A recurrent layer without gates (Elman, 1990), on real steps only.

    Shapes: Ragged (batch, steps*, feature) to (batch, units), the state after each sequence's own
    last step; with `return_sequences` to Ragged (batch, steps*, units). Dense (batch, time,
    feature) gives dense. With `return_state`: [output, h], each state (batch, units). An empty
    sequence gives its initial state: zeros, unless another is given.

    Args:
        units: size of the state.
        activation: of the state.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (feature, units).
        recurrent_initializer: of `recurrent_kernel` (units, units).
        bias_initializer: of `bias` (units,).
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties on these, as "l2".
        activity_regularizer: a penalty on what comes out, at real steps.
        kernel_constraint, recurrent_constraint, bias_constraint: what these are kept to after every
            update, as "non_neg".
        dropout, recurrent_dropout: rates on the inputs and on the state that is fed back.
        seed: of the dropouts' own generator.
        return_sequences, return_state, go_backwards, stateful, zero_output_for_mask: see `RNN`.
        unroll: changes nothing, a way of Keras's to compute.

    Raises:
        ValueError: the input is no sequence of feature vectors.

    Example:
        >>> SimpleRNN(4)(Ragged.from_list([[[1., 2.]], []])).shape
        torch.Size([2, 4])
    """

    def __init__(
        self, units: Positive,
        activation: Function = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Share = 0.0, recurrent_dropout: Share = 0.0,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, seed: Seed = None,
        **kwargs: Unpack[WithoutPenalty],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, None, use_bias,
            weight_options(locals(), "kernel", "recurrent", "bias"),
            dropout, recurrent_dropout, seed, activity_regularizer=activity_regularizer,
            return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
            stateful=stateful, unroll=unroll, **kwargs,
        )  # fmt: skip
