"""LSTM, GRU, SimpleRNN and their cells, RNN, StackedRNNCells, Bidirectional, TimeDistributed."""

import functools

import torch

import unpad

from .case import Case

L = unpad.layers


# --- cells of one's own, written once for unpad and for Keras -------------------------------------


class _Minimal:
    """Keras's own example of a cell, with an output that is not its state."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units), initializer="orthogonal", name="recurrent_kernel"
        )

    def call(self, inputs, states):
        h = torch.tanh(inputs @ self.kernel + states[0] @ self.recurrent_kernel)
        return 2 * h + 1, [h]


class _Counting(_Minimal):
    """Of two states of different sizes, that start from ones and not from zeros."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [units, 1]
        self.output_size = units + 1

    def get_initial_state(self, batch_size=None):
        return [torch.ones(batch_size, self.units), torch.ones(batch_size, 1)]

    def call(self, inputs, states, training=False):
        h, count = states
        h = torch.tanh(inputs @ self.kernel + h @ self.recurrent_kernel / count)
        return torch.cat([h, count], -1), [h, count + 1]


class MinimalCell(_Minimal, L.Layer):
    """`_Minimal` as a layer of unpad's."""


class CountingCell(_Counting, L.Layer):
    """`_Counting` as a layer of unpad's."""


class TorchCell(torch.nn.Module):
    """A torch module as a cell, of steps that are matrices, (2, 3)."""

    state_size = 4

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(10, 4)

    def forward(self, inputs, states):
        """One step."""
        h = torch.tanh(self.linear(torch.cat([inputs.flatten(1), states[0]], -1)))
        return h.unflatten(1, (2, 2)), h


class Sub(L.LSTMCell):
    """A cell of unpad's whose step is not unpad's, so that it is walked step by step."""

    def forward(self, inputs, states=None):
        """One step."""
        return super().forward(inputs, states)


class Decay:
    """A plain object."""

    state_size = 3

    def call(self, inputs, states):
        """One step."""
        h = 0.5 * states[0] + inputs
        return h, [h]


class OwnWalk(L.Layer):
    """A running sum as a layer of one's own, that Bidirectional can wrap."""

    def __init__(self, return_sequences=False, go_backwards=False, **kwargs):
        super().__init__(**kwargs)
        self.return_sequences, self.go_backwards = return_sequences, go_backwards

    def forward(self, inputs):
        """Sums from the start, or from each sequence's own end, in the order walked."""
        inputs = inputs.reversed() if self.go_backwards else inputs
        if not self.return_sequences:
            return inputs.sum()
        parts = inputs.values.split(inputs.lengths.tolist())
        sums = torch.cat([p.cumsum(0) for p in parts]) if parts else inputs.values
        return inputs.with_values(sums * (inputs.positions[:, None] + 1))


@functools.cache
def own(k, name):
    """A cell of one's own, of the library that is under test."""
    if k is unpad:
        return {"Minimal": MinimalCell, "Counting": CountingCell}[name]
    base = {"Minimal": _Minimal, "Counting": _Counting}[name]
    # Without its register Keras cannot make a cell again, as its Bidirectional does.
    register = k.saving.register_keras_serializable("tests.cases")
    return register(type(name, (base, k.layers.Layer), {}))


# --- how cells are called, and what they give -----------------------------------------------------


def flat(outputs):
    """Nested lists as one list."""
    if isinstance(outputs, (list, tuple)):
        return [o for part in outputs for o in flat(part)]
    return [outputs]


def step(cell, inputs):
    """One step of a cell: inputs, then its states."""
    return flat(cell(inputs[0], list(inputs[1:])))


def nested_step(cell, inputs):
    """One step of an LSTMCell under a GRUCell."""
    x, h, c, g = inputs
    return flat(cell(x, [[h, c], [g]]))


def walk(layer, inputs):
    """A layer that gives its states, nested in Keras and flat here."""
    return flat(layer(*inputs))


def from_states(layer, inputs):
    """From given states."""
    return flat(layer(inputs[0], initial_state=list(inputs[1:])))


def nested_states(layer, inputs):
    """From given states of an LSTMCell under a GRUCell, in Keras's arrangement."""
    x, h, c, g = inputs
    return flat(layer(x, initial_state=[[h, c], [g]]))


ROW = ("rows", (4,))
X = ("rows", (3,))
STEPS = ("steps", (3,))
SEQ = {"return_sequences": True}
BOTH = {"return_sequences": True, "return_state": True}
TORCH = "Keras cannot hold a torch module"
GATES = {"recurrent_activation": "hard_sigmoid"}
# torch's own hardsigmoid, which Keras calls, takes 1/6 from float32 on its way back.
HARD = 1e-6

