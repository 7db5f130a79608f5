"""Arguments that come later than at the constructor: set, given by a schedule, counted."""

import math

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import layers as L
from unpad import metrics as M
from unpad.optimizers import schedules

from ..messages import says

NO_RATES = [math.nan, math.inf, -1, "a", None, True]
OPTIMIZERS = ["SGD", "Adam", "AdamW", "Adamax", "Nadam", "RMSprop", "Adagrad", "Adadelta", "Lion"]
OPTIMIZERS += ["Ftrl"]


@pytest.mark.parametrize("value", NO_RATES, ids=repr)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_rate_that_is_none_is_not_set(name, value):
    optimizer = getattr(keras.optimizers, name)(0.5)
    text = f"{name}: expected learning_rate as a finite number from 0"
    with says(text):
        optimizer.learning_rate = value
    assert optimizer.learning_rate == 0.5
    with says(text):
        getattr(keras.optimizers, name)(value)


@pytest.mark.parametrize("value", NO_RATES, ids=repr)
def test_what_a_schedule_gives_is_a_rate_before_any_weight_moves(value):
    def falling(step):
        return value if step else 0.1

    weight = torch.nn.Parameter(torch.ones(2))
    rule = keras.optimizers.SGD(falling).bind([weight])
    weight.grad = torch.ones(2)
    rule.step()
    before = weight.detach().clone()
    with says("falling: expected the learning rate at step 1 as a finite number from 0, got"):
        rule.step()
    assert torch.equal(weight.detach(), before)


def test_a_scheduler_of_epochs_gives_a_rate():
    model = keras.Sequential([keras.Input((2,)), L.Dense(1)])
    model.compile("sgd", "mse")
    watcher = keras.callbacks.LearningRateScheduler(lambda epoch: math.nan)
    with says("LearningRateScheduler: expected what schedule gives for epoch 0 as a finite number"):
        model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0, callbacks=[watcher])


def test_boundaries_and_values():
    with says("PiecewiseConstantDecay: expected values[1] as a finite number from 0, got nan."):
        schedules.PiecewiseConstantDecay([1], [0.1, math.nan])
    with says(
        "PiecewiseConstantDecay: expected boundaries as a list of numbers, at least one, got"
    ):
        schedules.PiecewiseConstantDecay([], [0.1])


def test_no_epsilon_is_kerass_as_older_scripts_have_it():
    weights = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    for weight, epsilon in zip(weights, (None, 1e-7), strict=True):
        rule = keras.optimizers.Adam(epsilon=epsilon).bind([weight])
        weight.grad = torch.tensor([1.0, -2.0])
        rule.step()
    assert torch.equal(*weights)


@pytest.mark.parametrize("dtype", ["int64", torch.int32, "bool"])
def test_weights_are_no_integers(dtype):
    with says("Dense 'd': dtype='"):
        L.Dense(2, dtype=dtype, name="d")(torch.ones(1, 3))


@pytest.mark.parametrize(
    ("true", "pred", "text"),
    [
        ([0, 1], [math.nan, 0.5], "auc: y_pred is nan in row 0 of the batch; expected a prob"),
        ([0, 1], [0.5, 5.0], "auc: y_pred is 5 in row 1 of the batch; expected a probability. Of"),
        ([0, 7], [0.1, 0.5], "auc: y_true is 7 in row 1 of the batch; expected 0 or 1."),
    ],
)
def test_an_area_is_of_probabilities(true, pred, text):
    with says(text):
        M.AUC().update_state(true, pred)


def test_what_is_no_class_and_what_does_not_fit():
    with says("to_categorical: the class in x is 0.5; expected integers."):
        keras.utils.to_categorical(0.5)
    with says("to_categorical: expected x as integers, got ['a']."):
        keras.utils.to_categorical(["a"])
    with says("pad_sequences: 1099511627776 in sequence 0, step 0, would be 0 as int32."):
        keras.preprocessing.sequence.pad_sequences([[2**40]])
    with says("set_random_seed: expected seed as an integer, got 'a'."):
        keras.utils.set_random_seed("a")


def test_a_class_of_ones_own_is_checked_where_it_calls_ours():
    class Mine(L.LSTM):
        def __init__(self, units: int = "three", **kwargs):  # whatever it says, it is its own
            super().__init__(3, **kwargs)

    assert Mine().units == 3
    with says("Mine 'm': expected use_bias as True or False, got 'False'."):
        Mine(use_bias="False", name="m")
