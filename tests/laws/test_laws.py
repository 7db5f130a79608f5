"""A whole model through every law; and the suite catches what breaks one.

Each layer goes through the laws in tests/laws/test_cases.py.
"""

import pytest
import torch
from hypothesis import given

import unpad as keras
from unpad.testing import LawBroken, check_layer

from ..examples import draws
from ..strategies import lengths

L = keras.layers


def model():
    """Token-wise, both ways, last, one number a sequence."""
    return keras.Sequential(
        [L.Dense(3), L.Bidirectional(L.LSTM(2, return_sequences=True)), L.LSTM(3), L.Dense(1)]
    )


def test_a_model_keeps_the_laws():
    check_layer(model)


@given(sizes=lengths)
@draws(20)
def test_on_any_lengths(sizes):
    check_layer(model, lengths=sizes)


# --- what the suite catches -----------------------------------------------------------------------


class MeanOverTheGrid(L.Layer):
    def output_spec(self, spec):
        return L.Spec(spec.shape)

    def forward(self, inputs):
        return inputs.to_padded().sum(1) / inputs.layout.time if inputs.batch else inputs.sum()


class SoftmaxOverPadding(L.Layer):
    def forward(self, inputs):
        weights = torch.softmax(inputs.to_padded(), 1)
        return inputs.with_values(weights[inputs.sequence_ids, inputs.layout.places])


class FlipOfTheGrid(L.Layer):
    def forward(self, inputs):
        flipped = inputs.to_padded().flip(1)
        return inputs.with_values(flipped[inputs.sequence_ids, inputs.layout.places])


class ConvolutionAcrossTheEnd(L.Layer):
    def forward(self, inputs):
        return inputs.with_values(inputs.values + inputs.values.roll(1, 0))


class StatisticsWithPadding(L.Layer):
    def forward(self, inputs):
        if not inputs.steps:
            return inputs
        grid = inputs.to_padded()
        return inputs.with_values(inputs.values - grid.mean((0, 1)))


class ChangesTheLengths(L.Layer):
    def forward(self, inputs):
        return inputs.keep(inputs.positions > 0)


class NanOnEmpty(L.Layer):
    def output_spec(self, spec):
        return L.Spec(spec.shape)

    def forward(self, inputs):
        return inputs.sum() / inputs.lengths[:, None]


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (MeanOverTheGrid, "MeanOverTheGrid breaks law 1, alone as in company: sequence 0 is off"),
        (SoftmaxOverPadding, "breaks law 1, alone as in company: sequence 0, step 0 is off by"),
        (FlipOfTheGrid, "breaks law 1, alone as in company: sequence 0, step 0 is off by"),
        (ConvolutionAcrossTheEnd, "breaks law 1, alone as in company: sequence 0, step 0 is off"),
        (StatisticsWithPadding, "breaks law 1, alone as in company: sequence 0, step 0 is off by"),
        (ChangesTheLengths, "breaks law 3, .*: the output's sequence 0 has 2 steps against 3"),
        (NanOnEmpty, "breaks law 1, alone as in company: sequence 1 is off by nan"),
    ],
)
def test_typical_mistakes_are_caught(layer, text):
    with pytest.raises(LawBroken, match=text):
        check_layer(layer)
