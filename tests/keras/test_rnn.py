"""RNN, cells, stacks, penalties and what wraps them equal Keras's under every mask.

On sequences by themselves they are compared in test_cases.py; here padded, with the mask.
"""

import keras
import numpy as np
import pytest
import torch
from masked_batches import BATCH, BATCHES, MASKS, RUNS, coded, coded_like, ids
from recurrent_pairs import (
    CELLS,
    STATES,
    UNITS,
    both_ways,
    cell_pair,
    cells,
    initial_states,
    masks,
    merge_modes,
    own_pair,
    pair,
    rnn_pair,
    sequences,
    stack_pair,
)
from side_by_side import assert_close, compare, same_weights, start_alike

import unpad
from unpad import Ragged

pytestmark = pytest.mark.by_day(24)

BOTH = {"return_sequences": True, "return_state": True}


# --- one step ------------------------------------------------------------------------------------


@cells
@pytest.mark.parametrize(
    "options", [{}, {"activation": "relu"}, {"activation": "elu", "use_bias": False}], ids=str
)
def test_one_step(float64, cell, options):
    """Output, next states, and the gradient of everything that goes in."""
    ours, theirs = cell_pair(cell, **options)
    x, states = coded_like((BATCH, 5)), initial_states(STATES[cell])
    results = []
    for one in (ours, theirs):
        one(torch.tensor(x), [torch.tensor(s) for s in states])
    weights = [coded_like(tuple(w.shape)) + 0.01 * i for i, w in enumerate(ours.weights)]
    ours.set_weights(weights)
    for weight, value in zip(theirs.trainable_variables, weights, strict=True):
        weight.assign(value)
    for one in (ours, theirs):
        inputs = [torch.tensor(t, requires_grad=True) for t in (x, *states)]
        output, after = one(inputs[0], inputs[1:])
        total = sum((t * torch.tensor(coded_like(t.shape))).sum() for t in (output, *after))
        own = ours.weights if one is ours else [w.value for w in theirs.trainable_variables]
        found = torch.autograd.grad(total, [*inputs, *own])
        results.append([output, *after, *found])
    for k, (a, b) in enumerate(zip(*results, strict=True)):
        assert_close(a.detach(), b.detach(), f"number {k} of what comes out and back")


@cells
def test_a_cell_says_of_itself_what_keras_says(float64, cell):
    """Sizes, and the states that it starts from."""
    ours, theirs = cell_pair(cell)
    assert ours.state_size == theirs.state_size
    assert ours.output_size == theirs.output_size
    for a, b in zip(*(c.get_initial_state(batch_size=2) for c in (ours, theirs)), strict=True):
        assert_close(a, b.detach(), "initial state")


# --- RNN of a cell -------------------------------------------------------------------------------


@cells
@masks
@pytest.mark.parametrize(
    "options",
    [
        {},
        BOTH,
        {"go_backwards": True, "return_state": True},
        {"zero_output_for_mask": True, "return_sequences": True},
    ],
    ids=str,
)
def test_of_a_cell(float64, cell, options, mask):
    """Every option under every mask."""
    compare(*rnn_pair(cell_pair(cell), **options), coded(), mask)


@cells
def test_zero_output_for_mask_zeroes_the_last_output_in_keras(float64, cell):
    """Pinned: with it Keras gives 0 for the last output of a sequence that is padded on the right.

    Keras documents it for return_sequences only. Here it changes nothing: a missing step has no
    output, and the last one is the last real step's.
    """
    ours, theirs = rnn_pair(cell_pair(cell), zero_output_for_mask=True)
    x, real = torch.tensor(coded()), torch.tensor(MASKS["right"])
    start_alike(ours, theirs, x.shape)
    found, given = ours(Ragged.from_padded(x, mask=real)), theirs(x, mask=real)
    assert torch.count_nonzero(given[0]) == 0
    alone = theirs(x[:1, :3])
    assert_close(found[0].detach(), alone[0].detach(), "last output of sequence 0")


@masks
@sequences
def test_of_one_s_own_cell(float64, return_sequences, mask):
    """Keras's own example of a cell, written in either library."""
    options = {"return_sequences": return_sequences, "return_state": True}
    compare(*rnn_pair(own_pair(), **options), coded(), mask)
    compare(*rnn_pair(own_pair(), **options), coded(), mask, initial_state=initial_states(1))


