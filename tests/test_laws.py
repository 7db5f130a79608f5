"""Every layer through every law, forward and backward; and the suite catches what breaks one."""

import pytest
import torch
from hypothesis import given, settings

import unpad as keras
from unpad.testing import LawBroken, check_layer, coded

from .strategies import lengths

L = keras.layers

LAYERS = {
    "Dense": lambda: L.Dense(4, "softmax"),
    "Dense without bias": lambda: L.Dense(4, use_bias=False),
    "Activation": lambda: L.Activation("relu"),
    "Dropout": lambda: L.Dropout(0.5),
    "Masking": lambda: L.Masking(),
    "TimeDistributed(Dense)": lambda: L.TimeDistributed(L.Dense(2)),
    "TimeDistributed(torch)": lambda: L.TimeDistributed(torch.nn.Linear(3, 2)),
    "TorchModule": lambda: L.TorchModule(torch.nn.LayerNorm(3)),
    "LSTM": lambda: L.LSTM(4),
    "LSTM sequences": lambda: L.LSTM(4, return_sequences=True),
    "LSTM backwards": lambda: L.LSTM(4, return_sequences=True, go_backwards=True),
    "LSTM state": lambda: L.LSTM(4, return_state=True, return_sequences=True),
    "LSTM relu": lambda: L.LSTM(4, "relu", "hard_sigmoid", return_sequences=True),
    "LSTM elu": lambda: L.LSTM(2, "elu", return_sequences=True),
    "LSTM dropout": lambda: L.LSTM(4, dropout=0.5, recurrent_dropout=0.5),
    "GRU": lambda: L.GRU(4, return_sequences=True),
    "GRU reset before": lambda: L.GRU(4, return_state=True, reset_after=False),
    "GRU backwards": lambda: L.GRU(4, "relu", return_sequences=True, go_backwards=True),
    "SimpleRNN": lambda: L.SimpleRNN(4, return_sequences=True),
    "SimpleRNN relu": lambda: L.SimpleRNN(4, "relu", use_bias=False, return_state=True),
    "Bidirectional GRU": lambda: L.Bidirectional(L.GRU(3, return_sequences=True)),
    "Bidirectional SimpleRNN": lambda: L.Bidirectional(L.SimpleRNN(3), merge_mode="mul"),
    "Bidirectional of two cells": lambda: L.Bidirectional(
        L.GRU(3), backward_layer=L.LSTM(3, go_backwards=True)
    ),
    "Bidirectional": lambda: L.Bidirectional(L.LSTM(3)),
    **{
        f"Bidirectional {mode}": lambda mode=mode: L.Bidirectional(
            L.LSTM(3, return_sequences=True), merge_mode=mode
        )
        for mode in ("concat", "sum", "mul", "ave", None)
    },
    "Bidirectional state": lambda: L.Bidirectional(L.LSTM(3, return_state=True)),
    "Bidirectional of two kinds": lambda: L.Bidirectional(
        L.LSTM(3), backward_layer=L.LSTM(5, "relu", go_backwards=True)
    ),
    "Sequential": lambda: keras.Sequential(
        [L.Dense(3), L.Bidirectional(L.LSTM(2, return_sequences=True)), L.LSTM(3), L.Dense(1)]
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_keep_the_laws(name):
    check_layer(LAYERS[name])


@pytest.mark.parametrize("name", ["Dense", "LSTM sequences", "Bidirectional concat", "Sequential"])
@given(sizes=lengths)
@settings(max_examples=20)
def test_on_any_lengths(name, sizes):
    check_layer(LAYERS[name], lengths=sizes)


@pytest.mark.parametrize("mask_zero", [True, False])
def test_embedding_keeps_the_laws(mask_zero):
    ids = coded([3, 0, 5, 1], (), torch.int64).map(lambda v: v % 7 + 1)
    check_layer(lambda: L.Embedding(9, 4, mask_zero=mask_zero), batch=ids)


def test_every_layer_is_under_the_laws():
    bases = {"Layer", "TokenWise", "Recurrent", "Spec"}
    tested = " ".join([*LAYERS, "Embedding"])
    assert [n for n in L.__all__ if n not in bases and n not in tested] == []


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
