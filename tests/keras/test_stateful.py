"""Stateful layers go on from batch to batch as Keras's do, and forget when they are told to."""

import numpy as np
import pytest
import torch
from masked_batches import BATCH, BATCHES, EMPTY_ROW, MASKS, RUNS, coded
from recurrent_pairs import STATES, UNITS, both_ways, cells, initial_states, merge_modes, pair
from side_by_side import assert_close, compare, start_alike

from unpad import Ragged

pytestmark = pytest.mark.by_day(24)

runs = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
backwards = pytest.mark.parametrize("go_backwards", [False, True])


def stateful(cell, **options):
    """The same stateful layer of both libraries."""
    return pair(cell, stateful=True, **options)


def states_of(layer):
    """The states that a layer of either library carries, forward first."""
    layers = [layer]
    if hasattr(layer, "forward_layer"):
        layers = [layer.forward_layer, layer.backward_layer]
    return [getattr(s, "value", s) for part in layers for s in part.states]


def assert_same_states(ours, theirs, what):
    """Both layers carry the same states."""
    pairs = zip(states_of(ours), states_of(theirs), strict=True)
    for i, (a, b) in enumerate(pairs):
        assert_close(a.detach(), b.detach(), f"state {i} {what}")


def walk_on(ours, theirs, run, flip=()):
    """Three batches after one another: outputs, gradients and carried states of each.

    The gradients of a batch are its own: neither library goes back into the one before.
    """
    outputs = []
    for k, (x, mask) in enumerate(zip(BATCHES, run, strict=True)):
        outputs.append(compare(ours, theirs, x, mask, flip=flip)[0])
        assert_same_states(ours, theirs, f"after batch {k}")
    return outputs


def assert_equal(a, b, rtol=0):
    """Outputs of one batch and of another are the same numbers."""
    for left, right in zip(a, b, strict=True):
        left, right = (t.values if isinstance(t, Ragged) else t for t in (left, right))
        assert_close(left.detach(), right.detach(), "output", rtol=rtol, atol=0)


@cells
@runs
@backwards
def test_three_batches(float64, cell, go_backwards, run):
    """Each batch starts where the one before ended; after reset_state all is as at first."""
    ours, theirs = stateful(
        cell, return_sequences=True, return_state=True, go_backwards=go_backwards
    )
    flip = (0,) if go_backwards else ()
    first = walk_on(ours, theirs, run, flip)
    on = compare(ours, theirs, BATCHES[0], run[0], flip=flip)[0]
    assert not np.allclose(on[1].detach(), first[0][1].detach()), "nothing was carried over"
    for layer in (ours, theirs):
        layer.reset_state()
    again = walk_on(ours, theirs, run, flip)
    for a, b in zip(first, again, strict=True):
        assert_equal(a, b)


@cells
@pytest.mark.parametrize("run", [RUNS["mixed"], RUNS["left"]], ids=["mixed", "left"])
@pytest.mark.parametrize("options", [{"activation": "elu"}, {"use_bias": False}], ids=str)
def test_last_output(float64, cell, options, run):
    """The same where only the last output is given, on either path."""
    walk_on(*stateful(cell, **options), run)


@cells
def test_pieces_are_the_whole(float64, cell):
    """Sequences cut into three batches give what the whole gives, in both libraries."""
    ours, theirs = stateful(cell, return_sequences=True)
    x = torch.tensor(coded(time=9))
    start_alike(ours, theirs, x.shape)
    for layer in (ours, theirs):
        whole = layer(x)
        layer.reset_state()
        pieces = torch.cat([layer(piece) for piece in x.split(3, 1)], 1)
        assert_close(pieces.detach(), whole.detach(), "output")


@cells
def test_initial_state_comes_before_the_carried(float64, cell):
    """States that are given count, those carried do not; what comes of them is carried on."""
    ours, theirs = stateful(cell, return_sequences=True, return_state=True)
    compare(ours, theirs, BATCHES[0], MASKS["right"])
    given = initial_states(STATES[cell])
    for k, states in enumerate((given, ())):
        compare(ours, theirs, BATCHES[1], MASKS["left"], initial_state=states)
        assert_same_states(ours, theirs, f"after batch {k + 1}")


@cells
@pytest.mark.parametrize("rows", [[1], [0, 3], [], [False, True, True, False]], ids=str)
@pytest.mark.parametrize("wrap", [lambda layers: layers, both_ways], ids=["alone", "bidirectional"])
def test_reset_rows(float64, cell, wrap, rows):
    """`reset_state(rows)` zeroes their states and no others: what Keras does where one does it.

    Keras's reset_state knows all rows or none, so its variables are zeroed by hand.
    """
    ours, theirs = wrap(stateful(cell, return_sequences=True))
    compare(ours, theirs, BATCHES[0], MASKS["right"])
    ours.reset_state(rows)
    chosen = np.zeros(BATCH, dtype=bool)
    chosen[np.array(rows, dtype=bool if len(rows) == BATCH else int)] = True
    with torch.no_grad():
        for state in states_of(theirs):
            state[torch.tensor(chosen)] = 0
    assert_same_states(ours, theirs, "after reset")
    assert all(bool((s[~torch.tensor(chosen)] != 0).all()) for s in states_of(ours))
    compare(ours, theirs, BATCHES[1], MASKS["holes"])
    assert_same_states(ours, theirs, "after batch 1")