@masks
def test_of_one_s_own_cell_backwards(float64, mask):
    """Keras flips the grid, padding and all; brought back to its step each output is the same."""
    layers = rnn_pair(own_pair(), go_backwards=True, **BOTH)
    compare(*layers, coded(), mask, flip=(0,))


@masks
@pytest.mark.parametrize("kinds", [("lstm", "gru"), ("rnn", "gru reset before", "lstm")], ids=str)
def test_of_a_stack(float64, kinds, mask):
    """Cells on top of each other; the last output is the top one's."""
    ours, theirs = rnn_pair(stack_pair(*kinds), return_sequences=True)
    compare(ours, theirs, coded(), mask)


@masks
def test_of_a_stack_that_gives_its_states(float64, mask):
    """As in Keras: those of each cell together."""
    ours, theirs = rnn_pair(stack_pair("lstm", "own", "gru"), **BOTH)
    x, real = torch.tensor(coded()), torch.tensor(mask)
    start_alike(ours, theirs, x.shape)
    output, *states = theirs(x, mask=real)
    found, *mine = ours(Ragged.from_padded(x, mask=real))
    assert_close(found.values.detach(), output.detach()[real], "output")
    assert list(map(type, mine)) == list(map(type, states))
    pairs = zip(keras.tree.flatten(mine), keras.tree.flatten(states), strict=True)
    for i, (a, b) in enumerate(pairs):
        assert_close(a.detach(), b.detach(), f"state {i}")


def test_float32():
    """In float32, the default of both, to float32's own precision."""
    layers = rnn_pair(stack_pair("lstm", "own", "gru"), return_sequences=True)
    compare(*layers, coded().astype(np.float32), MASKS["right"], rtol=1e-5, atol=1e-6)


# --- both ways -----------------------------------------------------------------------------------


@masks
@merge_modes
@pytest.mark.parametrize("kind", ["gru", "own", "stack"])
def test_both_ways(float64, kind, merge_mode, mask):
    """Bidirectional(RNN(cell)), the way back from each sequence's own end."""
    inner = {"own": own_pair, "stack": lambda: stack_pair("rnn", "lstm")}
    wrapped = rnn_pair(inner.get(kind, lambda: cell_pair(kind))(), return_sequences=True)
    compare(*both_ways(wrapped, merge_mode=merge_mode), coded(), mask)


@masks
def test_both_ways_of_a_cell_and_a_layer(float64, mask):
    """One way a layer, the other an RNN of one's own cell; states of both."""
    behind = rnn_pair(own_pair(), go_backwards=True, **BOTH)
    compare(*both_ways(pair("gru", **BOTH), behind), coded(), mask, initial_state=initial_states(2))


def test_first_weights_are_those_of_keras(float64):
    """Pinned: Keras takes weights= and never sets them; here the layer starts from them."""
    given = [coded_like(s) for s in [(3, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)] * 2]
    x = torch.tensor(coded())
    for module, taken in ((unpad, True), (keras, False)):
        layer = module.layers.Bidirectional(module.layers.LSTM(UNITS), weights=given)
        layer(x)
        first = np.asarray(getattr(layer.weights[0], "value", layer.weights[0]).detach())
        assert np.array_equal(first, given[0]) == taken


# --- from batch to batch -------------------------------------------------------------------------


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("kind", ["lstm", "own"])
def test_stateful(float64, kind, name):
    """Three batches after one another, each from where the one before ended."""
    inner = own_pair() if kind == "own" else cell_pair(kind)
    layers = rnn_pair(inner, stateful=True, **BOTH)
    for x, mask in zip(BATCHES, RUNS[name], strict=True):
        compare(*layers, x, mask)
    for layer in layers:
        layer.reset_states()
    compare(*layers, BATCHES[0], RUNS[name][0])


# --- penalties -----------------------------------------------------------------------------------

PENALTIES = {"kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l1_l2"}


#: Keras's SimpleRNN takes an activity_regularizer and forgets it.
LOST = [("rnn", "layer"), ("rnn", "both ways")]


def regularizers_of(module):
    """The table with objects; what Keras makes of the name l1_l2 is no penalty."""
    made = module.regularizers.L1L2(0.03, 0.02)
    return {
        **PENALTIES,
        "bias_regularizer": made,
        "recurrent_regularizer": module.regularizers.L1(0.5),
    }


