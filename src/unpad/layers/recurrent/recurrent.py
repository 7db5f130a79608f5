"""What recurrent layers share: options, states from batch to batch, and what they give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec, Specs
from ...core.structure import flat, mapped
from ...ragged import Layout, Ragged
from ...ragged.numbers import as_tensor
from ..merging.pairs import check_agreement, check_lengths
from .any_cell import (
    hooked,
    in_type_of,
    initial_states,
    is_own,
    leaves_of,
    like_of,
    state_count,
    step_specs,
    walk_any,
)
from .cell import Cell
from .stacked_rnn_cells import cells_in, in_stack


class Recurrent(Layer):
    """A layer that walks each sequence with a cell and stops at its end.

    A missing step is skipped: the state is carried over it. `go_backwards` starts at each
    sequence's own end and gives its outputs in the order walked, as in Keras.

    A stateful layer carries its states from batch to batch, row by row: long sequences are cut
    into pieces, and sequence i of a batch goes on where sequence i of the batch before ended,
    whatever their lengths. An empty piece leaves its row's state as it is. Gradients stop between
    batches. `reset_state()` forgets all; `reset_state(rows)` only those rows whose sequence is
    over, so that the next one starts there while the others go on. Batches keep their size; after
    `reset_state()` they may have another. `fit` needs shuffle=False and resets nothing by itself.

    Args:
        return_sequences: every step's output, or the last.
        return_state: whether the final states are given too.
        go_backwards: whether each sequence is walked from its end.
        stateful: whether a batch starts from the states in which the one before it ended.
        unroll: changes nothing, a way of Keras's to compute.
        zero_output_for_mask: changes nothing: a missing step has no output here, so none can be
            anything but 0 in a grid. Taken so that Keras's scripts run.
    """

    takes = "one"
    _in_time = True
    #: The cell that it walks with; an LSTM is its own.
    cell: Any

    def __init__(
        self,
        *args: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(*args, **kwargs)
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.states: list[Tensor] | None = None

    def get_config(self) -> dict[str, Any]:
        names = (
            "return_sequences", "return_state", "go_backwards", "stateful", "unroll",
            "zero_output_for_mask",
        )  # fmt: skip
        return {**super().get_config(), **{n: getattr(self, n) for n in names}}

    @property
    def cells(self) -> list[Any]:
        """The cells that it walks with, from the bottom to the top."""
        return cells_in(self.cell)

    @property
    def state_count(self) -> int:
        """The number of its states."""
        return sum(map(state_count, self.cells))

    # --- what comes out --------------------------------------------------------------------------

    def build(self, spec: Spec, initial_state: Any = None) -> None:
        super().build(spec)

    def output_spec(self, spec: Any, initial_state: Any = None) -> Specs:
        bottom, lead = self.cells[0], self._one_time(flat(spec))
        out: Any = step_of(spec)
        if is_own(bottom):
            if not isinstance(spec, Spec):
                raise ValueError(
                    f"{self.who}: expected one input, got {len(flat(spec))}. Join them first, as "
                    "Concatenate()([a, b]); a cell of your own may take several."
                )
            feature = out.shape
            if (not spec.ragged and not lead) or len(feature) != 1 or feature[0] is None:
                raise ValueError(
                    f"{self.who}: expected sequences of feature vectors, (batch, steps*, feature), "
                    f"got {spec}. Ids go through Embedding first; one number a step needs "
                    "x[..., None] and Input(shape=(None, 1))."
                )
            if bottom.built and feature[0] != bottom.kernel.shape[0]:
                raise ValueError(
                    f"{self.who}: built for {bottom.kernel.shape[0]} features, got {spec}."
                )
        states: list[Any] = []
        for cell in self.cells:
            out, more = step_specs(cell, out, self.who)
            states.append(more)
        arranged = in_stack(self.cell, iter(states))
        self._check_state_specs(initial_state, arranged)

        def of_all(one: Spec) -> Spec:
            like = first.with_shape((*lead, *one.shape)) if self.return_sequences else None
            return (like or first.rows(one.shape)).with_dtype(one.dtype)

        first = flat(spec)[0]
        output = mapped(of_all, out)
        return [output, *arranged] if self.return_state else output

    def _one_time(self, specs: list[Spec]) -> tuple[int | None, ...]:
        """The axis of time of dense inputs, () of Ragged.

        Raises:
            ValueError: they are no sequences, or not of the same steps.
        """
        for i, spec in enumerate(specs):
            if not spec.ragged and not spec.shape and not is_own(self.cells[0]):
                raise ValueError(
                    f"{self.who}: expected sequences, (batch, steps*, ...), got {spec}."
                )
            if spec.ragged != specs[0].ragged:
                raise ValueError(
                    f"{self.who}: expected inputs of the same steps, got {specs[0]} as input 0 and "
                    f"{spec} as input {i}. Give all as a Ragged, or all as grids."
                )
            check_lengths(specs[0], spec, 0, i, self.who)
        times = {spec.shape[:1] for spec in specs if not spec.ragged} or {()}
        known = times - {(None,)}
        if len(known) > 1:
            raise ValueError(
                f"{self.who}: expected inputs of the same steps, got {', '.join(map(str, specs))}."
            )
        return known.pop() if known else (None,)

    def _check_state_specs(self, given: Any, states: list[Any]) -> None:
        # A tensor or a Symbol has become a Spec; anything else is checked when the layer runs.
        specs, states = leaves_of(given, states), flat(states)
        if not all(isinstance(s, Spec) for s in specs):
            return
        if [(s.shape, s.ragged) for s in specs] != [(s.shape, False) for s in states]:
            raise self._wrong_states(specs, list(map(str, states)))

    def forward(self, inputs: Any, initial_state: Any = None) -> Any:
        """Walks every sequence.

        Args:
            inputs: Ragged (batch, steps*, feature), or dense (batch, time, feature); for a cell
                of one's own a tree of them.
            initial_state: the state or states, each (batch, size); by default those that the cell
                starts from, zeros, or where the batch before ended if stateful.
        """
        check_steps(flat(inputs), self.who)
        sequences, rebuild = as_ragged(inputs)
        ends = self.return_state or not self.return_sequences or remembers(self)
        outputs, last, states = self.walk(sequences, initial_state, ends)
        output: Any = last
        if self.return_sequences:
            backwards = self.go_backwards
            output = mapped(lambda x: rebuild(x.reversed() if backwards else x), outputs)
        return [output, *states] if self.return_state else output

    def walk(
        self, inputs: Any, initial_state: Any, ends: bool = True
    ) -> tuple[Any, Any, list[Any]]:
        """The outputs, each at its own step; the last of each sequence; the final states.

        Args:
            inputs: (batch, steps*, *feature), or a tree of such.
            initial_state: see `forward`.
            ends: whether the last outputs and the final states are wanted.
        """
        parts: list[Ragged] = flat(inputs)
        like = like_of([part.values for part in parts])
        start = self.start(initial_state, like, parts[0].batch)
        last, ended = None, []
        for cell in self.cells:
            mine = None
            if start is not None:
                count = state_count(cell)
                mine, start = start[:count], start[count:]
            inputs, last, states = walk_any(cell, inputs, mine, self.go_backwards, self.who, ends)
            ended.append(states)
        final = in_stack(self.cell, iter(ended)) if ends else []
        if ends:
            self.remember(flat(final))
        return inputs, last, final

    # --- states from batch to batch --------------------------------------------------------------

    def first_states(self, batch: int, like: Tensor) -> list[Any]:
        """What the cells start from, as the states come that `return_state` gives.

        Args:
            batch: the number of sequences.
            like: gives zeros their type and device.
        """
        return in_stack(self.cell, (initial_states(cell, batch, like) for cell in self.cells))

    def start(self, given: Any, like: Tensor, batch: int) -> list[Tensor] | None:
        """The states to start from, flat: given, else remembered; None for the cell's own.

        Raises:
            ValueError: they are not of this batch.
        """
        carried = given is None
        given = self.states if carried else given
        if given is None:
            return None
        first = self.first_states(batch, like)
        states = leaves_of(given, first)
        states = [in_type_of(like, as_tensor(s, f"{self.who}: initial_state")) for s in states]
        expected = [tuple(s.shape) for s in flat(first)]
        if [tuple(s.shape) for s in states] == expected:
            return states
        if carried:
            raise ValueError(
                f"{self.who}: stateful, and the batch before had {len(states[0])} sequences, this "
                f"one {batch}. Batches go on row by row: keep their size, or reset_state() first."
            )
        raise self._wrong_states([tuple(s.shape) for s in states], expected)

    def _wrong_states(self, given: list[Any], expected: list[Any]) -> ValueError:
        count = len(expected)
        # States of one shape are named once.
        shown = expected[:1] if len(set(expected)) == 1 else expected
        return ValueError(
            f"{self.who}: expected initial_state as {count} tensor{'s' * (count > 1)} "
            f"{', '.join(map(str, shown))}, got {', '.join(map(str, given)) or 'none'}."
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
        chosen = as_tensor(rows, f"{self.who}: rows", self.states[0].device)
        if chosen.dtype != torch.bool or not chosen.numel():
            chosen = chosen.long()
        first = flat(self.first_states(len(self.states[0]), like_of(self.states)))
        with torch.no_grad():
            for state, anew in zip(self.states, first, strict=True):
                state[chosen] = anew[chosen]

    def carried(self) -> dict[str, Any]:
        """The states in which the batch before ended are among what is carried."""
        return {**super().carried(), "states": self.states}

    def carry(self, carried: Mapping[str, Any]) -> None:
        super().carry(carried)
        states, weight = carried["states"], next(self.parameters(), None)
        device = None if weight is None else weight.device
        self.states = None if states is None else [s.to(device) for s in states]

    def reset_states(self, rows: Sequence[int] | Tensor | None = None) -> None:
        """The older name of `reset_state`."""
        self.reset_state(rows)


def as_ragged(inputs: Any) -> tuple[Any, Callable[[Ragged], Ragged | Tensor]]:
    """A dense batch as sequences of equal length, and the way back for what comes of them.

    Args:
        inputs: one batch, or a tree of batches of the same steps.
    """
    first = flat(inputs)[0]
    if isinstance(first, Ragged):
        return inputs, lambda outputs: outputs
    batch, time = first.shape[:2]
    layout = Layout.full(batch, time).to(first.device)
    ragged = mapped(lambda part: Ragged._trusted(part.flatten(0, 1), layout), inputs)
    return ragged, lambda outputs: outputs.values.view(batch, time, *outputs.values.shape[1:])


def check_steps(inputs: list[Any], who: str) -> None:
    """Raises a ValueError where inputs have not the same steps."""
    first, grids = inputs[0], [part for part in inputs if not isinstance(part, Ragged)]
    if isinstance(first, Ragged):
        for i, part in enumerate(inputs[1:], 1):
            check_agreement(first, part, 0, i, who)
    elif len({tuple(part.shape[:2]) for part in grids}) > 1:
        shown = ", ".join(str(tuple(part.shape)) for part in grids)
        raise ValueError(f"{who}: expected inputs of the same batch and time, got {shown}.")


def step_of(spec: Any) -> Any:
    """One step of sequences of this spec, as a cell sees it: a row each."""
    if isinstance(spec, Spec):
        return Spec(spec.shape if spec.ragged else spec.shape[1:], False, spec.dtype)
    return mapped(step_of, spec)


def walks_plainly(layer: Any) -> bool:
    """Whether `walk` is all there is to a layer's call."""
    plain = isinstance(layer, Recurrent) and type(layer).forward is Recurrent.forward
    return plain and layer.activity_regularizer is None and not hooked(layer)


def remembers(layer: Recurrent) -> bool:
    """Whether a layer is to be told its final states."""
    return layer.stateful or type(layer).remember is not Recurrent.remember


def own_cell(layer: Any) -> Cell | None:
    """The one cell of unpad's own that a layer walks with, if that is all there is to it."""
    cells = layer.cells if walks_plainly(layer) else []
    return cells[0] if len(cells) == 1 and is_own(cells[0]) else None
