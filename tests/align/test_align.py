"""Targets and weights beside steps: one alignment, by named axis, for losses and metrics alike."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

import unpad as keras
from unpad import Ragged, losses, metrics
from unpad.align.where import Where

from ..examples import draws
from ..messages import says

LENGTHS = st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(sum)


@draws(40)
@given(LENGTHS, st.integers(0, 1000))
def test_a_weight_belongs_to_the_axes_that_it_names(lengths, seed):
    """Of a sequence it is that of each of its steps, given by sequence, step or slot of a grid.

    Squares are drawn too, in which a trailing broadcast would fit as well.
    """
    torch.manual_seed(seed)
    pred = Ragged.from_list([torch.randn(n, max(lengths)) for n in lengths])
    true = pred.map(torch.randn_like)
    weight = torch.rand(len(lengths))
    by_step = true.with_values(weight[true.sequence_ids])
    error = (true.values - pred.values).abs().mean(1)
    total = (error * by_step.values).sum()
    loss, metric = losses.MeanAbsoluteError(), metrics.MeanAbsoluteError()
    for given_weight in (weight, by_step, by_step.to_padded()):
        torch.testing.assert_close(loss(true, pred, given_weight), total / len(error))
        metric.reset_state()
        metric.update_state(true, pred, given_weight)
        expected = total / by_step.values.sum()
        torch.testing.assert_close(metric.result().to(expected.dtype), expected)


def test_the_parts_of_where():
    where = Where("fit: validation_data", "y", "tags")
    assert str(where) == "fit: validation_data: y of output 'tags'"
    assert (where.named, str(where.of("x"))) == ("y of output 'tags'", "fit: validation_data: x")


def test_an_error_names_the_argument_within_another():
    a, b = (keras.Input((3,), name=name) for name in "ab")
    model = keras.Model([a, b], keras.layers.Dense(1)(keras.layers.Add()([a, b])))
    model.compile("sgd", "mse")
    x = np.zeros((4, 3), "float32")
    with says(
        "fit: validation_data: input 'b' has 2 sequences, input 'a' has 4. Each sequence needs all "
        "inputs."
    ):
        model.fit([x, x], x[:, :1], validation_data=([x, x[:2]], x[:, :1]), verbose=0)
