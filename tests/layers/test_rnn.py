"""RNN, cells and stacks of them, Bidirectional and TimeDistributed of anything: what they give,
what they refuse, apart from the laws and the parity with Keras."""

import numpy as np
import pytest
import torch
from hypothesis import given

import unpad as keras
from unpad import Ragged, kernels
from unpad.layers import Spec
from unpad.testing import coded

from ..cases.recurrent import CountingCell, Decay, MinimalCell, OwnWalk, Sub, TorchCell
from ..examples import draws
from ..messages import says
from ..strategies import lengths

L = keras.layers
FEATURE = 3
OWN = [(L.LSTM, L.LSTMCell), (L.GRU, L.GRUCell), (L.SimpleRNN, L.SimpleRNNCell)]


class StepByStep(torch.nn.Module):
    """Any cell behind a torch module, so that no operator is taken for it."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell
        self.state_size = cell.state_size

    def forward(self, inputs, states):
        return self.cell(inputs, states)


def same(a, b, **more):
    """Outputs agree, Ragged or not."""
    for x, y in zip(a, b, strict=True):
        x, y = (v.values if isinstance(v, Ragged) else v for v in (x, y))
        torch.testing.assert_close(x, y, **more)


# --- one cell, three ways to walk it --------------------------------------------------------------


@pytest.mark.parametrize(("layer", "cell"), OWN)
def test_rnn_of_a_cell_is_the_layer(layer, cell):
    x = coded([3, 0, 5], (FEATURE,), torch.float32)
    options = {"return_sequences": True, "return_state": True, "go_backwards": True}
    whole, parts = layer(4, "relu", **options), L.RNN(cell(4, "relu"), **options)
    whole(x), parts(x)
    parts.set_weights(whole.get_weights())
    same(parts(x), whole(x), rtol=0, atol=0)
    with kernels.force("torch"):
        parts(x)
        assert kernels.info()["last"] == "torch"


@given(sizes=lengths)
@draws(25)
def test_steps_are_the_walk(sizes):
    """Time after time with shrinking rows: what the operator gives, forward and backward."""
    torch.manual_seed(0)
    x = coded(sizes, (FEATURE,))
    for _, kind in OWN:
        cell = kind(4, dtype="float64")
        for backwards in (False, True):
            results = []
            for inner in (cell, StepByStep(cell)):
                layer = L.RNN(
                    inner, return_sequences=True, return_state=True, go_backwards=backwards
                )
                values = x.values.clone().requires_grad_()
                outputs, *states = layer(x.with_values(values))
                total = outputs.values.cos().sum() + sum(s.sin().sum() for s in states)
                grads = []
                if len(values):
                    grads = torch.autograd.grad(total, [values, *cell.parameters()])
                results.append([outputs.values, *states, *grads])
            same(*results)


def test_a_user_s_cell_sees_running_rows_only():
    """No row is computed past its sequence's end: longest first, then fewer and fewer."""
    seen = []

    class Watching(Decay):
        def call(self, inputs, states):
            seen.append(len(inputs))
            assert [len(s) for s in states] == [len(inputs)]
            return super().call(inputs, states)

    layer = L.RNN(Watching())
    x = coded([2, 5, 0, 3, 1], (FEATURE,))
    layer(x)
    seen.clear()
    layer(x)
    assert seen == [4, 3, 2, 1, 1]


def test_the_last_output_is_the_cell_s_output_not_its_state():
    x = coded([3, 0, 1], (FEATURE,), torch.float32)
    last, h = L.RNN(MinimalCell(4), return_state=True)(x)
    torch.testing.assert_close(last[[0, 2]], 2 * h[[0, 2]] + 1)
    # An empty sequence has made no output, and keeps its state.
    assert last[1].tolist() == h[1].tolist() == [0] * 4


def test_a_cell_s_own_initial_state():
    x = coded([2, 0], (FEATURE,), torch.float32)
    _, h, count = L.RNN(CountingCell(4), return_state=True)(x)
    assert count.tolist() == [[3], [1]]
    assert h[1].tolist() == [1] * 4
    (first, ones), zeros = L.RNN([CountingCell(4), Decay()]).get_initial_state(2)
    assert [s.shape for s in (first, ones, zeros)] == [(2, 4), (2, 1), (2, 3)]


