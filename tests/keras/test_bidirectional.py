"""Bidirectional equals Keras's at real steps, of any of the three layers and of two different."""

import itertools

import keras
import numpy as np
import pytest
import torch
from masked_batches import BATCH, MASKS, TIME, coded
from recurrent_pairs import (
    CELLS,
    STATES,
    UNITS,
    both_ways,
    cells,
    initial_states,
    masks,
    merge_modes,
    pair,
    sequences,
)
from side_by_side import assert_close, compare, start_alike

import unpad

pytestmark = pytest.mark.by_day(24)


@cells
@masks
@merge_modes
@pytest.mark.parametrize(
    ("return_sequences", "return_state"), [(False, True), (True, False)], ids=["last", "sequences"]
)
def test_merge_modes(float64, cell, merge_mode, return_sequences, return_state, mask):
    """Every way to merge; the backward direction starts at each sequence's own end."""
    wrapped = pair(cell, return_sequences=return_sequences, return_state=return_state)
    compare(*both_ways(wrapped, merge_mode=merge_mode), coded(), mask)


@cells
@masks
@sequences
def test_from_initial_state(float64, cell, return_sequences, mask):
    """The forward layer's states, then the backward layer's."""
    wrapped = pair(cell, return_sequences=return_sequences, return_state=True)
    states = initial_states(2 * STATES[cell])
    compare(*both_ways(wrapped), coded(), mask, initial_state=states)


@cells
@masks
@sequences
@pytest.mark.parametrize(
    "option",
    [{"activation": "relu"}, {"activation": "elu"}, {"use_bias": False}],
    ids=["relu", "elu", "no bias"],
)
def test_options(float64, cell, option, return_sequences, mask):
    """The wrapped layer's options reach both directions, on either path."""
    wrapped = pair(cell, return_sequences=return_sequences, **option)
    compare(*both_ways(wrapped), coded(), mask)


@cells
@masks
@sequences
@pytest.mark.parametrize("from_states", [False, True])
def test_of_two_kinds(float64, cell, from_states, return_sequences, mask):
    """Another layer for the way back, with options that one call of the operator cannot share."""
    both = {"return_sequences": return_sequences, "return_state": True}
    backward = pair(cell, go_backwards=True, activation="relu", use_bias=False, **both)
    states = initial_states(2 * STATES[cell] if from_states else 0)
    compare(*both_ways(pair(cell, **both), backward), coded(), mask, initial_state=states)


@cells
@masks
def test_of_two_sizes(float64, cell, mask):
    """The way back may have units of its own number, where both are put side by side."""
    both = {"return_sequences": True, "return_state": True}
    backward = pair(cell, units=UNITS + 2, go_backwards=True, **both)
    (output, *_), _ = compare(*both_ways(pair(cell, **both), backward), coded(), mask)
    assert output.feature == (2 * UNITS + 2,)


PAIRS = [p for p in itertools.product(CELLS, CELLS) if p[0] != p[1]]


@masks
@pytest.mark.parametrize(("ahead", "behind"), PAIRS)
def test_of_two_cells(float64, ahead, behind, mask):
    """One cell forward, another backward: their outputs merged, their states in turn."""
    both = {"return_sequences": True, "return_state": True}
    layers = both_ways(pair(ahead, **both), pair(behind, go_backwards=True, **both))
    found, _ = compare(*layers, coded(), mask)
    assert len(found) == 1 + STATES[ahead] + STATES[behind]


@sequences
@pytest.mark.parametrize(("ahead", "behind"), [p for p in PAIRS if p[0] != "lstm"])
def test_of_two_cells_from_initial_state(float64, ahead, behind, return_sequences):
    """Each takes its own of the given states."""
    both = {"return_sequences": return_sequences, "return_state": True}
    layers = both_ways(pair(ahead, **both), pair(behind, go_backwards=True, **both))
    states = initial_states(STATES[ahead] + STATES[behind])
    compare(*layers, coded(), MASKS["holes"], initial_state=states)


@pytest.mark.parametrize("behind", [c for c in CELLS if c != "lstm"])
def test_of_an_lstm_and_another_from_initial_state(float64, behind):
    """Pinned: Keras hands half of the states, rounded down, to the first; an LSTM gets too few.

    Here each gets as many as it has, and the result is that of Keras's two layers by themselves.
    """
    ours, theirs = both_ways(pair("lstm"), pair(behind, go_backwards=True))
    x, real = torch.tensor(coded()), torch.tensor(MASKS["left"])
    start_alike(ours, theirs, x.shape)
    states = [torch.tensor(s) for s in initial_states(3)]
    with pytest.raises(IndexError):
        theirs(x, mask=real, initial_state=states)
    halves = [
        theirs.forward_layer(x, mask=real, initial_state=states[:2]),
        theirs.backward_layer(x, mask=real, initial_state=states[2:]),
    ]
    found = ours(unpad.Ragged.from_padded(x, mask=real), initial_state=states)
    assert_close(found.detach(), torch.cat(halves, -1).detach(), "output")


@cells
@masks
@pytest.mark.parametrize("merge_mode", ["concat", "sum"])
def test_stacked(float64, cell, merge_mode, mask):
    """Two layers on top of each other: the second sees only what the first made of real steps."""
    below = both_ways(pair(cell, return_sequences=True), merge_mode=merge_mode)
    above = both_ways(pair(cell))
    x, real = torch.tensor(coded()), torch.tensor(mask)
    outputs = unpad.Ragged.from_padded(x, mask=real), x
    for ours, theirs in (below, above):
        start_alike(ours, theirs, outputs[1].shape)
        outputs = ours(outputs[0]), theirs(outputs[1], mask=real)
    assert_close(outputs[0].detach(), outputs[1].detach(), "output")


@cells
def test_float32(cell):
    """In float32, the default of both, to float32's own precision."""
    wrapped = pair(cell, return_sequences=True, return_state=True)
    x = coded().astype(np.float32)
    compare(*both_ways(wrapped), x, MASKS["right"], rtol=1e-5, atol=1e-6)


@cells
def test_dense_sequences(float64, cell):
    """A grid without a mask goes through as in Keras, grid in and grid out."""
    ours, theirs = both_ways(pair(cell, return_sequences=True))
    x = torch.tensor(coded())
    start_alike(ours, theirs, x.shape)
    assert ours(x).shape == (BATCH, TIME, 2 * UNITS)
    assert_close(ours(x).detach(), theirs(x).detach(), "output")


@cells
def test_of_a_backward_layer(float64, cell):
    """Pinned: Keras refuses a layer that goes backwards; here the other one goes forwards."""
    ours, theirs = pair(cell, go_backwards=True)
    with pytest.raises(ValueError, match="different `go_backwards`"):
        keras.layers.Bidirectional(theirs)
    layer = unpad.layers.Bidirectional(ours)
    assert [layer.forward_layer.go_backwards, layer.backward_layer.go_backwards] == [True, False]


@cells
@pytest.mark.parametrize("option", ["return_sequences", "return_state", "stateful"])
def test_of_two_that_do_not_go_together(cell, option):
    """Both refuse directions that differ in what they give or carry."""
    ahead, behind = pair(cell), pair(cell, go_backwards=True, **{option: True})
    for module, a, b in zip((unpad, keras), ahead, behind, strict=True):
        with pytest.raises(ValueError, match=option):
            module.layers.Bidirectional(a, backward_layer=b)
