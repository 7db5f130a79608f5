"""Models with stateful layers, trained and asked batch after batch beside Keras's."""

import keras
import numpy as np
import torch
from masked_batches import BATCH, BATCHES, RUNS, coded_like
from recurrent_pairs import cells, pair
from side_by_side import assert_close, keras_weights

import unpad

#: Three batches in one, (3 * BATCH, time, feature), as Masking(9.0) takes them, their tags, masks.
MASK = np.concatenate(RUNS["mixed"])
X = np.where(MASK[..., None], np.concatenate(BATCHES), 9.0)
TAGS = np.arange(MASK.size).reshape(MASK.shape) % 4
ROWS = [slice(i, i + BATCH) for i in range(0, len(X), BATCH)]


def models(cell):
    """A stateful tagger of both libraries, from the same weights; Keras's for batches of BATCH."""
    built = []
    for module, shape in (
        (unpad, {"shape": (None, 3)}),
        (keras, {"batch_shape": (BATCH, None, 3)}),
    ):
        layers = module.layers
        layer = pair(cell, return_sequences=True, stateful=True)[0 if module is unpad else 1]
        model = module.Sequential([
            module.Input(**shape),
            layers.Masking(9.0),
            layer,
            layers.Bidirectional(layers.SimpleRNN(2, return_sequences=True, stateful=True)),
            layers.Dense(4, activation="softmax"),
        ])  # fmt: skip
        model.set_weights([coded_like(tuple(w.shape), 0.7) for w in model.weights])
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        built.append(model)
    return built


@cells
def test_model(float64, cell):
    """Trained on batches that follow one another, reset, then asked: as Keras's."""
    ours, theirs = models(cell)
    for _ in range(2):
        for k, rows in enumerate(ROWS):
            found, expected = (
                np.ravel(m.train_on_batch(X[rows], TAGS[rows]))[0] for m in (ours, theirs)
            )
            assert_close(found, expected, f"loss of batch {k}", rtol=1e-7)
    ours.reset_state()
    for layer in theirs.layers[1:3]:  # Keras's models have no reset_state; Masking is the first
        layer.reset_state()
    found = ours.predict(X, batch_size=BATCH, verbose=0)
    expected = np.concatenate([theirs(torch.tensor(X[rows])).detach() for rows in ROWS])
    assert_close(found[MASK], expected[MASK], "prediction", rtol=1e-6)


@cells
def test_fit(float64, cell):
    """An epoch starts from where the one before ended, as in Keras's fit."""
    ours, theirs = models(cell)
    for model in (ours, theirs):
        model.fit(X, TAGS, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    for i, (a, b) in enumerate(zip(ours.get_weights(), keras_weights(theirs), strict=True)):
        assert_close(a, b, f"weight {i}", rtol=1e-7, atol=1e-9)