def test_dense_batches_and_steps_that_are_matrices():
    layer = L.RNN(TorchCell(), return_sequences=True)
    x = coded([3, 3], (2, 3), torch.float32)
    out = layer(x)
    assert out.feature == (2, 2)
    grid = x.values.unflatten(0, (2, 3))
    torch.testing.assert_close(layer(grid), out.values.unflatten(0, (2, 3)))
    assert layer.output_spec(Spec((None, 2, 3))) == Spec((None, 2, 2))
    assert layer.output_spec(Spec((2, 3), True)) == Spec((2, 2), True)


def test_layers_inside_a_cell_are_built_with_it():
    class Wrapped(L.Layer):
        state_size = 4

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = L.Dense(4, "tanh")

        def call(self, inputs, states):
            h = self.dense(torch.cat([inputs, states[0]], -1))
            return h, h

    layer = L.RNN(Wrapped(), stateful=True)
    layer.ensure_built(Spec((FEATURE,), True))
    assert [tuple(w.shape) for w in layer.weights] == [(FEATURE + 4, 4), (4,)]
    assert layer.states is None


def test_a_cell_is_told_whether_it_trains():
    class Told(Decay):
        def call(self, inputs, states, training=False):
            return inputs, states

    class ToldLayer(L.Layer):
        state_size = 2

        def call(self, inputs, states, training=False):
            return inputs + float(training), states

    x = torch.zeros(1, 2, 3)
    assert L.RNN(ToldLayer()).train()(x).tolist() == [[1, 1, 1]]
    assert L.RNN(ToldLayer()).eval()(x).tolist() == [[0, 0, 0]]
    # A plain object knows of no mode.
    assert L.RNN(Told())(x).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("option", ["dropout", "recurrent_dropout"])
def test_step_by_step_a_cell_draws_once_a_sequence(option):
    """Whoever walks it: one mask a sequence, the same at each of its steps and on either path."""
    cell = Sub(4, **{option: 0.5})
    layer = L.RNN(cell, return_sequences=True)
    x = Ragged(torch.ones(12, 3), torch.tensor([0, 2, 6, 12]))
    layer(x)
    fast = L.RNN(L.LSTMCell(4, **{option: 0.5}), return_sequences=True)
    fast(x)
    fast.set_weights(layer.get_weights())
    for walked in (layer.train(), fast.train()):
        # From rows that are sorted: one draw of all three, in the order longest first or not.
        torch.manual_seed(2)
        a = walked(x)
        torch.manual_seed(2)
        assert torch.equal(walked(x).values, a.values)
        assert not torch.equal(a[1][:2], a[2][:2])
    order = torch.tensor([2, 1, 0])
    torch.manual_seed(3)
    slow = layer(x)
    torch.manual_seed(3)
    torch.testing.assert_close(slow.values, fast(x[order])[order].values)
    assert cell._held is None


def test_a_cell_by_itself():
    cell = L.LSTMCell(4)
    x, zeros = torch.ones(2, 3), torch.zeros(2, 4)
    output, (h, c) = cell(x, [zeros, zeros])
    assert torch.equal(output, h)
    same([cell(x)[0]], [output])
    same([L.RNN(cell)(x[:, None])], [output])
    assert cell.state_size == [4, 4]
    assert cell.output_size == 4
    assert [tuple(s.shape) for s in cell.get_initial_state(batch_size=3)] == [(3, 4)] * 2
    assert L.LSTMCell(4, dtype="float64").get_initial_state(1)[0].dtype == torch.float64
    empty, _ = cell(x[:0], [zeros[:0], zeros[:0]])
    assert empty.shape == (0, 4)
    gru = L.GRUCell(4)
    h, next_h = gru(x, zeros)
    assert torch.equal(h, next_h)
    assert gru.state_size == 4
    assert c.shape == (2, 4)


