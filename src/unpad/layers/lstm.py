"""LSTM: walks each sequence and stops at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .. import kernels
from ..errors import refuse
from ..ragged import Layout, Ragged
from . import activations, initializers
from .dense import positive
from .dropout import Draw, checked_rate
from .layer import Layer
from .spec import Spec


class LSTM(Layer):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997), on real steps only.

    Shapes: Ragged (batch, steps*, feature) to (batch, units), the state after each sequence's own
    last step; with `return_sequences` to Ragged (batch, steps*, units). Dense (batch, time,
    feature) gives dense. With `return_state`: [output, h, c], the states (batch, units). An empty
    sequence gives its initial state: zeros, unless another is given.

    A missing step is skipped: the state is carried over it. `go_backwards` starts at each
    sequence's own end and gives its outputs in the order walked, as in Keras.

    Dropout draws once a sequence (Gal and Ghahramani, 2016), one mask for all four gates.

    Args:
        units: size of the state.
        activation: of the cell and the output.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (feature, 4 * units), gates in the order i, f, c, o.
        recurrent_initializer: of `recurrent_kernel` (units, 4 * units).
        bias_initializer: of `bias` (4 * units,).
        unit_forget_bias: starts the forget gate's bias at 1.
        dropout: rate on the inputs.
        recurrent_dropout: rate on the state that is fed back.
        seed: of the dropouts' own generator.
        return_sequences: every step's output, or the last.
        return_state: whether the last h and c are given too.
        go_backwards: whether each sequence is walked from its end.

    Raises:
        ValueError: the input is no sequence of feature vectors.
    """

    def __init__(
        self,
        units: int,
        activation: str | Callable[[Tensor], Tensor] | None = "tanh",
        recurrent_activation: str | Callable[[Tensor], Tensor] | None = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        refuse(
            self.who,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            stateful=stateful,
            unroll=unroll,
        )
        self.units = positive(units, "units", self.who)
        self.activation = activations.get(activation, self.who)
        self.recurrent_activation = activations.get(recurrent_activation, self.who)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer, self.who)
        self.recurrent_initializer = initializers.get(recurrent_initializer, self.who)
        self.bias_initializer = initializers.get(bias_initializer, self.who)
        self.unit_forget_bias = unit_forget_bias
        self.dropout = checked_rate(dropout, "dropout", self.who)
        self.recurrent_dropout = checked_rate(recurrent_dropout, "recurrent_dropout", self.who)
        self.seed = seed
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self._draw = Draw(seed)

    def get_config(self) -> dict[str, Any]:
        names = (
            "units", "activation", "recurrent_activation", "use_bias", "kernel_initializer",
            "recurrent_initializer", "bias_initializer", "unit_forget_bias", "dropout",
            "recurrent_dropout", "seed", "return_sequences", "return_state", "go_backwards",
            "trainable", "dtype",
        )  # fmt: skip
        return {**{n: getattr(self, n) for n in names}, "name": self.given_name}

    def build(self, spec: Spec) -> None:
        feature, units = spec.shape[-1], self.units
        assert feature is not None
        self.kernel = self.add_weight("kernel", (feature, 4 * units), self.kernel_initializer)
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", (units, 4 * units), self.recurrent_initializer
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", (4 * units,), self._first_bias)

    def _first_bias(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        bias = self.bias_initializer(shape, dtype)
        if self.unit_forget_bias:
            bias[self.units : 2 * self.units] = 1
        return bias

    def output_spec(self, spec: Spec) -> Spec | list[Spec]:
        if len(spec.shape) != (1 if spec.ragged else 2) or spec.shape[-1] is None:
            raise ValueError(
                f"{self.who}: expected sequences of feature vectors, (batch, steps*, feature), got "
                f"{spec}. Ids go through Embedding first; one number a step needs x[..., None] and "
                "Input(shape=(None, 1))."
            )
        if self.built and spec.shape[-1] != self.kernel.shape[0]:
            raise ValueError(f"{self.who}: built for {self.kernel.shape[0]} features, got {spec}.")
        state = Spec((self.units,), False, spec.dtype)
        output = spec.with_last(self.units) if self.return_sequences else state
        return [output, state, state] if self.return_state else output

    def forward(
        self, inputs: Ragged | Tensor, initial_state: Sequence[Tensor] | None = None
    ) -> Any:
        """Walks every sequence.

        Args:
            inputs: Ragged (batch, steps*, feature), or dense (batch, time, feature).
            initial_state: [h, c], each (batch, units); zeros by default.
        """
        sequences, rebuild = as_ragged(inputs)
        outputs, h, c = walk([self], sequences, initial_state)
        output: Any = h[0]
        if self.return_sequences:
            ragged = sequences.with_values(outputs)
            output = rebuild(ragged.reversed() if self.go_backwards else ragged)
        return [output, h[0], c[0]] if self.return_state else output


def walk(
    layers: Sequence[LSTM], inputs: Ragged, initial_state: Sequence[Tensor] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """One LSTM, or both directions of a Bidirectional in one call of the operator.

    Args:
        layers: of the same units and options; each says by `go_backwards` which way it walks.
        inputs: (batch, steps*, feature).
        initial_state: h and c of each layer in turn.

    Returns:
        outputs (steps, layers * units), each at its own step; h and c (layers, batch, units).
    """
    first = layers[0]
    values = inputs.values
    if first.training and first.dropout:
        drop = first._draw.keep((inputs.batch, values.shape[1]), first.dropout, values)
        values = (inputs * drop).values
    mask = None
    if first.training and first.recurrent_dropout:
        shape = (len(layers), inputs.batch, first.units)
        mask = first._draw.keep(shape, first.recurrent_dropout, values)
    h0 = c0 = None
    if initial_state is not None:
        h0, c0 = _states(first, initial_state, len(layers), inputs.batch)
    biases = [layer.bias for layer in layers if layer.bias is not None]
    return kernels.lstm(
        values,
        inputs.offsets,
        [layer.kernel for layer in layers],
        [layer.recurrent_kernel for layer in layers],
        biases,
        h0,
        c0,
        mask,
        _for_kernel(first.activation),
        _for_kernel(first.recurrent_activation),
        [layer.go_backwards for layer in layers],
    )


def _for_kernel(activation: Callable[[Tensor], Tensor]) -> str | Callable[[Tensor], Tensor]:
    """The activation by the name that the kernels know, or as the function it is."""
    name = activations.name_of(activation)
    return name if name in kernels.KNOWN else activation


def _states(
    layer: LSTM, states: Sequence[Tensor], directions: int, batch: int
) -> tuple[Tensor, Tensor]:
    expected = (batch, layer.units)
    if len(states) != 2 * directions or any(tuple(s.shape) != expected for s in states):
        got = ", ".join(str(tuple(s.shape)) for s in states)
        raise ValueError(
            f"{layer.who}: expected initial_state as {2 * directions} tensors {expected}, h and c "
            f"of each direction, got {got or 'none'}."
        )
    return torch.stack(tuple(states[::2])), torch.stack(tuple(states[1::2]))


def as_ragged(inputs: Ragged | Tensor) -> tuple[Ragged, Callable[[Ragged], Ragged | Tensor]]:
    """A dense batch as sequences of equal length, and the way back for what comes of them."""
    if isinstance(inputs, Ragged):
        return inputs, lambda outputs: outputs
    batch, time = inputs.shape[:2]
    layout = Layout.full(batch, time).to(inputs.device)
    ragged = Ragged._trusted(inputs.flatten(0, 1), layout)
    return ragged, lambda outputs: outputs.values.unflatten(0, (batch, time))