CASES = [
    Case("LSTM", lambda k: k.layers.LSTM(4)),
    Case("LSTM sequences", lambda k: k.layers.LSTM(4, **SEQ)),
    Case("LSTM backwards", lambda k: k.layers.LSTM(4, go_backwards=True, **SEQ)),
    Case("LSTM state", lambda k: k.layers.LSTM(4, **BOTH)),
    Case("LSTM from states", lambda k: k.layers.LSTM(4, **BOTH), (STEPS, ROW, ROW), from_states),
    Case("LSTM relu", lambda k: k.layers.LSTM(4, "relu", **GATES, **SEQ), parity=HARD),
    Case("LSTM elu", lambda k: k.layers.LSTM(2, "elu", **SEQ)),
    Case("LSTM linear", lambda k: k.layers.LSTM(2, None, None, use_bias=False, **SEQ)),
    Case("LSTM dropout", lambda k: k.layers.LSTM(4, dropout=0.5, recurrent_dropout=0.5)),
    Case("LSTM without forget bias", lambda k: k.layers.LSTM(4, unit_forget_bias=False)),
    Case("GRU", lambda k: k.layers.GRU(4, **SEQ)),
    Case("GRU reset before", lambda k: k.layers.GRU(4, return_state=True, reset_after=False)),
    Case("GRU backwards", lambda k: k.layers.GRU(4, "relu", go_backwards=True, **SEQ)),
    Case("GRU from a state", lambda k: k.layers.GRU(4), (STEPS, ROW), from_states),
    Case("SimpleRNN", lambda k: k.layers.SimpleRNN(4, **SEQ)),
    Case("SimpleRNN relu", lambda k: k.layers.SimpleRNN(4, "relu", False, return_state=True)),
    *(
        Case(name, make, *rest, keras=None, why="Keras has no minimal gated unit")
        for name, make, *rest in (
            ("MGU", lambda k: k.layers.MGU(4, **SEQ)),
            ("MGU backwards", lambda k: k.layers.MGU(4, "relu", go_backwards=True, **SEQ)),
            ("MGU from a state", lambda k: k.layers.MGU(4, **BOTH), (STEPS, ROW), from_states),
            ("MGU dropout", lambda k: k.layers.MGU(4, dropout=0.5, recurrent_dropout=0.5)),
            ("MGUCell", lambda k: k.layers.MGUCell(4), (X, ROW), step),
            ("RNN(MGUCell)", lambda k: k.layers.RNN(k.layers.MGUCell(4), **SEQ)),
            ("Bidirectional MGU", lambda k: k.layers.Bidirectional(k.layers.MGU(3, **SEQ))),
        )
    ),
    Case("LSTMCell", lambda k: k.layers.LSTMCell(4), (X, ROW, ROW), step),
    Case(
        "LSTMCell options",
        lambda k: k.layers.LSTMCell(4, "relu", "softsign", unit_forget_bias=False),
        (X, ROW, ROW), step,
    ),
    Case("GRUCell", lambda k: k.layers.GRUCell(4), (X, ROW), step),
    Case("GRUCell reset before", lambda k: k.layers.GRUCell(4, reset_after=False), (X, ROW), step),
    Case("GRUCell elu", lambda k: k.layers.GRUCell(4, "elu", use_bias=False), (X, ROW), step),
    Case("SimpleRNNCell", lambda k: k.layers.SimpleRNNCell(4), (X, ROW), step),
    Case("SimpleRNNCell of a tensor", lambda k: k.layers.SimpleRNNCell(4, None), (X, ROW),
         lambda cell, x: flat(cell(x[0], x[1]))),
    Case(
        "StackedRNNCells",
        lambda k: k.layers.StackedRNNCells([k.layers.LSTMCell(4), k.layers.GRUCell(2)]),
        (X, ROW, ROW, ("rows", (2,))), nested_step,
    ),
    Case("RNN(LSTMCell)", lambda k: k.layers.RNN(k.layers.LSTMCell(4), **BOTH), call=walk),
    Case("RNN(GRUCell)", lambda k: k.layers.RNN(k.layers.GRUCell(4), go_backwards=True, **SEQ)),
    Case("RNN(GRUCell) reset before",
         lambda k: k.layers.RNN(k.layers.GRUCell(4, reset_after=False))),
    Case("RNN(SimpleRNNCell)", lambda k: k.layers.RNN(k.layers.SimpleRNNCell(4))),
    Case("RNN(SimpleRNNCell) from a state",
         lambda k: k.layers.RNN(k.layers.SimpleRNNCell(4), **SEQ), (STEPS, ROW), from_states),
    Case(
        "RNN(stack)",
        lambda k: k.layers.RNN([k.layers.LSTMCell(4), k.layers.GRUCell(2)], **BOTH), call=walk,
    ),
    Case(
        "RNN(stack) backwards",
        lambda k: k.layers.RNN(
            [k.layers.SimpleRNNCell(4), k.layers.SimpleRNNCell(2)], go_backwards=True, **BOTH
        ),
        call=walk,
    ),
    Case(
        "RNN(stack) from states",
        lambda k: k.layers.RNN([k.layers.LSTMCell(4), k.layers.GRUCell(2)], **BOTH),
        (STEPS, ROW, ROW, ("rows", (2,))), nested_states,
    ),
    Case("RNN(own cell)", lambda k: k.layers.RNN(own(k, "Minimal")(4))),
    Case("RNN(own cell) sequences",
         lambda k: k.layers.RNN(own(k, "Minimal")(4), **BOTH), call=walk),
    Case("RNN(own cell) backwards",
         lambda k: k.layers.RNN(own(k, "Minimal")(4), go_backwards=True, **BOTH), call=walk),
    Case("RNN(own cell) from a state", lambda k: k.layers.RNN(own(k, "Minimal")(4), **BOTH),
         (STEPS, ROW), from_states),
    Case("RNN(own cell) of two states", lambda k: k.layers.RNN(own(k, "Counting")(4), **BOTH),
         call=walk),
    Case(
        "RNN(stack) of own and other cells",
        lambda k: k.layers.RNN(
            [k.layers.GRUCell(3), own(k, "Counting")(4), own(k, "Minimal")(2),
             k.layers.LSTMCell(2)],
            **BOTH,
        ),
        call=walk,
    ),
    Case("RNN(torch module)", lambda k: k.layers.RNN(TorchCell(), **BOTH), (("steps", (2, 3)),),
         keras=None, why=TORCH),
    Case("RNN(LSTMCell) step by step", lambda k: k.layers.RNN(Sub(4, dropout=0.5), **BOTH),
         keras=None, why="The same cell on another path; see tests/layers/test_rnn.py"),
    Case("RNN(object)", lambda k: k.layers.RNN(Decay(), go_backwards=True, **SEQ), keras=None,
         why="It has no weights, and Keras's layer takes the object as it is: nothing to compare"),
    Case("Bidirectional", lambda k: k.layers.Bidirectional(k.layers.LSTM(3))),
    *(
        Case(
            f"Bidirectional {mode}",
            lambda k, mode=mode: k.layers.Bidirectional(k.layers.LSTM(3, **SEQ), merge_mode=mode),
        )
        for mode in ("concat", "sum", "mul", "ave", None)
    ),
    Case("Bidirectional GRU", lambda k: k.layers.Bidirectional(k.layers.GRU(3, **SEQ))),
    Case("Bidirectional SimpleRNN",
         lambda k: k.layers.Bidirectional(k.layers.SimpleRNN(3), merge_mode="mul")),
    Case("Bidirectional state",
         lambda k: k.layers.Bidirectional(k.layers.LSTM(3, return_state=True))),
    Case("Bidirectional from states",
         lambda k: k.layers.Bidirectional(k.layers.GRU(4, **BOTH)), (STEPS, ROW, ROW), from_states),
    Case(
        "Bidirectional of two cells",
        lambda k: k.layers.Bidirectional(
            k.layers.GRU(3), backward_layer=k.layers.LSTM(3, go_backwards=True)
        ),
    ),
    Case(
        "Bidirectional of two kinds",
        lambda k: k.layers.Bidirectional(
            k.layers.LSTM(3), backward_layer=k.layers.LSTM(5, "relu", go_backwards=True)
        ),
    ),
    Case("Bidirectional(RNN)",
         lambda k: k.layers.Bidirectional(k.layers.RNN(k.layers.GRUCell(3), **BOTH)), call=walk),
    Case(
        "Bidirectional(RNN) of a stack",
        lambda k: k.layers.Bidirectional(
            k.layers.RNN([k.layers.LSTMCell(3), k.layers.LSTMCell(2)], **SEQ), merge_mode="sum"
        ),
    ),
    *(
        Case(
            f"Bidirectional(RNN) of an own cell, {mode}",
            lambda k, mode=mode: k.layers.Bidirectional(
                k.layers.RNN(own(k, "Minimal")(4), **SEQ), merge_mode=mode
            ),
        )
        for mode in ("concat", "ave", None)
    ),
    *(
        Case(
            f"Bidirectional(own layer) {name}",
            lambda k, options=options: k.layers.Bidirectional(OwnWalk(**options)),
            keras=None, why="A layer of unpad's; tests/layers/test_rnn.py says what it gives",
        )
        for name, options in (("last", {}), ("sequences", SEQ))
    ),
    Case("TimeDistributed", lambda k: k.layers.TimeDistributed(k.layers.Dense(2))),
    Case("TimeDistributed of sequences", lambda k: k.layers.TimeDistributed(k.layers.LSTM(2)),
         (("steps", (4, 3)),)),
    Case("TimeDistributed(torch)", lambda k: k.layers.TimeDistributed(torch.nn.Linear(3, 2)),
         keras=None, why=TORCH),
    Case("TimeDistributed(Embedding)",
         lambda k: k.layers.TimeDistributed(k.layers.Embedding(9, 4)), (("ids", 9),), keras=None,
         why="Keras needs a feature axis; of one it is compared in tests/keras/test_rnn.py"),
    Case("TorchModule", lambda k: L.TorchModule(torch.nn.LayerNorm(3)), keras=None, why=TORCH),
]  # fmt: skip