def test_stacks():
    x = coded([3, 0, 2], (FEATURE,), torch.float32)
    layer = L.RNN([L.LSTMCell(4), L.GRUCell(2)], return_sequences=True, return_state=True)
    outputs, (h, c), (g,) = layer(x)
    assert [s.shape for s in (h, c, g)] == [(3, 4), (3, 4), (3, 2)]
    assert layer.cell.state_size == [[4, 4], 2]
    assert layer.cell.output_size == 2
    assert L.StackedRNNCells([Decay(), CountingCell(2)]).output_size == 3
    assert L.StackedRNNCells([L.GRUCell(3), Decay()]).output_size == 3
    # The same as two layers on top of each other.
    lower, upper = L.LSTM(4, return_sequences=True), L.GRU(2, return_sequences=True)
    upper(lower(x))
    lower.set_weights(layer.get_weights()[:3])
    upper.set_weights(layer.get_weights()[3:])
    same([outputs], [upper(lower(x))])
    # Nested stacks, and states given flat or nested.
    nested = L.RNN(
        L.StackedRNNCells([L.StackedRNNCells([L.LSTMCell(4), L.GRUCell(2)])]),
        return_sequences=True, return_state=True,
    )  # fmt: skip
    nested(x)
    nested.set_weights(layer.get_weights())
    deep, flat = nested(x), layer(x)
    same([deep[0], *deep[1][0], *deep[1][1]], [flat[0], *flat[1], *flat[2]])
    layer.return_state = False
    same(layer(x, initial_state=[[h, c], g]), layer(x, initial_state=[h, c, g]))
    same(layer(x, initial_state=[s.numpy(force=True) for s in (h, c, g)]),
         layer(x, initial_state=[h, c, g]))  # fmt: skip
    # A step of the stack from what it starts from.
    output, states = layer.cell(x.values)
    assert output.shape == (5, 2)
    assert [len(s) for s in states] == [2, 1]


def test_stateful_by_any_cell():
    x = coded([6, 4, 2], (FEATURE,), torch.float32)
    early = x.positions < 2
    first, second = x.keep(early), x.keep(~early)
    for cell in (MinimalCell(4), [L.LSTMCell(4), CountingCell(2)]):
        layer = L.RNN(cell, return_sequences=True, stateful=True)
        want = layer(x)
        layer.reset_state()
        parts = layer(first), layer(second)
        for w, a, b in zip(want, *parts, strict=True):
            torch.testing.assert_close(torch.cat([a, b]), w)
        # Chosen rows start anew from the cell's own initial state; the others go on.
        layer.reset_state()
        layer(first)
        layer.reset_state(rows=[False, True, False])
        mixed = layer(second)
        layer.reset_states()
        torch.testing.assert_close(mixed[1], layer(second)[1])
        torch.testing.assert_close(mixed[0], want[0][2:])
    # An empty piece leaves its row as it is.
    layer = L.RNN(MinimalCell(4), stateful=True)
    layer(x)
    before = [s.clone() for s in layer.states]
    layer(x.keep(x.sequence_ids > 0))
    assert torch.equal(layer.states[0][0], before[0][0])
    assert not torch.equal(layer.states[0][1], before[0][1])


def test_a_stateful_model_goes_on_in_predict():
    model = keras.Sequential([keras.Input((None, 1)), L.RNN(Decay3(), stateful=True)])
    x = np.ones((1, 2, 1), "float32")
    assert model.predict(x, verbose=0).tolist() == [[2]]
    assert model.predict(x, verbose=0).tolist() == [[4]]
    model.reset_state()
    assert model.predict(x, verbose=0).tolist() == [[2]]


class Decay3:
    """Counts up."""

    state_size = 1

    def call(self, inputs, states):
        return states[0] + inputs, [states[0] + inputs]


def test_in_a_graph():
    x, start = keras.Input((None, 3)), keras.Input((4,))
    outputs, (h, c), (g,) = L.RNN(
        [L.LSTMCell(4), L.GRUCell(2)], return_sequences=True, return_state=True
    )(x)
    both = L.Bidirectional(L.RNN(MinimalCell(4)), merge_mode="sum")(
        outputs, initial_state=[start, h]
    )  # fmt: skip
    model = keras.Model([x, start], [both, c, g])
    sequences, states = coded([2, 0, 3], (3,), torch.float32), torch.ones(3, 4)
    found = model([sequences, states])
    assert [tuple(t.shape) for t in found] == [(3, 4), (3, 4), (3, 2)]
    assert [s.shape[1:] for s in (both, c, g)] == [(4,), (4,), (2,)]
    assert not torch.equal(model([sequences, 2 * states])[0], found[0])


