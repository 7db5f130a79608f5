"""What recurrent layers share: options, weights, dropout, states, and the walk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .. import kernels
from ..errors import refuse
from ..ragged import Layout, Ragged
from ..ragged.arrays import as_integers
from . import activations, initializers
from .dense import positive
from .dropout import Draw, checked_rate
from .layer import Layer
from .spec import Spec, Specs


class Recurrent(Layer):
    """A cell that walks each sequence and stops at its end.

    A missing step is skipped: the state is carried over it. `go_backwards` starts at each
    sequence's own end and gives its outputs in the order walked, as in Keras.

    Dropout draws once a sequence (Gal and Ghahramani, 2016): one mask for the inputs, one for each
    gate for the state that is fed back.

    Args:
        units: size of the state.
        activation: of the cell.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        kernel_initializer: of `kernel` (feature, gates * units).
        recurrent_initializer: of `recurrent_kernel` (units, gates * units).
        bias_initializer: of `bias`.
        dropout: rate on the inputs.
        recurrent_dropout: rate on the state that is fed back.
        seed: of the dropouts' own generator.
        return_sequences: every step's output, or the last.
        return_state: whether the final state is given too.
        go_backwards: whether each sequence is walked from its end.
        stateful: whether a batch starts from the states in which the one before it ended, row by
            row; `reset_state` forgets them, all or chosen rows.
    """

    takes = "one"
    cell_states = 1  # h, or h and c

    def __init__(
        self,
        units: int,
        *,
        activation: str | Callable[[Tensor], Tensor] | None,
        recurrent_activation: str | Callable[[Tensor], Tensor] | None,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        unsupported: dict[str, Any],
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        return_sequences: bool,
        return_state: bool,
        go_backwards: bool,
        stateful: bool,
        unroll: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        refuse(self.who, **unsupported, unroll=unroll)
        self.units = positive(units, "units", self.who)
        self.activation = activations.get(activation, self.who)
        self.recurrent_activation = activations.get(recurrent_activation, self.who)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer, self.who)
        self.recurrent_initializer = initializers.get(recurrent_initializer, self.who)
        self.bias_initializer = initializers.get(bias_initializer, self.who)
        self.dropout = checked_rate(dropout, "dropout", self.who)
        self.recurrent_dropout = checked_rate(recurrent_dropout, "recurrent_dropout", self.who)
        self.seed = seed
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.states: list[Tensor] | None = None
        self._draw = Draw(seed)

    #: What `get_config` gives beside the options that all of these have.
    own_options: tuple[str, ...] = ()

    def get_config(self) -> dict[str, Any]:
        names = (
            "units", "activation", "use_bias", "kernel_initializer", "recurrent_initializer",
            "bias_initializer", "dropout", "recurrent_dropout", "seed", "return_sequences",
            "return_state", "go_backwards", "stateful", "trainable", "dtype", *self.own_options,
        )  # fmt: skip
        return {**{n: getattr(self, n) for n in names}, "name": self.given_name}

    @property
    def cell(self) -> str:
        """The operator's name for the cell."""
        raise NotImplementedError

    @property
    def gates(self) -> int:
        """Blocks of units in the kernels."""
        return kernels.GATES[self.cell]

    def build(self, spec: Spec) -> None:
        feature, units, gates = spec.shape[-1], self.units, self.gates
        assert feature is not None
        self.kernel = self.add_weight("kernel", (feature, gates * units), self.kernel_initializer)
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", (units, gates * units), self.recurrent_initializer
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight("bias", self.bias_shape, self.first_bias)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """Of `bias`."""
        return (self.gates * self.units,)

    def first_bias(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """The bias before training."""
        return self.bias_initializer(shape, dtype)

    def biases(self) -> tuple[Tensor | None, Tensor | None]:
        """The bias of the inputs and that of the state, where there is one."""
        return self.bias, None

    def output_spec(self, spec: Spec, initial_state: Any = None) -> Specs:
        if len(spec.shape) != (1 if spec.ragged else 2) or spec.shape[-1] is None:
            raise ValueError(
                f"{self.who}: expected sequences of feature vectors, (batch, steps*, feature), got "
                f"{spec}. Ids go through Embedding first; one number a step needs x[..., None] and "
                "Input(shape=(None, 1))."
            )
        if self.built and spec.shape[-1] != self.kernel.shape[0]:
            raise ValueError(f"{self.who}: built for {self.kernel.shape[0]} features, got {spec}.")
        state = spec.rows((self.units,))
        output = spec.with_last(self.units) if self.return_sequences else state
        return [output, *[state] * self.cell_states] if self.return_state else output

    def forward(
        self, inputs: Ragged | Tensor, initial_state: Sequence[Tensor] | Tensor | None = None
    ) -> Any:
        """Walks every sequence.

        Args:
            inputs: Ragged (batch, steps*, feature), or dense (batch, time, feature).
            initial_state: the state or states, each (batch, units); zeros by default, or where the
                batch before ended if stateful.
        """
        sequences, rebuild = as_ragged(inputs)
        outputs, states = walk([self], sequences, self.start(initial_state, sequences.batch))
        self.remember(states)
        output: Any = states[0]
        if self.return_sequences:
            ragged = sequences.with_values(outputs)
            output = rebuild(ragged.reversed() if self.go_backwards else ragged)
        return [output, *states] if self.return_state else output

    # --- states from batch to batch --------------------------------------------------------------

    def start(self, given: Sequence[Tensor] | Tensor | None, batch: int) -> list[Tensor] | None:
        """The states to start from: those given, else those remembered; None for zeros.

        Raises:
            ValueError: they are not of this batch.
        """
        carried = given is None
        states = self.states if carried else [given] if isinstance(given, Tensor) else list(given)
        if states is None:
            return None
        expected, count = (batch, self.units), self.cell_states
        if len(states) == count and all(tuple(s.shape) == expected for s in states):
            return states
        if carried:
            raise ValueError(
                f"{self.who}: stateful, and the batch before had {len(states[0])} sequences, this "
                f"one {batch}. Batches go on row by row: keep their size, or reset_state() first."
            )
        got = ", ".join(str(tuple(s.shape)) for s in states)
        raise ValueError(
            f"{self.who}: expected initial_state as {count} tensor{'s' * (count > 1)} {expected}, "
            f"got {got or 'none'}."
        )

    def remember(self, states: Sequence[Tensor]) -> None:
        """Keeps the final states for the next batch, cut from the gradient."""
        if self.stateful:
            self.states = [s.detach().clone() for s in states]

    def reset_state(self, rows: Sequence[int] | Tensor | None = None) -> None:
        """Forgets the states of these rows of the batch, or of all.

        Args:
            rows: which sequences start anew: indices or a (batch,) mask.
        """
        if rows is None or self.states is None:
            self.states = None
            return
        for state in self.states:
            state[as_integers(rows, state.device)] = 0


def walk(
    layers: Sequence[Recurrent], inputs: Ragged, initial_state: Sequence[Tensor] | None
) -> tuple[Tensor, list[Tensor]]:
    """One layer, or both directions of a Bidirectional in one call of the operator.

    Args:
        layers: of the same cell, units and options; each says by `go_backwards` its way.
        inputs: (batch, steps*, feature).
        initial_state: the states of each layer in turn.

    Returns:
        outputs (steps, layers * units), each at its own step; the final states of each layer in
        turn, (batch, units).
    """
    first = layers[0]
    values = inputs.values
    if first.training and first.dropout:
        drop = first._draw.keep((inputs.batch, values.shape[1]), first.dropout, values)
        values = (inputs * drop).values
    mask = None
    if first.training and first.recurrent_dropout:
        shape = (len(layers), inputs.batch, first.gates, first.units)
        mask = first._draw.keep(shape, first.recurrent_dropout, values)
    h0 = c0 = None
    count = first.cell_states
    if initial_state is not None:
        h0 = torch.stack(tuple(initial_state[::count]))
        c0 = torch.stack(tuple(initial_state[1::2])) if count == 2 else None
    biases = [layer.biases() for layer in layers]
    outputs, h, c = kernels.trusted(
        first.cell,
        values,
        inputs.offsets,
        [layer.kernel for layer in layers],
        [layer.recurrent_kernel for layer in layers],
        [b for b, _ in biases if b is not None],
        [b for _, b in biases if b is not None],
        h0,
        c0,
        mask,
        _for_kernel(first.activation),
        _for_kernel(first.recurrent_activation),
        [layer.go_backwards for layer in layers],
    )
    pairs = zip(h, c, strict=True) if count == 2 else ((state,) for state in h)
    return outputs, [state for pair in pairs for state in pair]


def _for_kernel(activation: Callable[[Tensor], Tensor]) -> str | Callable[[Tensor], Tensor]:
    """The activation by the name that the kernels know, or as the function it is."""
    name = activations.name_of(activation)
    return name if name in kernels.KNOWN else activation


def as_ragged(inputs: Ragged | Tensor) -> tuple[Ragged, Callable[[Ragged], Ragged | Tensor]]:
    """A dense batch as sequences of equal length, and the way back for what comes of them."""
    if isinstance(inputs, Ragged):
        return inputs, lambda outputs: outputs
    batch, time = inputs.shape[:2]
    layout = Layout.full(batch, time).to(inputs.device)
    ragged = Ragged._trusted(inputs.flatten(0, 1), layout)
    return ragged, lambda outputs: outputs.values.unflatten(0, (batch, time))