@cells
def test_reset_before_any_batch(float64, cell):
    """Forgetting what there is not is no mistake, before the layer is built and after."""
    ours, theirs = stateful(cell, return_state=True)
    for layer in (ours, theirs):
        layer.reset_state()
    start_alike(ours, theirs, BATCHES[0].shape)
    for layer in (ours, theirs):
        layer.reset_state()
    ours.reset_state([0])
    compare(ours, theirs, BATCHES[0], MASKS["right"])


@cells
@pytest.mark.parametrize("name", ["mixed", "an empty sequence"])
@merge_modes
def test_bidirectional(float64, cell, merge_mode, name):
    """Each direction carries its own states on, whatever is made of the outputs."""
    wrapped = stateful(cell, return_sequences=True)
    ours, theirs = both_ways(wrapped, merge_mode=merge_mode)
    first = walk_on(ours, theirs, RUNS[name])
    for layer in (ours, theirs):
        layer.reset_state()
    assert_equal(first[0], compare(ours, theirs, BATCHES[0], RUNS[name][0])[0])


@pytest.mark.parametrize(
    ("ahead", "behind"),
    [("lstm", "gru"), ("gru", "gru reset before"), ("rnn", "lstm")],
)
def test_bidirectional_of_two_cells(float64, ahead, behind):
    """The same where the directions are different layers."""
    backward = stateful(behind, go_backwards=True, return_sequences=True)
    layers = both_ways(stateful(ahead, return_sequences=True), backward)
    walk_on(*layers, RUNS["an empty sequence"])


@cells
def test_bidirectional_that_gives_its_states(float64, cell):
    """Pinned: with return_state and a mask Keras's stateful Bidirectional fails; here it works.

    Its compute_mask multiplies a generator. What it would give are the states that it carries.
    """
    ours, theirs = both_ways(stateful(cell, return_state=True))
    x, real = torch.tensor(coded()), torch.tensor(MASKS["right"])
    start_alike(ours, theirs, x.shape)
    with pytest.raises(TypeError, match="unsupported operand"):
        theirs(x, mask=real)
    theirs.reset_state()
    for k in range(2):
        ahead, behind = (
            part(x, mask=real) for part in (theirs.forward_layer, theirs.backward_layer)
        )
        output, *states = ours(Ragged.from_padded(x, mask=real))
        assert_close(output.detach(), torch.cat([ahead[0], behind[0]], -1).detach(), "output")
        assert_equal(states, [*ahead[1:], *behind[1:]], rtol=1e-9)
        assert_same_states(ours, theirs, f"after batch {k}")


@cells
@pytest.mark.parametrize("direction", ["forward_layer", "backward_layer"])
def test_one_direction_reset(float64, cell, direction):
    """A direction that is reset by itself starts anew; the other goes on."""
    ours, theirs = both_ways(stateful(cell, return_sequences=True))
    compare(ours, theirs, BATCHES[0], MASKS["right"])
    for layer in (ours, theirs):
        getattr(layer, direction).reset_state()
    compare(ours, theirs, BATCHES[1], MASKS["left"])
    assert_same_states(ours, theirs, "after batch 1")


@cells
@pytest.mark.parametrize("wrap", [lambda layers: layers, both_ways], ids=["alone", "bidirectional"])
def test_another_size_of_batch(float64, cell, wrap):
    """A batch with another number of sequences is refused, in words that say why."""
    ours, theirs = wrap(stateful(cell))
    x = torch.tensor(coded())
    start_alike(ours, theirs, x.shape)
    for layer in (ours, theirs):
        layer(x)
        with pytest.raises(ValueError, match="stateful"):
            layer(x[:2])


@cells
def test_another_size_of_batch_after_reset(float64, cell):
    """Pinned: once reset, unpad takes batches of any size; Keras's variables keep theirs."""
    ours, theirs = stateful(cell)
    x = torch.tensor(coded())
    start_alike(ours, theirs, x.shape)
    for layer in (ours, theirs):
        layer(x)
        layer.reset_state()
    assert ours(x[:2]).shape == (2, UNITS)
    with pytest.raises(ValueError, match="stateful"):
        theirs(x[:2])


@cells
def test_an_empty_sequence_gives_what_it_carries(float64, cell):
    """Pinned: without a step the last output is the carried state here, 0 in Keras."""
    ours, theirs = stateful(cell)
    compare(ours, theirs, BATCHES[0], MASKS["right"])
    carried = states_of(ours)[0][2].clone()
    x = torch.tensor(BATCHES[1])
    found = ours(Ragged.from_padded(x, mask=torch.tensor(EMPTY_ROW)))
    expected = theirs(x, mask=torch.tensor(EMPTY_ROW))
    assert_close(found[2].detach(), carried, "output of the empty one")
    assert torch.count_nonzero(expected[2]) == 0
    assert_same_states(ours, theirs, "after batch 1")