# --- penalties and constraints --------------------------------------------------------------------


@pytest.mark.parametrize(("layer", "cell"), OWN)
def test_penalties_and_constraints(layer, cell):
    options = {"kernel_regularizer": "l2", "recurrent_regularizer": "l1", "bias_regularizer": "l2",
               "kernel_constraint": "non_neg", "recurrent_constraint": "max_norm",
               "bias_constraint": "non_neg"}  # fmt: skip
    x = coded([3, 0, 2], (FEATURE,), torch.float32)
    for walked in (layer(4, **options), L.RNN(cell(4, **options)),
                   L.Bidirectional(layer(4, **options))):  # fmt: skip
        walked(x)
        both = 2 if isinstance(walked, L.Bidirectional) else 1
        assert len(walked.losses) == len(walked.constrained()) == 3 * both
        kernel, recurrent, bias, *_ = walked.weights
        want = 0.01 * (kernel**2).sum() + 0.01 * recurrent.abs().sum() + 0.01 * (bias**2).sum()
        torch.testing.assert_close(sum(walked.losses[:3]), want)
        again = type(walked).from_config(walked.get_config())
        again(x)
        assert len(again.losses) == len(again.constrained()) == 3 * both


def test_a_penalty_on_what_a_cell_gives():
    """By itself: on the output and the states, as Keras has it."""
    cell = L.LSTMCell(4, activity_regularizer="l2")
    output, states = cell(torch.ones(2, 3))
    want = sum(0.01 * (t**2).sum() / 2 for t in (output, *states))
    torch.testing.assert_close(sum(cell.losses), want)


def test_a_penalty_on_outputs_in_both_directions():
    """Of the layers inside too, which then each run by themselves."""
    x = coded([3, 0, 2], (FEATURE,), torch.float32)
    inner = L.LSTM(4, return_sequences=True, activity_regularizer="l2")
    both = L.Bidirectional(inner)
    out = both(x)
    want = 0.01 * (out.values**2).sum() / 3
    assert len(both.losses) == 2
    torch.testing.assert_close(sum(both.losses), want)
    plain = L.Bidirectional(L.LSTM(4, return_sequences=True))
    plain(x)
    plain.set_weights(both.get_weights())
    same([plain(x)], [out])


# --- Bidirectional --------------------------------------------------------------------------------


def test_both_ways_of_one_s_own_layer():
    x = Ragged.from_list([[[1.0], [2.0], [3.0]], [[4.0]]])
    out = L.Bidirectional(OwnWalk(return_sequences=True), merge_mode=None)(x)
    # Sums times the place in the order walked; both stand at their own step.
    assert out[0].values.flatten().tolist() == [1, 6, 18, 4]
    assert out[1].values.flatten().tolist() == [18, 10, 3, 4]
    grid = L.Bidirectional(DenseWalk(return_sequences=True))(torch.tensor([[[1.0], [2.0]]]))
    assert grid.tolist() == [[[1, 3], [3, 2]]]


class DenseWalk(OwnWalk):
    """The same of a dense batch."""

    def forward(self, inputs):
        return (inputs.flip(1) if self.go_backwards else inputs).cumsum(1)


def test_first_weights_of_both_directions():
    shapes = [(FEATURE, 8), (2, 8), (8,)] * 2
    weights = [np.full(s, i, "float32") for i, s in enumerate(shapes)]
    x = coded([2], (FEATURE,))
    layer = L.Bidirectional(L.LSTM(2), weights=weights)
    layer(x)
    assert all((a == b).all() for a, b in zip(layer.get_weights(), weights, strict=True))
    assert layer.get_config()["weights"] is None
    with says("Bidirectional: expected 6 weights, got 1."):
        L.Bidirectional(L.LSTM(2), weights=weights[:1])(x)


def test_a_bidirectional_says_what_it_is():
    layer = L.Bidirectional(L.GRU(2, return_sequences=True, stateful=True))
    assert (layer.return_sequences, layer.return_state, layer.stateful) == (True, False, True)
    assert layer.layer is layer.forward_layer
    layer(coded([2, 1], (FEATURE,)))
    layer.reset_states([0])
    assert [bool((s[0] == 0).all()) for s in layer.backward_layer.states] == [True]


# --- TimeDistributed ------------------------------------------------------------------------------


