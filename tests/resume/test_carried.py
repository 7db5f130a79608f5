"""What layers and metrics carry from batch to batch is data, and goes on where it stopped."""

import copy

import pytest
import torch

import unpad as keras
from unpad import metrics
from unpad.metrics.carried import carried, carry
from unpad.training.state import put_together, taken_apart

from ..cases import CASES

L = keras.layers
DRAWING = {
    "Dropout": lambda: L.Dropout(0.5, seed=3),
    "SpatialDropout1D": lambda: L.SpatialDropout1D(0.5, seed=3),
    "GaussianNoise": lambda: L.GaussianNoise(1.0, seed=3),
    "GaussianDropout": lambda: L.GaussianDropout(0.5, seed=3),
    "LSTM": lambda: L.LSTM(2, dropout=0.5, recurrent_dropout=0.5, seed=3, return_sequences=True),
    "stateful": lambda: L.GRU(2, stateful=True, return_sequences=True),
    "Bidirectional": lambda: L.Bidirectional(L.LSTM(2, dropout=0.5, seed=3, stateful=True)),
    "MultiHeadAttention": lambda: L.MultiHeadAttention(1, 2, dropout=0.5, seed=3),
}


def through_data(nest):
    stored = taken_apart(nest)
    return put_together(stored._replace(tensors={n: t.clone() for n, t in stored.tensors.items()}))


def called(layer, x):
    return layer(x, x, training=True) if isinstance(layer, L.MultiHeadAttention) else layer(x)


def carry_all(layer, found):
    for name, module in layer.named_modules():
        if isinstance(module, L.Layer):
            module.carry(found[name])


@pytest.mark.parametrize("name", DRAWING)
def test_draws_and_states_go_on(name):
    torch.manual_seed(0)
    x = keras.Ragged.from_list([torch.randn(n, 4) for n in (3, 1, 2)])
    layer = DRAWING[name]()
    layer.train()
    called(layer, x)
    parts = {n: m.carried() for n, m in layer.named_modules() if isinstance(m, L.Layer)}
    kept = through_data(parts)
    expected = called(layer, x)
    again = DRAWING[name]()
    again.train()
    called(again, x)
    called(again, x)
    again.load_state_dict(layer.state_dict())
    carry_all(again, kept)
    found = called(again, x)
    values = [y.values if isinstance(y, keras.Ragged) else y for y in (found, expected)]
    assert torch.equal(*values)


@pytest.mark.parametrize("name", CASES)
def test_what_every_layer_carries_is_data(name):
    layer = CASES[name].make(keras)
    parts = [m.carried() for m in layer.modules() if isinstance(m, L.Layer)]
    kept = through_data(parts)
    for module, own in zip(
        (m for m in layer.modules() if isinstance(m, L.Layer)), kept, strict=True
    ):
        module.carry(own)
    again = [m.carried() for m in layer.modules() if isinstance(m, L.Layer)]
    assert taken_apart(again).structure == taken_apart(parts).structure


class Own(metrics.Metric):
    """Keras's way."""

    def __init__(self):
        super().__init__("own")
        self.total = self.add_weight(name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(y_pred.sum())

    def result(self):
        return self.total * 1


METRICS = {
    "mean": lambda: metrics.SparseCategoricalAccuracy(),
    "sized": lambda: metrics.F1Score(average="macro"),
    "curve": lambda: metrics.AUC(),
    "matrix": lambda: metrics.ConfusionMatrix(),
    "own": Own,
}


@pytest.mark.parametrize("name", METRICS)
def test_metrics_go_on(name):
    torch.manual_seed(0)
    binary = name == "curve"
    batches = [
        (torch.randint(0, 2 if binary else 3, (5,)), torch.rand(5, 1 if binary else 3))
        for _ in range(2)
    ]
    whole = METRICS[name]()
    whole.update_state(*batches[0])
    kept = through_data(carried(whole))
    again = copy.deepcopy(METRICS[name]())
    carry(again, kept)
    assert torch.equal(torch.as_tensor(again.result()), torch.as_tensor(whole.result()))
    for metric in (whole, again):
        metric.update_state(*batches[1])
    assert torch.equal(torch.as_tensor(again.result()), torch.as_tensor(whole.result()))
