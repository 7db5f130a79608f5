"""SimpleRNNCell: one step of a recurrent layer without gates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from torch import Tensor

from ...arguments import Positive, Seed, Share
from ...core.options import LayerOptions
from .cell import Cell


class SimpleRNNCell(Cell):
    """One step of a recurrent layer without gates (Elman, 1990).

        h' = activation(x W + h U + b)

    Shapes: inputs (batch, feature) and states [h], (batch, units), to the output (batch, units) and
    the next state in a list; as a tensor where it came as one. Without states it starts from zeros;
    a batch of no sequences gives none. `RNN(SimpleRNNCell(units))` is `SimpleRNN(units)`: sequences
    go through that.

    Args:
        units: size of the state.
        activation: of the state.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (feature, units).
        recurrent_initializer: of `recurrent_kernel` (units, units).
        bias_initializer: of `bias` (units,).
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
        >>> output, [h] = SimpleRNNCell(4)(torch.ones(2, 3), [torch.zeros(2, 4)])
        >>> torch.equal(output, h)
        True
    """

    not_in_keras = {"recurrent_activation": "linear"}

    def __init__(
        self,
        units: Positive,
        activation: str | Callable[[Tensor], Tensor] | None = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
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
            units, activation, None, use_bias, kernel_initializer, recurrent_initializer,
            bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer,
            kernel_constraint, recurrent_constraint, bias_constraint, dropout, recurrent_dropout,
            seed, **kwargs,
        )  # fmt: skip

    @property
    def operator(self) -> str:
        return "simple_rnn"
