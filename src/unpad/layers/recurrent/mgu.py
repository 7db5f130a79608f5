"""MGU and MGUCell: the minimal gated unit."""

from __future__ import annotations

from typing import Any, Unpack

from ...arguments import Positive, Seed, Share
from ...core.options import LayerOptions, WithoutPenalty
from ...core.weight_options import weight_options
from .cell import Cell, Function
from .recurrent import Recurrent


class _MGU(Cell):
    """What MGU and MGUCell share: what the kernels call it, and its weights."""

    @property
    def operator(self) -> str:
        return "mgu"


class MGUCell(_MGU):
    """One step of the minimal gated unit (Zhou et al., 2016): a GRU whose one gate does both.

        f = recurrent_activation(x W + b + h U)
        n = activation(x W + b + (f h) U);  h' = (1 - f) h + f n

    Shapes: inputs (batch, feature) and states [h], (batch, units), to the output (batch, units) and
    the next state in a list; as a tensor where it came as one. Without states it starts from zeros;
    a batch of no sequences gives none. `RNN(MGUCell(units))` is `MGU(units)`: sequences go through
    that.

    Args: those of `MGU` that are about one step, in this order.

    Raises:
        ValueError: the inputs or states are not of these shapes.

    Example:
        >>> import torch
        >>> output, [h] = MGUCell(4)(torch.ones(2, 3), [torch.zeros(2, 4)])
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
        dropout: Share = 0.0, recurrent_dropout: Share = 0.0, seed: Seed = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias,
            weight_options(locals(), "kernel", "recurrent", "bias"),
            dropout, recurrent_dropout, seed, **kwargs,
        )  # fmt: skip


class MGU(Recurrent, _MGU):
    """The minimal gated unit (Zhou et al., 2016), on real steps only: a GRU with one gate.

    With a third fewer weights than a GRU it does as well on the tasks that its authors tried. Keras
    has none; see `MGUCell` for the equations.

    Shapes: Ragged (batch, steps*, feature) to (batch, units), the state after each sequence's own
    last step; with `return_sequences` to Ragged (batch, steps*, units). Dense (batch, time,
    feature) gives dense. With `return_state`: [output, h], each state (batch, units). An empty
    sequence gives its initial state: zeros, unless another is given.

    Args:
        units: size of the state.
        activation: of the candidate.
        recurrent_activation: of the gate.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (feature, 2 * units), the gate and then the candidate.
        recurrent_initializer: of `recurrent_kernel` (units, 2 * units).
        bias_initializer: of `bias` (2 * units,).
        The others: see `SimpleRNN`.

    Raises:
        ValueError: the input is no sequence of feature vectors.

    Example:
        >>> MGU(4, return_sequences=True)(Ragged.from_list([[[1., 2.]], []])).lengths
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
        stateful: bool = False, unroll: bool = False,
        **kwargs: Unpack[WithoutPenalty],
    ) -> None:  # fmt: skip
        super().__init__(
            units, activation, recurrent_activation, use_bias,
            weight_options(locals(), "kernel", "recurrent", "bias"),
            dropout, recurrent_dropout, seed, activity_regularizer=activity_regularizer,
            return_sequences=return_sequences, return_state=return_state, go_backwards=go_backwards,
            stateful=stateful, unroll=unroll, **kwargs,
        )  # fmt: skip
