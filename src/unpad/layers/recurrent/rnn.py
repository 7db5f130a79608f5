"""RNN: any cell along each sequence."""

from __future__ import annotations

from typing import Any, Unpack

import torch

from ...core.options import LayerOptions
from ...core.precision import go_by_inside
from ...serialization import as_data
from .any_cell import build_cell, check_cell, fresh_cell, is_own
from .recurrent import Recurrent, step_of
from .stacked_rnn_cells import StackedRNNCells


class RNN(Recurrent):
    """Walks each sequence with a cell: one of unpad's, a stack of them, or one of your own.

    Shapes: Ragged (batch, steps*, feature) to (batch, output), the output at each sequence's own
    last step; with `return_sequences` to Ragged (batch, steps*, output). Dense (batch, time,
    feature) gives dense. With `return_state`: [output, *states], the states as the cell arranges
    them, those of a stack cell by cell. An empty sequence ends in its initial states, zeros unless
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

    Inputs, outputs and states of your own cell may lie in lists, tuples and dicts: several inputs
    of the same steps, `RNN(cell)([a, b])` or `RNN(cell)({"a": a, "b": b})`, of which it gets a row
    each in the same arrangement; outputs, each of which is given for every step or the last; and
    states, of which `state_size` holds the sizes, `[2, {"m": 3, "n": torch.Size([4, 5])}]`: an
    integer n stands for (batch, n), a torch.Size or tf.TensorShape for the shape behind the batch.
    (A named tuple comes back as a list from a model's file.)

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

        >>> class Both(torch.nn.Module):
        ...     state_size = [2, torch.Size([2, 2])]
        ...     def forward(self, inputs, states):
        ...         total, products = states
        ...         total = total + inputs["a"] + inputs["b"]
        ...         products = products + inputs["a"][:, :, None] * inputs["b"][:, None]
        ...         return total, [total, products]
        >>> a = Ragged.from_list([[[1., 2.]], [[4., 0.], [1., 1.]], []])
        >>> total, _, products = RNN(Both(), return_state=True)({"a": a, "b": 2 * a})
        >>> products.tolist()[1]
        [[34.0, 2.0], [2.0, 2.0]]
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

    #: Inputs of a cell that takes several are of the same steps.
    pairs_steps = True

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """The states that the cell starts from, (batch, size) each, as `return_state` gives them.

        Args:
            batch_size: the number of sequences.
        """
        like = next(self.parameters(), torch.empty(0, dtype=self.dtype))
        return self.first_states(batch_size, like)

    @property
    def takes(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """One input for unpad's own cells; what one's own takes is its own affair."""
        return "one" if is_own(self.cells[0]) else "tree"

    def build(self, spec: Any, initial_state: Any = None) -> None:
        build_cell(self.cell, step_of(spec))

    def _weights_dtype(self) -> torch.dtype | None:
        return next((w.dtype for w in self.parameters()), self.dtype)
