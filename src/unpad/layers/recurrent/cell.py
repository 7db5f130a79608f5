"""What unpad's own recurrent cells share: options, weights, dropout, and one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ... import kernels
from ...arguments import Positive, Seed, Share
from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec, Specs
from ...core.structure import flat
from ...core.symbol import Symbol
from ...core.weight_options import WeightOptions
from ...ragged import Layout, Ragged
from ...weights import activations
from ..basic.dropout import Draw
from .walk import walk

#: An activation: its name, a callable, or None for none.
Function = str | Callable[[Tensor], Tensor] | None


class Cell(Layer):
    """A recurrent cell: called with inputs and states, it gives an output and the next states.

    `RNN(cell)` walks sequences with it, at the speed of the layer of that name: RNN(LSTMCell(4))
    is LSTM(4). Several of them on top of each other are `StackedRNNCells`.

    Dropout draws once a sequence (Gal and Ghahramani, 2016): one mask for the inputs, one for each
    gate for the state that is fed back. A cell that is called by itself cannot know where a
    sequence starts, and draws at each call.

    Args:
        units: size of the state.
        activation: of the cell.
        recurrent_activation: of the gates.
        use_bias: whether there is a bias.
        weights: what `kernel` (feature, gates * units), `recurrent_kernel` (units, gates * units)
            and `bias` are made with, as kernel, recurrent and bias.
        dropout: rate on the inputs.
        recurrent_dropout: rate on the state that is fed back.
        seed: of the dropouts' own generator.
    """

    cell_states = 1  # h, or h and c

    def __init__(
        self,
        units: Positive,
        activation: Function,
        recurrent_activation: Function,
        use_bias: bool,
        weights: dict[str, WeightOptions],
        dropout: Share,
        recurrent_dropout: Share,
        seed: Seed,
        /,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = activations.get(activation, self.who)
        self.recurrent_activation = activations.get(
            recurrent_activation, self.who, "recurrent_activation"
        )
        self.use_bias = use_bias
        self.keep_options(**weights)
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        self._draw = Draw(seed)
        self._held: tuple[Tensor | None, Tensor | None] | None = None

    # --- what kind it is -------------------------------------------------------------------------

    @property
    def cell(self) -> Cell:
        """Itself: an LSTM is its own cell, so that Keras's `layer.cell.kernel` is found."""
        return self

    @property
    def operator(self) -> str:
        """The kernels' name for the cell."""
        raise NotImplementedError

    @property
    def gates(self) -> int:
        """Blocks of units in the kernels."""
        return kernels.GATES[self.operator]

    @property
    def state_size(self) -> int | list[int]:
        """The size of the state, or of each."""
        return self.units if self.cell_states == 1 else [self.units] * self.cell_states

    @property
    def output_size(self) -> int:
        """The size of the output."""
        return self.units

    # --- weights ---------------------------------------------------------------------------------

    def build(self, spec: Spec, states: Any = None) -> None:
        feature, width = spec.shape[-1], self.gates * self.units
        assert feature is not None
        self.kernel = self.add_kept("kernel", (feature, width))
        self.recurrent_kernel = self.add_kept("recurrent_kernel", (self.units, width), "recurrent")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_kept("bias", self.bias_shape, initializer=self.first_bias)

    @property
    def bias_shape(self) -> tuple[int, ...]:
        """Of `bias`."""
        return (self.gates * self.units,)

    def first_bias(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """The bias before training.

        Args:
            shape: of the bias.
            dtype: of the bias.
        """
        return self.bias_initializer(shape, dtype)

    def biases(self) -> tuple[Tensor | None, Tensor | None]:
        """The bias of the inputs and that of the state, where there is one."""
        return self._weight("bias"), None

    def walk_weights(self) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        """The kernel, the recurrent kernel and the biases."""
        return self._weight("kernel"), self._weight("recurrent_kernel"), *self.biases()

    def _weight(self, name: str) -> Any:
        # Where torch keeps it: by its name it looks for it everywhere else first. One that is made
        # of others (torch.nn.utils.parametrize) is not there.
        own = self._parameters
        return own[name] if name in own else getattr(self, name)

    # --- one step --------------------------------------------------------------------------------

    def get_initial_state(self, batch_size: int) -> list[Tensor]:
        """Zeros (batch, units), one tensor for each state, like the weights.

        Args:
            batch_size: the number of sequences.
        """
        like = self.kernel if self.built else torch.empty(0, dtype=self.dtype)
        return [like.new_zeros(batch_size, self.units) for _ in range(self.cell_states)]

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """One step; see `forward`."""
        if type(self).forward is Cell.forward:
            refuse_symbols(self, inputs)
        return super().__call__(*inputs, **options)

    def output_spec(self, spec: Spec, states: Any = None) -> Specs:
        if spec.ragged or len(spec.shape) != 1 or spec.shape[0] is None:
            raise ValueError(
                f"{self.who}: a cell takes one step, (batch, feature), got {spec}. Sequences go "
                f"through RNN({type(self).__name__}(...))."
            )
        if self.built and spec.shape[0] != self.kernel.shape[0]:
            raise ValueError(f"{self.who}: built for {self.kernel.shape[0]} features, got {spec}.")
        return [spec.with_last(self.units)] * (1 + self.cell_states)

    def forward(self, inputs: Tensor, states: Any = None) -> tuple[Tensor, Any]:
        """One step.

        Args:
            inputs: (batch, feature).
            states: the state or states, each (batch, units); zeros by default.

        Returns:
            The output (batch, units), and the next states in a list; as a tensor where one came.

        Raises:
            ValueError: shapes do not fit.
        """
        bare = isinstance(states, Tensor)
        given = [states] if bare else None if states is None else list(states)
        batch, count = inputs.shape[0], self.cell_states
        if tuple(inputs.shape[1:]) != (self.kernel.shape[0],):
            raise ValueError(
                f"{self.who}: expected inputs as (batch, {self.kernel.shape[0]}), got "
                f"{tuple(inputs.shape)}."
            )
        if given is not None and [tuple(s.shape) for s in given] != [(batch, self.units)] * count:
            got = ", ".join(str(tuple(s.shape)) for s in given) or "none"
            raise ValueError(
                f"{self.who}: expected states as {count} tensor{'s' * (count > 1)} "
                f"{(batch, self.units)}, got {got}."
            )
        if given is not None:
            given = [s.to(inputs) for s in given]
        step = Ragged._trusted(inputs, Layout.full(batch, 1).to(inputs.device))
        output, after = walk([self], [False], step, given)
        return output, after[0] if bare else after

    def _note_activity(self, outputs: Any) -> None:
        super()._note_activity(flat(outputs))

    # --- dropout ---------------------------------------------------------------------------------

    def draws(
        self, batch: int, directions: int, like: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """The masks of a walk: of the inputs, (batch, feature), and of the state that is fed back.

        Args:
            batch: the number of sequences.
            directions: walked at once; the mask of the state is (directions, batch, gates, units).
            like: gives type and device.
        """
        if self._held is not None:
            drop, mask = self._held
            return None if drop is None else drop[:batch], None if mask is None else mask[:, :batch]
        drop = mask = None
        if self.training and self.dropout:
            drop = self._draw.keep((batch, self.kernel.shape[0]), self.dropout, like)
        if self.training and self.recurrent_dropout:
            shape = (directions, batch, self.gates, self.units)
            mask = self._draw.keep(shape, self.recurrent_dropout, like)
        return drop, mask

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_held": None}

    def hold(self, batch: int, like: Tensor) -> None:
        """Draws now, and keeps the masks for all steps until `release`.

        Fewer rows than `batch` in a later step are the first ones.

        Args:
            batch: rows of the batch.
            like: a tensor of the type and device wanted.
        """
        self._held = None
        self._held = self.draws(batch, 1, like)

    @property
    def holds(self) -> bool:
        """Whether masks are held."""
        return any(mask is not None for mask in self._held or ())

    def release(self) -> None:
        """Forgets the masks that are held."""
        self._held = None


def refuse_symbols(cell: Layer, inputs: Any) -> None:
    """Raises where a cell is called on symbols: what it gives has no place in a graph."""
    if any(isinstance(x, Symbol) for x in flat(inputs)):
        kind = type(cell).__name__
        raise ValueError(
            f"{cell.who}: a cell takes one step, and stands in no graph by itself. In a model: "
            f"RNN({kind}(...))(sequences, initial_state=states)."
        )
