"""Dropout inside the recurrent layers equals Keras's: what a mask does, and how masks are drawn.

Keras draws a mask of the state for each gate (`dropout_mask_count`: 4 in LSTM, 3 in GRU, none in
SimpleRNN, which has one), once for each sequence of a batch. So does unpad.
"""

import numpy as np
import pytest
import torch
from masked_batches import BATCH, coded, coded_like
from recurrent_pairs import CELLS, UNITS, both_ways, cells, masks, pair, sequences
from side_by_side import assert_close, compare

pytestmark = pytest.mark.by_day(24)

GATES = {"lstm": 4, "gru": 3, "gru reset before": 3, "rnn": 1}
N = 8000  # sequences of the tests that count: a share's standard deviation is .0056 at most


def given_masks(monkeypatch, ours, theirs, recurrent=None, inputs=None):
    """Makes both layers take these masks of the state and of the inputs instead of drawing them.

    Args:
        monkeypatch: pytest's.
        ours: a layer of unpad.
        theirs: Keras's.
        recurrent: (gates, BATCH, UNITS), or None where nothing is dropped of the state.
        inputs: (BATCH, feature), or None where nothing is dropped of the inputs.
    """
    wanted = {} if inputs is None else {tuple(inputs.shape): inputs}
    of_gates = recurrent
    if recurrent is not None:
        wanted[1, BATCH, len(recurrent), UNITS] = recurrent.transpose(0, 1)[None]
        of_gates = recurrent if len(recurrent) > 1 else recurrent[0]  # SimpleRNN has no list
    monkeypatch.setattr(ours._draw, "keep", lambda shape, rate, like: wanted[tuple(shape)])
    monkeypatch.setattr(theirs.cell, "get_recurrent_dropout_mask", lambda _: of_gates)
    monkeypatch.setattr(theirs.cell, "get_dropout_mask", lambda _: inputs)
    # Keras's layers know of training only in a call.
    call = theirs.call
    monkeypatch.setattr(theirs, "call", lambda *args, **kw: call(*args, **{**kw, "training": True}))


def some_mask(*shape):
    """0 or 2, and not alike in any two rows."""
    draw = torch.Generator().manual_seed(len(shape))
    return 2.0 * torch.randint(0, 2, shape, generator=draw).double()


@cells
@masks
@sequences
@pytest.mark.parametrize("activation", ["tanh", "elu"])
def test_recurrent_mask(float64, monkeypatch, cell, activation, return_sequences, mask):
    """Given the same masks, one a gate: the same outputs, states and gradients, on either path."""
    ours, theirs = pair(
        cell, activation=activation, return_sequences=return_sequences, return_state=True,
        recurrent_dropout=0.5,
    )  # fmt: skip
    given_masks(monkeypatch, ours, theirs, recurrent=some_mask(GATES[cell], BATCH, UNITS))
    compare(ours.train(), theirs, coded(), mask)


@cells
@masks
def test_input_mask(float64, monkeypatch, cell, mask):
    """Given the same mask of the inputs: one a sequence, the same at each of its steps."""
    ours, theirs = pair(cell, return_sequences=True, dropout=0.5)
    given_masks(monkeypatch, ours, theirs, inputs=some_mask(BATCH, 3))
    compare(ours.train(), theirs, coded(), mask)


@cells
@masks
def test_at_inference(float64, cell, mask):
    """Out of training neither does anything."""
    ours, theirs = pair(cell, return_sequences=True, dropout=0.5, recurrent_dropout=0.5)
    compare(ours.eval(), theirs, coded(), mask)


def in_training(layers):
    """Each of the two, and what its call needs to be one in training."""
    ours, theirs = layers
    return (ours.train(), {}), (theirs, {"training": True})


def values_of(cell, steps=4, **options):
    """What N sequences, all alike, come to in training: value to share, in each library.

    With one unit and linear gates the state after some steps tells every mask from every other, so
    there are as many values as ways to draw; were a mask drawn at each step, there would be more.
    """
    gates = {} if cell == "rnn" else {"recurrent_activation": "linear"}
    x = torch.full((N, steps, 1), 0.7)
    tables = []
    for layer, training in in_training(pair(cell, 1, activation="linear", **gates, **options)):
        layer(x[:2], **training)
        kernels = [0.17 * np.arange(GATES[cell])[None] + start for start in (0.3, 0.4)]
        layer.set_weights([*kernels, np.full(tuple(layer.weights[2].shape), 0.25)])
        out = layer(x, **training).detach().numpy()
        found, counts = np.unique(out.round(5), return_counts=True)
        tables.append(dict(zip(found.tolist(), (counts / N).tolist(), strict=True)))
    return tables


