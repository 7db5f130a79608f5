"""The time in a Ragged's shape: each sequence's own, which is no number."""

import numpy as np
import pytest
import torch

import unpad
from unpad import Ragged, layers, ops
from unpad.testing import check_layer

X = Ragged.from_list([[5, 6, 7], [], [8]])
TIME = ops.shape(X)[1]
TABLE = torch.arange(20.0).reshape(5, 4)


class Placed(layers.Layer):
    """Adds a trained row for each step's place, as programs of Keras write it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.places = layers.Embedding(40, 3)

    def call(self, inputs):
        return inputs + self.places(ops.arange(start=0, stop=ops.shape(inputs)[1], step=1))


def test_a_range_up_to_it_is_the_place_of_each_step():
    places = ops.arange(TIME)
    assert [p.tolist() for p in places.to_list()] == [[0, 1, 2], [], [0]]
    assert places.dtype == torch.int32 and ops.arange(0, TIME, 1, "float32").dtype == torch.float32
    assert ops.arange(ops.shape(X[1:2])[1]).lengths.tolist() == [0]
    assert ops.arange(ops.shape(X[:0])[1]).batch == 0


def test_padding_on_the_left_moves_no_place():
    grid = np.array([[0, 0, 5], [6, 7, 8]])
    x = Ragged.from_padded(grid, mask=grid != 0)
    assert [p.tolist() for p in ops.arange(ops.shape(x)[1]).to_list()] == [[0], [0, 1, 2]]


def test_a_layer_that_counts_by_it_keeps_the_laws():
    check_layer(Placed, feature=(3,))


def test_each_step_takes_rows_of_a_table():
    rows = ops.take(TABLE, X - 4, axis=0)
    assert rows.feature == (4,) and rows.lengths.tolist() == [3, 0, 1]
    assert torch.equal(rows.values, TABLE[X.values - 4])
    assert torch.equal(ops.take(TABLE, X, axis=None).values, TABLE.flatten()[X.values])


def test_what_is_made_of_its_shape_has_its_steps():
    x = Ragged.from_list([np.ones((2, 3)), np.ones((0, 3))])
    shape = ops.shape(x)
    assert shape == (2, ops.shape(x * 2)[1], 3) and shape[1] != TIME
    for made in (
        ops.zeros(shape),
        ops.ones(shape),
        ops.full(shape, 2.0),
        unpad.random.normal(shape, seed=1),
        unpad.random.randint(shape, 0, 9),
    ):
        assert made.lengths.tolist() == [2, 0] and made.feature == (3,)
    assert ops.reshape(x, (*shape[:2], 3, 1)).feature == (3, 1)


ASKED = "the time of a Ragged, each sequence's own (its places: ops.arange(time))"
SAYS = [
    (lambda: TABLE[:TIME],
     "ops.shape: the time of a Ragged is no number, each sequence has its own (x.lengths). The "
     "places of its steps: ops.arange(time); their rows of a table: ops.take(table, "
     "ops.arange(time), axis=0); where time stays in a shape: -1."),
    (lambda: 1 + TIME, "ops.shape: the time of a Ragged is no number, each sequence has its"),
    (lambda: range(TIME), "ops.shape: the time of a Ragged is no number, each sequence"),
    (lambda: ops.arange(1, TIME),
     "arange: up to the time of a Ragged it gives each step's place, from 0 by 1; got start=1, "
     "step=None. Count from elsewhere: arange(time) + start; leave steps out: x[:, start::step]."),
    (lambda: ops.zeros((2, TIME)),
     "ops.shape: expected 3 sequences before the time of a Ragged, which has so many, got 2."),
    (lambda: ops.take(TABLE, X, axis=1),
     "take: got axis=1 and indices as a Ragged. Each of its steps takes rows of a tensor: axis=0."),
    (lambda: ops.one_hot(X, TIME), f"one_hot: expected num_classes as an integer, got {ASKED}."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "text"), SAYS, ids=[text[:24] for _, text in SAYS])
def test_it_is_no_number(call, text):
    with pytest.raises((TypeError, ValueError)) as told:
        call()
    assert str(told.value).startswith(text)
