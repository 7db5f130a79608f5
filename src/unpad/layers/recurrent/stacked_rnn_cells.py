"""StackedRNNCells: cells on top of each other as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from ...core.layer import Layer
from ...core.options import LayerOptions
from ...core.spec import Spec, Specs
from ...core.structure import arranged, flat
from ...serialization import as_data
from .any_cell import (
    build_cell,
    check_cell,
    fresh_cell,
    initial_states,
    leaves_of,
    step_specs,
    stepper,
    together,
)
from .cell import refuse_symbols


class StackedRNNCells(Layer):
    """Recurrent cells on top of each other: each takes what the one below gives.

    `RNN(StackedRNNCells(cells))`, or `RNN(cells)`, walks sequences with them, one cell after
    another along whole sequences, so that unpad's own cells run as fast as layers do. Called by
    itself it takes one step: inputs (batch, feature) to the output (batch, output_size) and the
    states, a list of each cell's.

    Args:
        cells: from the bottom to the top.

    Raises:
        ValueError: one of them is no cell.

    Example:
        >>> from unpad.layers import RNN, GRUCell, LSTMCell
        >>> layer = RNN(StackedRNNCells([LSTMCell(4), GRUCell(3)]))
        >>> layer(Ragged.from_list([[[1., 2.]], []])).shape
        torch.Size([2, 3])
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        if not isinstance(cells, (list, tuple)) or not cells:
            raise ValueError(f"{self.who}: expected a list of cells, got {cells!r}.")
        for i, cell in enumerate(cells):
            check_cell(cell, self.who)
            if any(cell is other for other in cells[:i]):
                raise ValueError(f"{self.who}: the cell at {i} stands there twice; none is shared.")
        self.cells = list(cells)  # of modules alone it becomes a ModuleList
        for i, cell in enumerate(cells):
            if isinstance(cell, torch.nn.Module) and isinstance(self.cells, list):
                self.add_module(f"cell_{i}", cell)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [as_data(fresh_cell(c)) for c in self.cells]}

    @property
    def state_size(self) -> list[Any]:
        """Of each cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """Of the top cell."""
        top = self.cells[-1]
        size = getattr(top, "output_size", None)
        return flat(top.state_size)[0] if size is None else size

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """The states that each cell starts from, (batch, size) each, in a list.

        Args:
            batch_size: the number of sequences.
        """
        like = next(self.parameters(), torch.empty(0, dtype=self.dtype))
        return [initial_states(cell, batch_size, like) for cell in self.cells]

    def build(self, spec: Spec, states: Any = None) -> None:
        for cell in self.cells:
            build_cell(cell, spec)
            spec, _ = step_specs(cell, spec, self.who)

    def output_spec(self, spec: Spec, states: Any = None) -> Specs:
        of_states = []
        for cell in self.cells:
            spec, more = step_specs(cell, spec, self.who)
            of_states += more
        return [spec, *of_states]

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """One step of each cell; see `forward`."""
        refuse_symbols(self, inputs)
        if inputs and isinstance(inputs[0], (list, tuple)):
            raise TypeError(f"{self.who}: expected a step, (batch, feature), got a list.")
        return super().__call__(*inputs, **options)

    def _as_batch(self, inputs: Any) -> Any:
        return inputs if isinstance(inputs, (list, tuple)) else super()._as_batch(inputs)

    def _prepare(self, inputs: Any) -> Any:
        if isinstance(inputs, (list, tuple)):
            return [self._prepare(x) for x in inputs]
        return super()._prepare(inputs)

    def _weights_dtype(self) -> torch.dtype | None:
        return next((w.dtype for w in self.parameters()), self.dtype)

    def _note_activity(self, outputs: Any) -> None:
        super()._note_activity(flat(outputs))

    def forward(self, inputs: Tensor, states: Sequence[Any] | None = None) -> tuple[Tensor, Any]:
        """One step of each cell.

        Args:
            inputs: (batch, feature).
            states: of each cell, a tensor or a list of them; by default what they start from.

        Returns:
            The output of the top cell, and the next states of each in the same arrangement.
        """
        after = []
        given = self.get_initial_state(inputs.shape[0]) if states is None else states
        for cell, mine in zip(self.cells, given, strict=True):
            inputs, new = stepper(cell)(inputs, together(mine))
            after.append(arranged(iter(leaves_of(new, together(mine))), mine))
        return inputs, after


def in_stack(cell: Any, states: Iterator[Any]) -> list[Any]:
    """The states of each of a cell's `cells_in` as RNN gives them behind its output.

    Of a stack an entry for each cell: its states as it starts from them.
    """
    if type(cell) is not StackedRNNCells:
        own = together(next(states))
        return [own] if isinstance(own, dict) else list(own)
    return [
        in_stack(part, states) if type(part) is StackedRNNCells else next(states)
        for part in cell.cells
    ]


def cells_in(cell: Any) -> list[Any]:
    """The cells of a stack from the bottom to the top; of any other cell the cell itself."""
    # A stack whose step someone else wrote is a cell of its own.
    if type(cell) is StackedRNNCells:
        return [c for part in cell.cells for c in cells_in(part)]
    return [cell]
