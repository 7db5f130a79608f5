"""LSTM and LSTMCell: long short-term memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ...arguments import OrAuto, Positive, Seed, Share
from ...core.options import LayerOptions, WithoutPenalty
from ...core.weight_options import weight_options
from .cell import Cell, Function
from .recurrent import Recurrent


class _LSTM(Cell):
    """What LSTM and LSTMCell share: what the kernels call it, and its weights."""

    cell_states = 2

    @property
    def operator(self) -> str:
        return "lstm"

    def first_bias(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        bias = self.bias_initializer(shape, dtype)
        if self.unit_forget_bias:
            bias[self.units : 2 * self.units] = 1
        return bias


class LSTMCell(_LSTM):
    """One step of long short-term memory (Hochreiter and Schmidhuber, 1997).

        i, f, o = recurrent_activation(x W + h U + b);  g = activation(the same)
        c' = f c + i g;  h' = o activation(c')

    Shapes: inputs (batch, feature) and states [h, c], each (batch, units), to the output (batch,
    units) and the next states. Without states it starts from zeros; a batch of no sequences gives
    none. `RNN(LSTMCell(units))` is `LSTM(units)`: sequences go through that.

    Args: those of `LSTM` that are about one step, in this order.

    Raises:
        ValueError: the inputs or states are not of these shapes.

    Example:
        >>> import torch
        >>> output, [h, c] = LSTMCell(4)(torch.ones(2, 3), [torch.zeros(2, 4), torch.zeros(2, 4)])
        >>> output.shape
        torch.Size([2, 4])
    """

    def __init__(
        self, units: Positive,
        activation: Function = "tanh", recurrent_activation: Function = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True,
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Share = 0.0, recurrent_dropout: Share = 0.0, seed: Seed = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias,
            weight_options(locals(), "kernel", "recurrent", "bias"),
            dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.unit_forget_bias = unit_forget_bias


class LSTM(Recurrent, _LSTM):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997), on real steps only.

    Shapes: Ragged (batch, steps*, feature) to (batch, units), the state after each sequence's own
    last step; with `return_sequences` to Ragged (batch, steps*, units). Dense (batch, time,
    feature) gives dense. With `return_state`: [output, h, c], each state (batch, units). An empty
    sequence gives its initial state: zeros, unless another is given.

    Args:
        units: size of the state.
        activation: of the cell and the output.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (feature, 4 * units), gates in the order i, f, c, o.
        recurrent_initializer: of `recurrent_kernel` (units, 4 * units).
        bias_initializer: of `bias` (4 * units,).
        unit_forget_bias: starts the forget gate's bias at 1.
        use_cudnn: changes nothing: which path computes is chosen by itself (`kernels.info`).
        implementation: changes nothing, a way of older Keras's to compute.
        The others: see `SimpleRNN`.

    Raises:
        ValueError: the input is no sequence of feature vectors.

    Example:
        >>> LSTM(4)(Ragged.from_list([[[1., 2.]], [[3., 4.], [5., 6.]]])).shape
        torch.Size([2, 4])
    """

    def __init__(
        self, units: Positive,
        activation: Function = "tanh", recurrent_activation: Function = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros", unit_forget_bias: bool = True,
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Share = 0.0, recurrent_dropout: Share = 0.0, seed: Seed = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False,
        use_cudnn: OrAuto = "auto", implementation: Positive = 2,
        **kwargs: Unpack[WithoutPenalty],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias,
            weight_options(locals(), "kernel", "recurrent", "bias"),
            dropout, recurrent_dropout, seed, activity_regularizer=activity_regularizer,
            return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
            stateful=stateful, unroll=unroll, **kwargs,
        )  # fmt: skip
        self.unit_forget_bias = unit_forget_bias
        self.use_cudnn, self.implementation = use_cudnn, implementation