def penalized(cell, kind):
    """The same layer of both libraries under penalties."""
    name, own = CELLS[cell]
    layers = []
    for module in (unpad, keras):
        options = {**own, **regularizers_of(module)}
        if kind == "cell":
            inner = getattr(module.layers, name + "Cell")(UNITS, **options)
            layers.append(module.layers.RNN(inner, activity_regularizer="l2"))
            continue
        layer = getattr(module.layers, name)(UNITS, activity_regularizer="l2", **options)
        layers.append(module.layers.Bidirectional(layer) if kind == "both ways" else layer)
    return layers


@pytest.mark.parametrize(
    ("cell", "kind"),
    [(cell, k) for cell in CELLS for k in ("layer", "cell", "both ways") if (cell, k) not in LOST],
)
def test_penalties(float64, cell, kind):
    """`layer.losses` of both: as many, and the same sum, and the same gradient of it."""
    ours, theirs = penalized(cell, kind)
    x, real = torch.tensor(coded()), torch.tensor(MASKS["full"])
    start_alike(ours, theirs, x.shape)
    ours(Ragged.from_padded(x, mask=real))
    theirs(x)
    assert len(ours.losses) == len(theirs.losses)
    totals = sum(ours.losses), sum(theirs.losses)
    assert_close(totals[0].detach(), totals[1].detach(), "penalty")
    found = torch.autograd.grad(totals[0], ours.weights)
    expected = torch.autograd.grad(totals[1], [w.value for w in theirs.trainable_weights])
    for a, b in zip(found, expected, strict=True):
        assert_close(a, b, "gradient of the penalty")


@pytest.mark.parametrize(("cell", "kind"), LOST)
def test_the_penalty_that_keras_forgets(float64, cell, kind):
    """Pinned: SimpleRNN(activity_regularizer=...) is no penalty in Keras; here it is one."""
    ours, theirs = penalized(cell, kind)
    x = torch.tensor(coded())
    start_alike(ours, theirs, x.shape)
    ours(x), theirs(x)
    ways = 1 if kind == "layer" else 2
    assert (len(ours.losses), len(theirs.losses)) == (4 * ways, 3 * ways)
    one = ours if kind == "layer" else ours.backward_layer
    want = 0.01 * one(x).square().sum() / BATCH
    assert_close(ours.losses[-1].detach(), want.detach(), "penalty on outputs")


@cells
def test_constraints(float64, cell):
    """Each weight has Keras's constraint, which makes the same of it."""
    names = ("kernel_constraint", "recurrent_constraint", "bias_constraint")
    rules = dict(zip(names, ("non_neg", "unit_norm", "max_norm"), strict=True))
    ours, theirs = pair(cell, **rules)
    start_alike(ours, theirs, (BATCH, 6, 3))
    of_theirs = [(w.value, w.constraint) for w in theirs.trainable_weights]
    for (a, rule_a), (b, rule_b) in zip(ours.constrained(), of_theirs, strict=True):
        assert_close(rule_a(a).detach(), rule_b(b).detach(), "constrained weight")


# --- on each step --------------------------------------------------------------------------------


def test_an_embedding_on_each_step(float64):
    """A row of ids a step, without padding among them."""
    ours, theirs = (
        m.layers.TimeDistributed(m.layers.Embedding(9, 4)) for m in (unpad, keras)
    )  # fmt: skip
    x = torch.tensor(ids(MASKS["full"]))[..., None].expand(-1, -1, 2)
    theirs(x), ours(x)
    same_weights(ours, theirs)
    assert_close(ours(x).detach(), theirs(x).detach(), "output")
    real = torch.tensor(MASKS["left"])
    found = ours(Ragged.from_padded(x, mask=real))
    assert_close(found.values.detach(), theirs(x).detach()[real], "output of real steps")


def test_rows_of_ids_reduced_in_each_step(float64):
    """A model in each step, that opens its row of ids: what is padding there is no step."""
    rows = torch.tensor([[[1, 2, 0], [3, 0, 0]], [[4, 5, 6], [0, 7, 0]]])
    layers = []
    for module in (unpad, keras):
        inner = module.Sequential(
            [module.layers.Embedding(9, 4, mask_zero=True), module.layers.LSTM(2)]
        )
        layers.append(module.layers.TimeDistributed(inner))
        layers[-1](rows)
    same_weights(*layers)
    expected = layers[1](rows).detach()
    for real in (torch.ones(2, 2, dtype=torch.bool), torch.tensor([[True, False], [True, True]])):
        found = layers[0](Ragged.from_padded(rows, mask=real))
        assert_close(found.values.detach(), expected[real], "output of real steps")
