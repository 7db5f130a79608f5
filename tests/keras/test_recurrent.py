"""LSTM, GRU and SimpleRNN equal Keras's at real steps: outputs, states and every gradient."""

import keras
import numpy as np
import pytest
import torch
from masked_batches import BATCH, MASKS, TIME, coded, coded_like
from recurrent_pairs import (
    HARD,
    STATES,
    UNITS,
    both_ways,
    cells,
    every_option,
    gated,
    initial_states,
    masks,
    pair,
    tolerance,
)
from side_by_side import assert_close, compare, start_alike

import unpad

pytestmark = pytest.mark.by_day(24)


@masks
@every_option
def test_layer(float64, cell, options, mask):
    """Every option under every mask."""
    compare(*pair(cell, **options), coded(), mask, **tolerance(options))


@masks
@every_option
def test_from_initial_state(float64, cell, options, mask):
    """The same from given states, whose gradients agree too."""
    states = initial_states(STATES[cell])
    compare(*pair(cell, **options), coded(), mask, initial_state=states, **tolerance(options))


@masks
@gated
@pytest.mark.parametrize("activation", ["tanh", "elu"])
def test_saturated(float64, cell, activation, mask):
    """Weights so large that the gates meet the flat ends of hard_sigmoid, on either path."""
    layers = pair(
        cell, activation=activation, recurrent_activation="hard_sigmoid", return_sequences=True
    )
    compare(*layers, coded(), mask, scale=4.0, **HARD)


@cells
@masks
def test_backwards_sequences(float64, cell, mask):
    """go_backwards with return_sequences, step by step.

    Keras flips the whole grid, padding and all, so an output stands in the slot that is opposite to
    its step's; unpad walks each sequence from its own end and gives its outputs in the order
    walked. Both are brought back to the step that each output is of, and compared there.
    """
    layers = pair(cell, go_backwards=True, return_sequences=True, return_state=True)
    compare(*layers, coded(), mask, flip=(0,))


@cells
def test_backwards_sequences_order(float64, cell):
    """Where nothing is padded the order walked is Keras's too, without bringing anything back."""
    layers = pair(cell, go_backwards=True, return_sequences=True)
    compare(*layers, coded(), MASKS["full"])


@cells
def test_backwards_sequences_is_not_behind_the_mask_in_keras(float64, cell):
    """Pinned: Keras flips the outputs but not the mask it passes on, so it names wrong slots.

    With padding on the right, the outputs of real steps are on the right of Keras's grid, and the
    mask still says left. In unpad they are where the layout says.
    """
    mask = MASKS["right"]
    ours, theirs = pair(cell, go_backwards=True, return_sequences=True)
    (ours,), (theirs,) = compare(ours, theirs, coded(), mask, flip=(0,))
    passed_on = keras.src.backend.get_keras_mask(theirs)
    assert np.array_equal(passed_on, mask)
    # Sequence 0 has three steps: behind Keras's mask are what the padding gave, here the outputs.
    assert np.all(theirs[0, :3].detach().numpy() == 0)
    assert_close(ours[0].detach(), theirs[0, 3:].detach(), "outputs of sequence 0")


@cells
def test_a_mask_on_the_tensor_is_lost_beside_initial_state_in_keras(float64, cell):
    """Pinned: given an initial state, Keras forgets the mask that the tensor carries.

    It looks for one only where a layer is called with a single tensor. The other tests here hand it
    the mask as an argument; a Ragged has no mask that could be forgotten.
    """
    real = torch.tensor(MASKS["left"])
    _, theirs = pair(cell)
    x = torch.tensor(coded())
    theirs.build(x.shape)
    states = [torch.tensor(s) for s in initial_states(STATES[cell])]
    masked = theirs(x, mask=real, initial_state=states)
    unmasked = theirs(x, initial_state=states)
    keras.src.backend.set_keras_mask(x, real)
    carried = theirs(x, initial_state=states)
    assert_close(carried.detach(), unmasked.detach(), "output with the mask on the tensor")
    assert not np.allclose(carried.detach(), masked.detach())


@pytest.mark.parametrize("cell", [c for c, n in STATES.items() if n == 1])
def test_one_state_as_a_tensor(float64, cell):
    """A layer of one state takes it without a list around it, as Keras does."""
    ours, theirs = pair(cell, return_sequences=True)
    x, (h,) = torch.tensor(coded()), map(torch.tensor, initial_states(1))
    start_alike(ours, theirs, x.shape)
    found, expected = ours(x, initial_state=h), theirs(x, initial_state=h)
    assert_close(found.detach(), expected.detach(), "output")
    assert not np.allclose(found.detach(), ours(x).detach())


@cells
def test_float32(cell):
    """In float32, the default of both, to float32's own precision."""
    layers = pair(cell, return_sequences=True, return_state=True)
    x = coded().astype(np.float32)
    compare(*layers, x, MASKS["right"], rtol=1e-5, atol=1e-6)


@cells
def test_dense_sequences(float64, cell):
    """A grid without a mask goes through as in Keras, grid in and grid out."""
    ours, theirs = pair(cell, return_sequences=True)
    x = torch.tensor(coded())
    start_alike(ours, theirs, x.shape)
    assert ours(x).shape == (BATCH, TIME, UNITS)
    assert_close(ours(x).detach(), theirs(x).detach(), "output")


EMPTY = np.array([[True, True, False], [False, False, False]])


@cells
@pytest.mark.parametrize("wrap", [lambda layers: layers, both_ways], ids=["alone", "bidirectional"])
def test_empty_sequence(float64, cell, wrap):
    """A sequence without a step gives zeros, in both libraries."""
    (output, *states), _ = compare(*wrap(pair(cell, return_state=True)), coded(2, 3), EMPTY)
    assert all(np.all(s[1].detach().numpy() == 0) for s in (output, *states))


@cells
def test_empty_sequence_from_initial_state(float64, cell):
    """Pinned: an empty sequence's output is its initial h here; in Keras it is 0 beside h.

    In Keras the output and the state of one layer disagree there: the state is carried over, and
    the output starts at 0. Here the output is the state after the last step, always.
    """
    given = [coded_like((2, UNITS)) + 0.1 * i for i in range(STATES[cell])]
    ours, theirs = pair(cell, return_state=True)
    x, real = torch.tensor(coded(2, 3)), torch.tensor(EMPTY)
    start_alike(ours, theirs, x.shape)
    states = [torch.tensor(s) for s in given]
    mine = [
        t.detach().numpy()
        for t in ours(unpad.Ragged.from_padded(x, mask=real), initial_state=states)
    ]
    kerass = [t.detach().numpy() for t in theirs(x, mask=real, initial_state=states)]
    for i, (a, b) in enumerate(zip(mine[1:], kerass[1:], strict=True)):
        assert_close(a, b, f"state {i}")
        assert_close(a[1], given[i][1], f"state {i} of the empty one")
    assert_close(mine[0][0], kerass[0][0], "output of the sequence that has steps")
    assert_close(mine[0][1], given[0][1], "output of the empty one")
    assert np.all(kerass[0][1] == 0)
