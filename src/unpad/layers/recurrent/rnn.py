"""RNN: any cell along each sequence."""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch import Tensor

from ...core.options import LayerOptions
from ...core.precision import go_by_inside
from ...core.spec import Spec
from ...serialization import as_data
from .any_cell import build_cell, check_cell, fresh_cell
from .recurrent import Recurrent, step_of
from .stacked_rnn_cells import StackedRNNCells


class RNN(Recurrent):
    """Walks each sequence with a cell: one of unpad's, a stack of them, or one of your own.

    Shapes: Ragged (batch, steps*, feature) to (batch, output), the output at each sequence's own
    last step; with `return_sequences` to Ragged (batch, steps*, output). Dense (batch, time,
    feature) gives dense. With `return_state`: [output, *states]; the states of a stack come flat,
    those of the bottom cell first. An empty sequence ends in its initial states, zeros unless
    others are given; its last output is the state h of a cell of unpad's, and 0 of your own cell,
    which has made none.

    With LSTMCell, GRUCell and SimpleRNNCell it is the layer of that name, on the compiled kernels.
    A cell of your own has `state_size`, an integer or a list of them, and `call(inputs, states)`,
    in a torch module `forward`, that gives the output and the next states. It gets its states in a
    list and may have `get_initial_state(batch_size)`. It sees (rows, feature): all sequences that
    are still running take a step at once, so it treats each row by itself. It computes
    nothing for padding, and is tried on zeros when the model is built. A step that is nothing but
    a computation in torch's operators is called once a batch, to see what it computes now; the
    rest is done by its operators: what does not hang on the state for all steps at once, and so
    the weights' gradients. Any other (it counts, prints, draws numbers, changes a tensor in place,
    reads numbers out of one, has hooks) is called for each step of the longest sequence.

    Args:
        cell: a cell, or a list of them from the bottom to the top, which is `StackedRNNCells`.
        return_sequences: every step's output, or the last.
        return_state: whether the final states are given too.
        go_backwards: whether each sequence is walked from its end.
        stateful: whether a batch starts where the one before it ended; see `Recurrent`.
        unroll: changes nothing, a way of Keras's to compute.
        zero_output_for_mask: changes nothing: a missing step has no output that could be kept.

    Raises:
        ValueError: what is given is no cell, or it fails on the input; the text says how.

    Example:
        >>> import torch
        >>> class Decay(torch.nn.Module):
        ...     state_size = 2
        ...     def forward(self, inputs, states):
        ...         h = 0.5 * states[0] + inputs
        ...         return h, [h]
        >>> x = Ragged.from_list([[[1., 2.]], [[4., 0.], [1., 1.]], []])
        >>> RNN(Decay())(x).tolist()
        [[1.0, 2.0], [3.0, 1.0], [0.0, 0.0]]
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            return_sequences=return_sequences, return_state=return_state,
            go_backwards=go_backwards, stateful=stateful, unroll=unroll,
            zero_output_for_mask=zero_output_for_mask, **kwargs,
        )  # fmt: skip
        if isinstance(cell, (list, tuple, torch.nn.ModuleList)):
            cell = StackedRNNCells(list(cell), dtype=self.given_policy)
        check_cell(cell, self.who)
        self.cell = cell
        go_by_inside(self, cell)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return {**config, "cell": as_data(fresh_cell(self.cell))} if "cell" in config else config

    @property
    def state_size(self) -> Any:
        """The size of the cell's state, or of each."""
        return self.cell.state_size

    def get_initial_state(self, batch_size: int) -> list[Tensor]:
        """The states that the cell starts from, (batch, size), flat.

        Args:
            batch_size: the number of sequences.
        """
        like = next(self.parameters(), torch.empty(0, dtype=self.dtype))
        return self.first_states(batch_size, like)

    def build(self, spec: Spec, initial_state: Any = None) -> None:
        build_cell(self.cell, step_of(spec))

    def _weights_dtype(self) -> torch.dtype | None:
        return next((w.dtype for w in self.parameters()), self.dtype)
