"""GRUCell: one step of the gated recurrent unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from torch import Tensor

from ...arguments import Positive, Seed, Share
from ...core.options import LayerOptions
from .cell import Cell


class GRUCell(Cell):
    """One step of the gated recurrent unit (Cho et al., 2014).

        z, r = recurrent_activation(x W + b + h U + b2)
        n = activation(x W + b + r (h U + b2));  h' = z h + (1 - z) n

    Shapes: inputs (batch, feature) and states [h], (batch, units), to the output (batch, units) and
    the next state in a list; as a tensor where it came as one. Without states it starts from zeros;
    a batch of no sequences gives none. `RNN(GRUCell(units))` is `GRU(units)`: sequences go through
    that.

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
        kernel_constraint: applied to `kernel` after every update, as "non_neg".
        recurrent_constraint: applied to `recurrent_kernel` after every update.
        bias_constraint: applied to `bias` after every update.
        dropout: rate on the inputs.
        recurrent_dropout: rate on the state that is fed back.
        reset_after: whether the reset gate acts after the product with the state's kernel, as
            cuDNN has it, or before, as Cho et al. had it.
        seed: of the dropouts' own generator.

    Raises:
        ValueError: the inputs or states are not of these shapes.

    Example:
        >>> import torch
        >>> output, [h] = GRUCell(4)(torch.ones(2, 3), [torch.zeros(2, 4)])
        >>> torch.equal(output, h)
        True
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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Share = 0.0,
        recurrent_dropout: Share = 0.0,
        reset_after: bool = True,
        seed: Seed = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            units, activation, recurrent_activation, use_bias, kernel_initializer,
            recurrent_initializer, bias_initializer, kernel_regularizer, recurrent_regularizer,
            bias_regularizer, kernel_constraint, recurrent_constraint, bias_constraint, dropout,
            recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.reset_after = reset_after

    @property
    def operator(self) -> str:
        return "gru" if self.reset_after else "gru_reset_before"

    @property
    def bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def biases(self) -> tuple[Tensor | None, Tensor | None]:
        bias = self._weight("bias")
        if bias is None or not self.reset_after:
            return bias, None
        return bias[0], bias[1]