@cells
@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_recurrent_draws(float64, cell, rate):
    """One draw for each gate and sequence, the same at each step: as many values, as often."""
    ours, theirs = values_of(cell, recurrent_dropout=rate)
    # Of a GRU that resets before, a candidate that sees no state sees no reset gate either.
    assert len(theirs) == {"gru reset before": 6}.get(cell, 2 ** GATES[cell])
    assert list(ours) == list(theirs)
    for value, share in theirs.items():
        assert abs(ours[value] - share) < 0.03, value


@cells
@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_input_draws(float64, cell, rate):
    """One draw for all gates, once a sequence."""
    ours, theirs = values_of(cell, dropout=rate)
    assert len(theirs) == 2
    assert list(ours) == list(theirs)
    for value, share in theirs.items():
        assert abs(ours[value] - share) < 0.03, value
    assert min(abs(share - rate) for share in ours.values()) < 0.03


@pytest.mark.parametrize("cell", [c for c in CELLS if c != "rnn"])
def test_input_draws_beside_recurrent_draws(float64, cell):
    """Pinned: beside recurrent_dropout Keras draws the inputs' mask for each gate too; here once.

    In Keras the two options share a switch (`implementation`), so that the one changes what the
    other does. Gal and Ghahramani tie the masks of the inputs; here they always are.
    """
    ours, theirs = values_of(cell, steps=3, dropout=0.5, recurrent_dropout=0.5)
    alone, _ = values_of(cell, steps=3, recurrent_dropout=0.5)
    assert len(ours) == 2 * len(alone)
    assert len(theirs) > len(ours)


def test_input_draws_beside_recurrent_draws_without_gates(float64):
    """SimpleRNN draws one of each, in both libraries."""
    ours, theirs = values_of("rnn", dropout=0.5, recurrent_dropout=0.5)
    assert list(ours) == list(theirs)
    assert len(theirs) == 4


@cells
@pytest.mark.parametrize("option", ["dropout", "recurrent_dropout"])
def test_directions_draw_apart(float64, cell, option):
    """The two directions of a Bidirectional draw masks of their own."""
    wrapped = pair(cell, **{option: 0.5})
    x = torch.full((400, 3, 1), 0.7)
    for layer, training in in_training(both_ways(wrapped, merge_mode=None)):
        layer(x[:2], **training)
        half = [coded_like(tuple(w.shape)) for w in layer.weights[: len(layer.weights) // 2]]
        layer.set_weights([*half, *half])
        # These sequences read the same either way: the directions differ by their draws alone.
        ahead, behind = (out.detach() for out in layer(x, **training))
        share = float((ahead == behind).all(-1).double().mean())
        assert share < 0.75, f"alike in {share} of the sequences"
        ahead, behind = (out.detach() for out in layer.eval()(x))
        assert_close(ahead, behind, "without dropout")


@pytest.mark.parametrize("cell", [c for c in CELLS if c != "rnn"])
@pytest.mark.parametrize("option", ["dropout", "recurrent_dropout"])
def test_a_seed_in_both_directions(float64, cell, option):
    """Pinned: given a seed, both directions in Keras have the same draws; here not of the state.

    Keras hands the seed to either copy of the layer. So does unpad, but the masks of the state are
    one draw from the forward layer's generator, for both.
    """
    shares = []
    x = torch.full((400, 3, 1), 0.7)
    wrapped = pair(cell, **{option: 0.5}, seed=3)
    for layer, training in in_training(both_ways(wrapped, merge_mode=None)):
        layer(x[:2], **training)
        half = [coded_like(tuple(w.shape)) for w in layer.weights[: len(layer.weights) // 2]]
        layer.set_weights([*half, *half])
        ahead, behind = layer(x, **training)
        shares.append(float((ahead == behind).all(-1).double().mean()))
    assert shares[1] == 1
    assert shares[0] == 1 if option == "dropout" else shares[0] < 0.75


@cells
def test_drawn_anew_in_each_batch(cell):
    """The next batch has draws of its own, in both."""
    x = torch.full((50, 3, 2), 0.7)
    for layer, training in in_training(pair(cell, recurrent_dropout=0.5)):
        assert not torch.equal(layer(x, **training), layer(x, **training))


@cells
def test_everything_dropped(float64, cell):
    """Pinned: at rate 1 nothing of the state is fed back here; Keras's gated cells drop nothing.

    LSTM and GRU take a rate into account between 0 and 1 only. Keras's SimpleRNN is as here.
    """
    ours, theirs = values_of(cell, recurrent_dropout=1.0)
    without, _ = values_of(cell)
    assert len(ours) == len(theirs) == 1
    if cell == "rnn":
        assert ours == theirs != without
    else:
        assert theirs == without != ours
