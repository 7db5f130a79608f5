"""The recurrent layers of both libraries in pairs, and the tables of their options."""

import keras
import pytest
from masked_batches import BATCH, MASKS, coded_like
from tests.cases.recurrent import own

import unpad

UNITS = 3

#: The class of each cell, and what makes it that cell.
CELLS = {
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {}),
    "gru reset before": ("GRU", {"reset_after": False}),
    "rnn": ("SimpleRNN", {}),
}
STATES = {"lstm": 2, "gru": 1, "gru reset before": 1, "rnn": 1}

_ANY = {
    "last": {},
    "sequences": {"return_sequences": True},
    "state": {"return_state": True},
    "sequences and state": {"return_sequences": True, "return_state": True},
    "backwards": {"go_backwards": True},
    "backwards, state": {"go_backwards": True, "return_state": True},
    "relu": {"activation": "relu", "return_sequences": True},
    "linear": {"activation": "linear", "return_sequences": True},
    "hard_sigmoid": {"activation": "hard_sigmoid", "return_sequences": True},
    "elu": {"activation": "elu", "return_sequences": True},
    "no bias": {"use_bias": False, "return_sequences": True},
}
_GATED = {
    "hard_sigmoid gates": {"recurrent_activation": "hard_sigmoid", "return_sequences": True},
    "softsign gates": {"recurrent_activation": "softsign", "return_sequences": True},
    "none": {"activation": None, "recurrent_activation": None, "return_sequences": True},
}

#: The options that each cell is compared under.
OPTIONS = {
    "lstm": {
        **_ANY,
        **_GATED,
        "no unit_forget_bias": {"unit_forget_bias": False, "return_sequences": True},
    },
    "gru": {**_ANY, **_GATED},
    "gru reset before": {**_ANY, **_GATED},
    "rnn": {**_ANY, "none": {"activation": None, "return_sequences": True}},
}

# torch's own hardsigmoid, which Keras calls, takes 1/6 from float32 on its way back.
HARD = {"rtol": 1e-6, "atol": 1e-7}

masks = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
cells = pytest.mark.parametrize("cell", CELLS)
gated = pytest.mark.parametrize("cell", [c for c in CELLS if c != "rnn"])
sequences = pytest.mark.parametrize("return_sequences", [False, True])
merge_modes = pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
every_option = pytest.mark.parametrize(
    ("cell", "options"),
    [
        pytest.param(cell, options, id=f"{cell}-{name}")
        for cell, table in OPTIONS.items()
        for name, options in table.items()
    ],
)


def pair(cell, units=UNITS, **options):
    """The same layer of both libraries."""
    name, own = CELLS[cell]
    return tuple(getattr(m.layers, name)(units, **own, **options) for m in (unpad, keras))


def both_ways(wrapped, backward=(None, None), **options):
    """The same Bidirectional of both libraries."""
    ours, theirs = zip(wrapped, backward, strict=True)
    return (
        unpad.layers.Bidirectional(ours[0], backward_layer=ours[1], **options),
        keras.layers.Bidirectional(theirs[0], backward_layer=theirs[1], **options),
    )


def initial_states(n, batch=BATCH):
    """n value-coded states (batch, UNITS), no two alike."""
    return [coded_like((batch, UNITS)) * 0.5 + 0.1 * i for i in range(n)]


def tolerance(options):
    """Wider where Keras's own hard_sigmoid takes part."""
    return HARD if "hard_sigmoid" in options.values() else {}


# --- cells, and RNN of them ----------------------------------------------------------------------


def cell_pair(cell, units=UNITS, **options):
    """The same cell of both libraries."""
    name, own = CELLS[cell]
    return tuple(getattr(m.layers, f"{name}Cell")(units, **own, **options) for m in (unpad, keras))


def own_pair(units=UNITS):
    """A cell of one's own whose output is not its state, written in either library."""
    return tuple(own(m, "Minimal")(units) for m in (unpad, keras))


def stack_pair(*kinds):
    """Cells on top of each other, of rising sizes."""
    pairs = [
        own_pair(UNITS + i) if kind == "own" else cell_pair(kind, UNITS + i)
        for i, kind in enumerate(kinds)
    ]
    return tuple(list(cells) for cells in zip(*pairs, strict=True))


def rnn_pair(inner, **options):
    """RNN of the cells of either library."""
    return tuple(
        m.layers.RNN(cell, **options) for m, cell in zip((unpad, keras), inner, strict=True)
    )
