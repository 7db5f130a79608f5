"""A graph of two inputs and two outputs is trained as Keras trains it, from the same weights."""

import keras
import numpy as np
import pytest
from masked_batches import MASKS, coded_like, ids
from side_by_side import assert_close, keras_weights

import unpad

MASK = MASKS["right"]
WORDS, CAPS = ids(MASK), np.where(MASK, 1 + ids(MASK) % 3, 0)
TAGS, KIND = ids(MASK) % 3, np.array([[0.0], [1.0], [1.0], [0.0]])


def model_of(k):
    words = k.Input((6,), name="words", dtype="int32")
    caps = k.Input((6,), name="caps", dtype="int32")
    tokens = k.layers.Embedding(9, 4, mask_zero=True)(words)
    h = k.layers.Add()([tokens, k.layers.Embedding(4, 4, mask_zero=True)(caps)])
    walk = k.layers.GRU(3, return_sequences=True)
    h = walk(h)
    tags = k.layers.Dense(3, activation="softmax", kernel_regularizer="l2", name="tags")(h)
    last = k.layers.LSTM(2, activity_regularizer="l1")(h)
    kind = k.layers.Dense(1, activation="sigmoid", name="kind")(last)
    return k.Model(inputs=[words, caps], outputs=[tags, kind])


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 2.0)])
def test_two_outputs_are_trained_alike(float64, weights):
    """Losses of both, their weighted sum with the penalties, and the weights after three steps."""
    models = [model_of(k) for k in (unpad, keras)]
    ours, theirs = models
    first = [coded_like(tuple(w.shape), 0.3) for w in theirs.weights]
    for model, k in zip(models, (unpad, keras), strict=True):
        model.set_weights(first)
        model.compile(
            k.optimizers.SGD(0.1),
            loss={"tags": "sparse_categorical_crossentropy", "kind": "binary_crossentropy"},
            loss_weights={"tags": weights[0], "kind": weights[1]},
        )
    x, y = {"words": WORDS, "caps": CAPS}, {"tags": TAGS, "kind": KIND}
    for step in range(3):
        a = ours.train_on_batch(x, y, return_dict=True)
        b = theirs.train_on_batch(x, y, return_dict=True)
        # Keras's log adds up over calls; its first number alone is this batch's.
        if step == 0:
            assert_close(a["loss"], b["loss"], "loss", 1e-7)
            for name in ("tags_loss", "kind_loss"):
                assert_close(a[name], b[name], name, 1e-7)
    for i, (a, b) in enumerate(zip(ours.get_weights(), keras_weights(theirs), strict=True)):
        assert_close(a, b, f"weight {i}", 1e-7, 1e-10)
