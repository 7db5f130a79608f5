"""GRU and GRUCell: the gated recurrent unit."""

from __future__ import annotations

from typing import Any, Unpack

from torch import Tensor

from ...arguments import OrAuto, Positive, Seed, Share
from ...core.options import LayerOptions, WithoutPenalty
from ...core.weight_options import weight_options
from .cell import Cell, Function
from .recurrent import Recurrent


class _GRU(Cell):
    """What GRU and GRUCell share: what the kernels call it, and its weights."""

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


class GRUCell(_GRU):
    """One step of the gated recurrent unit (Cho et al., 2014).

        z, r = recurrent_activation(x W + b + h U + b2)
        n = activation(x W + b + r (h U + b2));  h' = z h + (1 - z) n

    Shapes: inputs (batch, feature) and states [h], (batch, units), to the output (batch, units) and
    the next state in a list; as a tensor where it came as one. Without states it starts from zeros;
    a batch of no sequences gives none. `RNN(GRUCell(units))` is `GRU(units)`: sequences go through
    that.

    Args: those of `GRU` that are about one step, in this order.

    Raises:
        ValueError: the inputs or states are not of these shapes.

    Example:
        >>> import torch
        >>> output, [h] = GRUCell(4)(torch.ones(2, 3), [torch.zeros(2, 4)])
        >>> torch.equal(output, h)
        True
    """

    def __init__(
        self, units: Positive,
        activation: Function = "tanh", recurrent_activation: Function = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Share = 0.0, recurrent_dropout: Share = 0.0,
        reset_after: bool = True, seed: Seed = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias,
            weight_options(locals(), "kernel", "recurrent", "bias"),
            dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip
        self.reset_after = reset_after


class GRU(Recurrent, _GRU):
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
        reset_after: whether the reset gate acts after the product with the state's kernel, as
            cuDNN has it, or before, as Cho et al. had it.
        use_cudnn: changes nothing: which path computes is chosen by itself (`kernels.info`).
        implementation: changes nothing, a way of older Keras's to compute.
        The others: see `SimpleRNN`.

    Raises:
        ValueError: the input is no sequence of feature vectors.

    Example:
        >>> GRU(4, return_sequences=True)(Ragged.from_list([[[1., 2.]], []])).lengths
        tensor([1, 0])
    """

    def __init__(
        self, units: Positive,
        activation: Function = "tanh", recurrent_activation: Function = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
        bias_regularizer: Any = None, activity_regularizer: Any = None,
        kernel_constraint: Any = None, recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: Share = 0.0, recurrent_dropout: Share = 0.0, seed: Seed = None,
        return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
        stateful: bool = False, unroll: bool = False, reset_after: bool = True,
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
        self.reset_after = reset_after
        self.use_cudnn, self.implementation = use_cudnn, implementation
