"""LSTMCell: one step of long short-term memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ...arguments import Positive, Seed, Share
from ...core.options import LayerOptions
from .cell import Cell


class LSTMCell(Cell):
    """One step of long short-term memory (Hochreiter and Schmidhuber, 1997).

        i, f, o = recurrent_activation(x W + h U + b);  g = activation(the same)
        c' = f c + i g;  h' = o activation(c')

    Shapes: inputs (batch, feature) and states [h, c], each (batch, units), to the output (batch,
    units) and the next states. Without states it starts from zeros; a batch of no sequences gives
    none. `RNN(LSTMCell(units))` is `LSTM(units)`: sequences go through that.

    Args:
        units: size of the state.
        activation: of the cell and the output.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (feature, 4 * units), gates in the order i, f, c, o.
        recurrent_initializer: of `recurrent_kernel` (units, 4 * units).
        bias_initializer: of `bias` (4 * units,).
        unit_forget_bias: starts the forget gate's bias at 1.
        kernel_regularizer: a penalty on `kernel`, as "l2".
        recurrent_regularizer: a penalty on `recurrent_kernel`.
        bias_regularizer: a penalty on `bias`.
        kernel_constraint: applied to `kernel` after every update, as "non_neg".
        recurrent_constraint: applied to `recurrent_kernel` after every update.
        bias_constraint: applied to `bias` after every update.
        dropout: rate on the inputs.
        recurrent_dropout: rate on the state that is fed back.
        seed: of the dropouts' own generator.

    Raises:
        ValueError: the inputs or states are not of these shapes.

    Example:
        >>> import torch
        >>> output, [h, c] = LSTMCell(4)(torch.ones(2, 3), [torch.zeros(2, 4), torch.zeros(2, 4)])
        >>> output.shape
        torch.Size([2, 4])
    """

    cell_states = 2

    def __init__(
        self,
        units: Positive,
        activation: str | Callable[[Tensor], Tensor] | None = "tanh",
        recurrent_activation: str | Callable[[Tensor], Tensor] | None = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Share = 0.0,
        recurrent_dropout: Share = 0.0,
        seed: Seed = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            units, activation, recurrent_activation, use_bias, kernel_initializer,
            recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.unit_forget_bias = unit_forget_bias

    @property
    def operator(self) -> str:
        return "lstm"

    def first_bias(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        bias = self.bias_initializer(shape, dtype)
        if self.unit_forget_bias:
            bias[self.units : 2 * self.units] = 1
        return bias
