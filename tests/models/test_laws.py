"""Models of every kind keep the laws, from prediction to training; a wrong one is told."""

import pytest
import torch

import unpad as keras
from unpad.testing import LawBroken, check_model, coded

L = keras.layers
LENGTHS = [3, 1, 4, 2]
X = coded(LENGTHS, (3,), torch.float32)
IDS = coded(LENGTHS, (), torch.int64).map(lambda v: v % 8 + 1)
TAGS = IDS.map(lambda v: v % 3)
STEPS = X.map(lambda v: v[:, :1].abs())
ROWS = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
SPARSE = "sparse_categorical_crossentropy"


def tagger():
    return keras.Sequential(
        [keras.Input((None,)), L.Embedding(9, 4, mask_zero=True),
         L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Dense(3, "softmax")]
    )  # fmt: skip


def classifier():
    return keras.Sequential([L.GRU(4), L.Dropout(0.5), L.Dense(1, "sigmoid")])


def convolutions():
    return keras.Sequential(
        [L.Conv1D(4, 3, padding="same", activation="relu"), L.LayerNormalization(),
         L.GlobalMaxPooling1D(), L.Dense(1)]
    )  # fmt: skip


def transformer():
    x = keras.Input((None,), ragged=True)
    h = L.TokenAndPositionEmbedding(9, 10, 8)(x)
    return keras.Model(x, L.Dense(3, "softmax")(L.TransformerEncoder(8, 2)(h)))


def graph():
    words, features = keras.Input((None,), ragged=True), keras.Input((None, 3), ragged=True)
    h = L.Concatenate()([L.Embedding(9, 4, mask_zero=True)(words), features])
    h = L.LSTM(4, return_sequences=True)(h) * 2
    tags = L.Dense(3, "softmax", name="tags")(h)
    return keras.Model([words, features], [tags, L.Dense(1, name="sum")(L.FirstStep()(h))])


def crf():
    return keras.Sequential(
        [keras.Input((None,)), L.Embedding(9, 4, mask_zero=True), L.Dense(3), L.CRF()]
    )


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.walk = L.SimpleRNN(4, return_sequences=True)
        self.out = torch.nn.Linear(4, 1)

    def forward(self, inputs):
        return (self.walk(inputs) + 1).map(self.out)


MODELS = {
    "tagger": (tagger, IDS, TAGS, SPARSE, ["accuracy"]),
    "classifier": (classifier, X, ROWS, "binary_crossentropy", ["accuracy", "auc"]),
    "convolutions": (convolutions, X, ROWS, "huber", ["mae"]),
    "transformer": (transformer, IDS, TAGS, SPARSE, ["accuracy", "f1"]),
    "graph": (graph, [IDS, X], [TAGS, ROWS], [SPARSE, "mse"], None),
    "CRF": (crf, IDS, TAGS, "crf", ["accuracy"]),
    "own": (Own, X, STEPS, "mse", ["r2_score"]),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_keep_the_laws(name):
    make, x, y, loss, metrics = MODELS[name]
    check_model(make, x, y, loss=loss, metrics=metrics)


class Centres(keras.Model):
    """Subtracts the mean over the batch, and so looks at its company."""

    def __init__(self):
        super().__init__()
        self.out = L.Dense(1)

    def forward(self, inputs):
        return self.out(inputs - inputs.values.mean(0))


class Draws(keras.Model):
    """Adds noise in prediction too."""

    def __init__(self):
        super().__init__()
        self.out = L.Dense(1)

    def forward(self, inputs):
        return self.out(inputs) + torch.rand(())


@pytest.mark.parametrize("make", [Centres, Draws])
def test_wrong_models_are_told(make):
    with pytest.raises(LawBroken, match=f"{make.__name__} breaks law 1, alone as in company: "):
        check_model(make, X, STEPS, loss="mse")


class ByBatch(keras.metrics.Metric):
    """The mean of the batches' means."""

    def __init__(self):
        super().__init__("by_batch")
        self.add_state("total", torch.zeros(()), dist_reduce_fx="sum")
        self.add_state("batches", torch.zeros(()), dist_reduce_fx="sum")

    def add(self, steps):
        self.total += steps.y_pred.mean()
        self.batches += 1

    def score(self):
        return self.total / self.batches


def test_a_metric_that_goes_by_batches_is_told():
    with pytest.raises(LawBroken, match="breaks law 4, one denominator: by_batch is"):
        check_model(Own, X, STEPS, loss="mse", metrics=[ByBatch()])
