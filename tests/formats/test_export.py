"""torch.export of every layer: one graph for all lengths, which gives the same numbers."""

import io

import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad.formats.export.graph import graph
from unpad.formats.export.onnx.model import program_of

from ..cases import CASES
from ..examples import TIMES
from .export_table import REFUSED
from .graphs import assert_same, batch, exported, model_of
from .runtimes import assert_answers, drawn, written

#: Of each layer a case, and where the slots of steps matter beside their order; at night all:
#: graphs and a runtime's models of all 342 took four minutes of two cores.
_FIRST = {case.layer: name for name, case in reversed(CASES.items()) if name not in REFUSED}
_BY_SLOTS = ("Flatten", "Concatenate", "Masking", "Embedding", "Reshape", "Add", "TokenAnd")
IN_A_RUNTIME = [
    name
    for name, case in CASES.items()
    if name not in REFUSED
    and (TIMES > 1 or name in _FIRST.values() or case.layer.startswith(_BY_SLOTS))
]
LENGTHS = [(1,), (2, 6, 1, 0, 3, 4, 5)]
#: For runtimes: one sequence, sequences without a step, lengths of 0 and 1 beside others.
BATCHES = [((1,), 0), ((0, 0), 1), ((2, 6, 1, 0, 3, 4, 5), 0), ((3, 1), 2)]


@pytest.fixture(scope="module", params=[*IN_A_RUNTIME, *REFUSED])
def traced(request):
    """A case, its model and its graph, which is made once for all tests of the case."""
    case = CASES[request.param]
    model = model_of(case)
    if request.param in REFUSED:
        return case, model, None
    return case, model, exported(model, batch(case))


def test_every_layer_is_one_graph_for_all_lengths(traced):
    case, model, program = traced
    if program is None:
        with pytest.raises(Exception, match=r"(?s).+"):
            exported(model, batch(case))
        return
    run = program.module()
    for lengths in LENGTHS:
        inputs = batch(case, lengths)
        with torch.no_grad():
            assert_same(run(*inputs), model(*inputs))


@pytest.mark.parametrize("traced", IN_A_RUNTIME, indirect=True)
def test_a_runtime_gives_what_every_layer_gives(traced):
    case, model, program = traced
    run = written(program, case.inputs)
    for lengths, extra in BATCHES:
        assert_answers(run, model, drawn(batch(case, lengths)), extra=extra)


@pytest.mark.by_day(25)
@pytest.mark.parametrize("name", IN_A_RUNTIME)
def test_grids_may_be_padded_anywhere(name):
    case = CASES[name]
    model = model_of(case)
    program = program_of(model, *batch(case))
    # By day every second case is padded in front, the others in between; at night all in both ways.
    both = ("pre", "mask")
    for padding in both if TIMES > 1 else both[IN_A_RUNTIME.index(name) % 2 :][:1]:
        side = "pre" if padding == "pre" else "post"
        run = written(program, case.inputs, padding=side, mask=padding == "mask")
        for lengths, extra in BATCHES:
            assert_answers(run, model, drawn(batch(case, lengths)), padding, extra)


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