def test_an_embedding_on_each_step():
    ids = Ragged.from_list([[1, 2, 3], [], [4, 5]])
    layer = L.TimeDistributed(L.Embedding(9, 4))
    out = layer(ids)
    assert out.layout is ids.layout
    assert torch.equal(out.values, layer.layer.embeddings[ids.values])
    assert layer(torch.tensor([[1, 2], [3, 0]])).shape == (2, 2, 4)
    assert layer(torch.ones(2, 3, 5, dtype=torch.int64)).shape == (2, 3, 5, 4)


def test_rows_of_ids_that_are_reduced_inside():
    rows = Ragged(
        torch.tensor([[1, 2, 0], [0, 0, 0], [3, 0, 0], [4, 5, 6]]), torch.tensor([0, 2, 2, 4])
    )
    inner = keras.Sequential([L.Embedding(9, 4, mask_zero=True), L.LSTM(8)])
    layer = L.TimeDistributed(inner)
    assert layer.output_spec(Spec((3,), True, torch.int64)) == Spec((8,), True)
    out = layer(rows)
    assert out.layout is rows.layout
    assert out.values[1].tolist() == [0] * 8  # a row without ids
    torch.testing.assert_close(out.values[0], inner(torch.tensor([[1, 2]]))[0])
    assert layer(rows[1:2]).steps == layer(rows[:0]).steps == 0


def test_the_place_of_a_wrong_id_is_the_step_s():
    layer = L.TimeDistributed(L.Embedding(9, 4))
    with says("Embedding: id 12 in sequence 1, step 1, but input_dim is 9."):
        layer(Ragged.from_list([[1], [2, 12]]))
    with says("Embedding: id -4 in sequence 1, step 0, negative."):
        layer(torch.tensor([[1, 2], [-4, 3]]))


def test_a_torch_module_takes_steps_of_another_type():
    """As any layer: lists of floats are float64, torch's weights float32."""
    x = Ragged.from_list([[[1.0, 2.0]], []])
    for layer in (L.TimeDistributed(torch.nn.Linear(2, 3)), L.TorchModule(torch.nn.Linear(2, 3)),
                  L.RNN(StepByStep(L.GRUCell(3)))):  # fmt: skip
        assert x.dtype == torch.float64
        out = layer(x)
        assert out.dtype == torch.float32
        assert out.dtype == layer.output_spec(Spec((2,), True, torch.float64)).dtype


# --- what is refused ------------------------------------------------------------------------------


class NoStates:
    def call(self, inputs, states):
        return inputs, states


class Wrong(Decay):
    def __init__(self, give):
        self.give = give

    def call(self, inputs, states):
        return self.give(inputs, states)


class Loses(OwnWalk):
    def get_config(self):
        return {**super().get_config(), "return_sequences": False}


