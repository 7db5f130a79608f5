"""torch.export of every layer: one graph for all lengths, which gives the same numbers."""

import io

import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad.formats.export.graph import graph

from ..cases import CASES
from .graphs import assert_same, batch, exported, model_of

#: Cases that give no graph, and why.
_STRINGS = "it looks each number up as a string, in Python"
_TORCH = "it holds a module that is not unpad's and looks at the lengths as numbers"
REFUSED = {
    "Hashing": _STRINGS,
    "Hashing multi_hot": _STRINGS,
    "IntegerLookup": _STRINGS,
    "IntegerLookup count": _STRINGS,
    "Grid": _TORCH,
    "Varlen": _TORCH,
    "Bidirectional(own layer) sequences": "a layer of a user's own that loops over the sequences",
}
LENGTHS = [(1,), (2, 6, 1, 0, 3, 4, 5)]


@pytest.mark.parametrize("name", CASES)
def test_every_layer_is_one_graph_for_all_lengths(name):
    case = CASES[name]
    model = model_of(case)
    if name in REFUSED:
        with pytest.raises(Exception, match=r"(?s).+"):
            exported(model, batch(case))
        return
    run = exported(model, batch(case)).module()
    for lengths in LENGTHS:
        inputs = batch(case, lengths)
        with torch.no_grad():
            assert_same(run(*inputs), model(*inputs))


def test_a_graph_is_saved_and_loaded():
    torch.manual_seed(0)
    model = keras.Sequential([
        keras.layers.Embedding(10, 4),
        keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True)),
        keras.layers.Conv1D(4, 3, padding="same"),
        keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    ids = Ragged.from_list([[1, 2, 3], [], [4, 5]])
    made = graph(model, ids)
    held = io.BytesIO()
    torch.export.save(made, held)
    held.seek(0)
    again = torch.export.load(held).module()
    other = Ragged.from_list([[7], [1, 2, 3, 4, 5, 6], [], [9, 9]])
    assert torch.equal(again(other), made.module()(other))
    torch.testing.assert_close(again(other), model(other))
