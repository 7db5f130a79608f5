"""Inputs that need not be there: `Input(optional=True)`."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import Ragged

from ..messages import says


class Sum(keras.layers.Layer):
    """x, and y where it is there; it says its shape by the first alone."""

    def call(self, x, y=None):
        return x if y is None else x + y

    def compute_output_shape(self, x_shape):
        return x_shape


def model(named, ragged=False):
    a = keras.Input((None, 2) if ragged else (2,), ragged=ragged, name="a")
    b = keras.Input((2,), name="b", optional=True)
    return keras.Model({"a": a, "b": b} if named else [a, b], Sum()(a, b))


@pytest.mark.parametrize("named", [False, True])
def test_none_stands_for_an_optional_input(named):
    made, one = model(named), np.ones((3, 2), "float32")
    for second, value in ((None, 1), (one, 2)):
        given = {"a": one, "b": second} if named else [one, second]
        assert torch.equal(made(given), torch.full((3, 2), float(value)))
    with keras.saving.custom_object_scope({"Sum": Sum}):
        again = keras.Model.from_config(made.get_config())
    assert torch.equal(again({"a": one, "b": None} if named else [one, None]), torch.ones(3, 2))


def test_beside_sequences():
    steps = Ragged.from_list([[[1.0, 2.0]], []])
    assert model(False, ragged=True)([steps, None]).lengths.tolist() == [1, 0]


def test_what_is_not_optional_is_asked_for():
    with says("Input 'a': it is not optional, got None."):
        model(True)({"a": None, "b": np.ones((3, 2))})