X = torch.zeros(1, 2, 3)
REFUSED = [
    (lambda: L.RNN(L.LSTM(3)), "RNN: LSTM walks sequences itself; expected a cell, which takes one "
     "step: LSTMCell."),
    (lambda: L.RNN(OwnWalk()), "RNN: OwnWalk walks sequences itself; expected a cell, which takes "
     "one step: as LSTMCell(4)."),
    (lambda: L.RNN(NoStates(), name="walk"), "RNN 'walk': expected a cell, with state_size (an "
     "integer, or a list of them) and call(inputs, states), got NoStates."),
    (lambda: L.RNN(L.LSTMCell), "RNN: expected a cell, with state_size (an integer, or a list of "
     "them) and call(inputs, states), got type. A class: put () behind it."),
    (lambda: L.RNN(torch.nn.LSTMCell(3, 3)), "RNN: expected a cell, with state_size"),
    (lambda: L.RNN(L.LSTMCell(3, activity_regularizer="l2")), "RNN: LSTMCell has an "
     "activity_regularizer, which would see single steps. Give it to the layer that walks."),
    (lambda: L.RNN([]), "StackedRNNCells: expected a list of cells, got []."),
    (lambda: L.StackedRNNCells(L.LSTMCell(3)), "StackedRNNCells: expected a list of cells, got "),
    (lambda: L.RNN([L.GRUCell(2), L.GRU(2)]), "StackedRNNCells: GRU walks sequences itself; "),
    (lambda: L.StackedRNNCells([c := L.GRUCell(2), c]), "StackedRNNCells: the cell at 1 stands "
     "there twice; none is shared."),
    (lambda: L.RNN(Wrong(lambda x, s: x))(X), "RNN: expected Wrong to give an output and the next "
     "states, as `return output, [state]`, got Tensor."),
    (lambda: L.RNN(Wrong(lambda x, s: (x.sum(0), s)))(X), "RNN: Wrong gives (3,) for 7 "
     "sequences; it must give one row for each."),
    (lambda: L.RNN(Wrong(lambda x, s: (x.sum(), s)))(X), "RNN: Wrong gives () for 7 sequences; it "
     "must give one row for each."),
    (lambda: L.RNN(Wrong(lambda x, s: (x, [s[0][:, :1]])))(X), "RNN: Wrong starts from states "
     "(7, 3) and gives (7, 1); the next states must be as its state_size says."),
    (lambda: L.RNN(Wrong(lambda x, s: (x, [])))(X), "RNN: Wrong starts from states (7, 3) and "
     "gives none; the next states must be as its state_size says."),
    (lambda: L.RNN(Decay())(torch.zeros(1, 2, 4)), "RNN: Decay fails on a step (batch, 4): "),
    (lambda: L.RNN(Decay())(torch.zeros(4)), "RNN: expected sequences, (batch, steps*, ...), got "
     "(batch)."),
    (lambda: L.RNN(L.GRUCell(3))(torch.zeros(2, 3)), "RNN: expected sequences of feature vectors, "
     "(batch, steps*, feature), got (batch, 3)."),
    (lambda: L.RNN([L.GRUCell(3), L.LSTMCell(2)])(X, initial_state=[torch.zeros(1, 3)]),
     "RNN: expected initial_state as 3 tensors (batch, 3), (batch, 2), (batch, 2), got (batch, "
     "3)."),
    (lambda: L.GRU(4)(keras.Input((None, 3)), initial_state=keras.Input((3,))),
     "GRU: expected initial_state as 1 tensor (batch, 4), got (batch, 3)."),
    (lambda: L.Bidirectional(L.GRU(4))(keras.Input((None, 3)), initial_state=[keras.Input((4,))]),
     "GRU: expected initial_state as 1 tensor (batch, 4), got none."),
    (lambda: L.Bidirectional(L.LSTM(4))(X, initial_state=[torch.zeros(1, 4)] * 3),
     "LSTM: expected initial_state as 2 tensors (batch, 4), got (batch, 4)."),
    (lambda: L.GRUCell(2)(keras.Input((3,))), "GRUCell: a cell takes one step, and stands in no "
     "graph by itself. In a model: RNN(GRUCell(...))(sequences, initial_state=states)."),
    (lambda: L.StackedRNNCells([L.GRUCell(2)])(torch.zeros(1, 3), [[keras.Input((2,))]]),
     "StackedRNNCells: a cell takes one step, and stands in no graph by itself."),
    (lambda: L.LSTMCell(2)(X), "LSTMCell: a cell takes one step, (batch, feature), got (batch, 2, "
     "3). Sequences go through RNN(LSTMCell(...))."),
    (lambda: L.GRUCell(2)(torch.zeros(2, 3), torch.zeros(2, 3)), "GRUCell: expected states as 1 "
     "tensor (2, 2), got (2, 3)."),
    (lambda: L.LSTMCell(2)(torch.zeros(2, 3), torch.zeros(2, 2)), "LSTMCell: expected states as 2 "
     "tensors (2, 2), got (2, 2)."),
    (lambda: L.LSTMCell(2, "than"), "LSTMCell: unknown activation 'than'; did you mean 'tanh'"),
    (lambda: L.Bidirectional(L.LSTMCell(2)), "Bidirectional: expected a recurrent layer (LSTM, "
     "GRU, SimpleRNN), got LSTMCell. A layer of your own needs return_sequences and go_backwards; "
     "a cell goes into RNN(cell)."),
    (lambda: L.Bidirectional(Loses(return_sequences=True)), "Bidirectional: Loses made again from "
     "its get_config has lost return_sequences=True; give it a get_config with all of its "
     "options."),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), REFUSED)
def test_refusals_say_what_to_do(make, text):
    with says(text):
        make()


