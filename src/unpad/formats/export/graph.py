"""torch.export of a model: one graph for any number of steps and any number of sequences."""

from __future__ import annotations

from typing import Any

import torch
from torch.export import Dim, ExportedProgram, export
from torch.fx.experimental import _config
from torch.utils import _pytree


class Predicting(torch.nn.Module):
    """A model whose inputs are all of its arguments, as it predicts."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: Any) -> Any:
        return self.model(*inputs)


def graph(model: torch.nn.Module, *inputs: Any) -> ExportedProgram:
    """The graph of what a model predicts, as torch.export makes it.

    The model is run once on the inputs first, which builds it and checks what needs numbers to be
    checked; the graph looks at none. It takes a Ragged where the model took one, of any lengths, 0
    included, and of any number of sequences but none. Save it with `torch.export.save`.

    `torch.export.export` works on a model too. What this adds: a graph made of several sequences
    takes a single one, and a model is put into the mode in which it predicts, and back.

    Args:
        model: a layer or a model.
        inputs: a batch to make the graph with, Ragged or tensors.

    Raises:
        ValueError: as the model's own call.
        torch's errors: a part of the model looks at numbers, as a loop over the sequences does.

    Example:
        >>> import unpad as keras
        >>> model = keras.layers.LSTM(2)
        >>> words = keras.Ragged.from_list([[[1.0], [2.0]], [[3.0]]])
        >>> program = graph(model, words)
        >>> program.module()(keras.Ragged.from_list([[[1.0]]])).shape
        torch.Size([1, 2])
    """
    config: Any = _config
    predicting, training = Predicting(model), model.training
    sizes = tuple(_pytree.tree_map(lambda leaf: {0: Dim.DYNAMIC}, _listed(x)) for x in inputs)
    try:
        model.eval()
        with torch.no_grad():
            model(*inputs)
            # Else what is true of several sequences only would be a condition of the graph.
            with config.patch(backed_size_oblivious=True):
                shapes = {"inputs": sizes}
                made = export(predicting, inputs, dynamic_shapes=shapes, strict=False)
                # They would be written beside the graph, and nothing in a file is unpickled.
                made.example_inputs = None
                return made
    finally:
        model.train(training)


def _listed(batch: Any) -> Any:
    """A batch's tensors, in lists where it holds several."""
    leaves = _pytree.tree_leaves(batch)
    return leaves if len(leaves) > 1 or not isinstance(batch, torch.Tensor) else leaves[0]