def built(layer, feature=FEATURE):
    """The layer, built for so many features."""
    layer(coded([1], (feature,), torch.float32))
    return layer


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (lambda: L.LSTM(2), "LSTM: built for 3 features, got (batch, steps*, 5)."),
        (lambda: L.RNN(L.GRUCell(2)), "RNN: built for 3 features, got (batch, steps*, 5)."),
        (lambda: L.Bidirectional(L.LSTM(2)), "LSTM: built for 3 features, got (batch, steps*, 5)."),
    ],
)
def test_another_number_of_features_than_it_was_built_for(layer, text):
    """The kernels would read past what they are given."""
    with says(text):
        built(layer())(coded([2], (5,), torch.float32))
    with pytest.raises(ValueError, match=r"expected sequences of feature vectors.*got \(2, 2\)"):
        built(layer())(torch.zeros(2, 2))
    cell = L.LSTMCell(2)
    cell(torch.zeros(1, 3))
    with says("LSTMCell: built for 3 features, got (1, 5)."):
        cell(torch.zeros(1, 5))


def test_states_of_another_type():
    """They are cast to the type of the steps, as the inputs are to that of the weights."""
    x, h = coded([2, 1], (FEATURE,), torch.float32), torch.ones(2, 4)
    layer = L.GRU(4)
    layer(x)
    same([layer(x, initial_state=h.double())], [layer(x, initial_state=h)])
    with says("GRU: expected initial_state as 1 tensor (2, 4), got (1, 4)."):
        layer(x, initial_state=h[:1])
    stack = L.RNN([L.GRUCell(4), L.GRUCell(2)])
    stack(x)
    with says("RNN: expected initial_state as 2 tensors (batch, 4), (batch, 2), got (2, 4)."):
        stack(x, initial_state=h)


def test_zero_output_for_mask_changes_nothing():
    """A missing step has no output here; in the grid it is 0 either way."""
    x = np.array([[[1.0], [0.0], [2.0]]], dtype="float32")
    grids = []
    for zero in (False, True):
        layer = L.RNN(MinimalCell(2), return_sequences=True, zero_output_for_mask=zero)
        layer.ensure_built(Spec((1,), True))
        layer.set_weights([np.ones((1, 2)), np.ones((2, 2))])
        grids.append(layer(L.Masking()(x)).to_padded())
    assert torch.equal(*map(torch.as_tensor, grids))
    assert grids[0][0, 1].tolist() == [0, 0]
    assert L.LSTM(2, zero_output_for_mask=True).get_config()["zero_output_for_mask"]


def test_configs_make_fresh_cells():
    layer = L.RNN([L.LSTMCell(4, seed=3), TorchCell(), Decay()], stateful=True, name="walk")
    again = L.RNN.from_config(layer.get_config())
    cells, fresh = layer.cell.cells, again.cell.cells
    assert again.name == "walk"
    assert again.stateful
    assert [type(c) for c in fresh] == [type(c) for c in cells]
    assert all(a is not b for a, b in zip(cells, fresh, strict=True))
    assert fresh[0].seed == 3
    assert not torch.equal(fresh[1].linear.weight, cells[1].linear.weight)
    # The two directions share nothing either.
    both = L.Bidirectional(L.RNN(TorchCell()))
    pair = both.forward_layer.cell.linear.weight, both.backward_layer.cell.linear.weight
    assert not torch.equal(*pair)


def test_a_layer_is_its_own_cell():
    """Keras keeps an LSTM's weights in layer.cell; what is read there is found here."""
    layer = built(L.LSTM(2))
    assert layer.cell.kernel is layer.kernel
    assert layer.cell.units == 2
    assert sorted(layer.state_dict()) == ["bias", "kernel", "recurrent_kernel"]


@pytest.mark.parametrize("kind", [L.LSTM, L.GRU])
def test_ways_to_compute_change_no_number(kind):
    x = Ragged.from_list([[[1.0], [2.0]], [], [[3.0]]])
    plain, told = kind(2), kind(2, unroll=True, use_cudnn=False, implementation=1)
    built(plain, 1)
    built(told, 1)
    told.set_weights(plain.get_weights())
    assert torch.equal(plain(x), told(x))
    assert kind.from_config(told.get_config()).use_cudnn is False
