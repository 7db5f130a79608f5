"""The tagger as a whole: trained, evaluated and asked beside Keras's, from the same weights."""

import warnings

import keras
import numpy as np
import pytest
import torch
from masked_batches import coded_like
from side_by_side import assert_close, assert_same_steps, keras_weights

import unpad

VOCABULARY, TAGS = 12, 4
SEQUENCES, TIME, BATCH_SIZE, EPOCHS = 7, 5, 3, 2  # the last batch has one sequence
ROWS = [slice(i, i + BATCH_SIZE) for i in range(0, SEQUENCES, BATCH_SIZE)]
SIDES = ["right", "left", "holes"]

# In float64 training parts by no more than rounding. In float32 Adam's first steps are as large
# for a gradient that is nothing but rounding as for any other.
PRECISIONS = {
    "float64": {"rtol": 1e-7, "atol": 1e-9},
    "float32": {"rtol": 1e-3, "atol": 1e-4},
}


@pytest.fixture(params=PRECISIONS)
def precision(request):
    """Runs a test in either precision; gives the tolerances."""
    if request.param == "float64":
        request.getfixturevalue("float64")
    return PRECISIONS[request.param]


def corpus(side):
    """Ids (SEQUENCES, TIME) with 0 where nothing is, tags that depend on them, and the mask."""
    draw = np.random.default_rng(5)
    lengths = draw.integers(1, TIME + 1, SEQUENCES)
    lengths[:2] = 1, TIME
    slots = np.arange(TIME)
    mask = {
        "right": slots < lengths[:, None],
        "left": slots >= TIME - lengths[:, None],
        "holes": draw.permuted(slots < lengths[:, None], axis=1),
    }[side]
    ids = np.where(mask, draw.integers(1, VOCABULARY, mask.shape), 0)
    return ids, np.where(mask, ids * 7 % TAGS, 0), mask


def tagger(module, optimizer="adam", loss="sparse_categorical_crossentropy"):
    """The tagger of DESIGN.md, small, with value-coded weights."""
    layers = module.layers
    model = module.Sequential([
        module.Input(shape=(None,)),
        layers.Embedding(VOCABULARY, 6, mask_zero=True),
        layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
        layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
        layers.TimeDistributed(layers.Dense(TAGS, activation="softmax")),
    ])  # fmt: skip
    shapes = [tuple(w.shape) for w in model.weights]
    model.set_weights([coded_like(s, 0.7) + 0.01 * i for i, s in enumerate(shapes)])
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def keras_predict(model, x):
    """Keras's predict, less its own warning under numpy 2, of an `__array__` without `copy`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        return model.predict(x, verbose=0)


@pytest.fixture(params=SIDES)
def data(request):
    """The corpus, padded on one side."""
    return corpus(request.param)


def test_weights_fit(data):
    """Both models have the same weights, in the same order and shapes."""
    ours, theirs = tagger(unpad), tagger(keras)
    assert [w.shape for w in ours.get_weights()] == [tuple(w.shape) for w in theirs.weights]
    assert ours.count_params() == theirs.count_params()
    for i, (a, b) in enumerate(zip(ours.get_weights(), keras_weights(theirs), strict=True)):
        assert_close(a, b, f"weight {i}", rtol=0, atol=0)


def test_fit(precision, data):
    """Two epochs of Adam: the same losses on the way, the same weights at its end."""
    x, y, mask = data
    ours, theirs = tagger(unpad), tagger(keras)
    before = ours.get_weights()
    # unpad's epochs are the mean over steps, so Keras's batches are put together by their steps.
    expected = []
    for _ in range(EPOCHS):
        found = [(theirs.train_on_batch(x[rows], y[rows])[0], mask[rows].sum()) for rows in ROWS]
        expected.append(sum(loss * n for loss, n in found) / mask.sum())
    junk = np.where(mask, y, 99)
    history = ours.fit(x, junk, batch_size=BATCH_SIZE, epochs=EPOCHS, shuffle=False, verbose=0)
    assert_close(history.history["loss"], expected, "loss of an epoch", **precision)
    weights = zip(ours.get_weights(), keras_weights(theirs), before, strict=True)
    for i, (a, b, first) in enumerate(weights):
        assert_close(a, b, f"weight {i}", **precision)
        moved = np.abs(b - first)
        assert moved.max() > 20 * precision["atol"], f"weight {i} moved less than the tolerance"
        assert i or not moved[0].any(), "row 0 of the table moved"


@pytest.mark.parametrize(
    "optimizer", ["SGD", "Adam", "AdamW", "RMSprop"], ids=lambda name: name.lower()
)
def test_train_on_batch(precision, optimizer):
    """Batch by batch, with each optimizer: loss and accuracy before each update."""
    x, y, mask = corpus("holes")
    ours = tagger(unpad, getattr(unpad.optimizers, optimizer)())
    theirs = tagger(keras, getattr(keras.optimizers, optimizer)())
    for rows in ROWS * EPOCHS:
        found = ours.train_on_batch(x[rows], np.where(mask, y, 99)[rows])
        assert_close(
            found, theirs.train_on_batch(x[rows], y[rows]), "[loss, accuracy]", **precision
        )


def test_fit_is_train_on_batch(float64):
    """Keras's fit and its train_on_batch do the same, so the tests above stand for both."""
    x, y, _ = corpus("left")
    fitted, stepped = tagger(keras), tagger(keras)
    fitted.fit(x, y, batch_size=BATCH_SIZE, epochs=EPOCHS, shuffle=False, verbose=0)
    for rows in ROWS * EPOCHS:
        stepped.train_on_batch(x[rows], y[rows])
    for a, b in zip(keras_weights(fitted), keras_weights(stepped), strict=True):
        assert_close(a, b, "weight")


def test_epoch_loss(float64):
    """Pinned: Keras's epoch is the mean of its batches by rows; here it is the mean over steps.

    One sequence of one step and one of five: their losses count one to one in Keras, one to five
    here. With all in one batch both are the same number, and it is unpad's.
    """
    x, y, mask = corpus("right")
    x, y, mask = x[:2], y[:2], mask[:2]
    assert mask.sum(1).tolist() == [1, 5]
    one, five = (float(tagger(keras).evaluate(x[i], y[i], verbose=0)[0]) for i in ([0], [1]))
    # A learning rate of 0, so that nothing but the bookkeeping differs between the batches.
    losses = {}
    for module in (unpad, keras):
        model = tagger(module, module.optimizers.SGD(0.0))
        history = model.fit(x, y, batch_size=1, epochs=1, shuffle=False, verbose=0).history
        losses[module.__name__] = float(history["loss"][0])
    assert losses["keras"] == pytest.approx((one + five) / 2, rel=1e-9)
    assert losses["unpad"] == pytest.approx((one + 5 * five) / 6, rel=1e-9)
    assert losses["keras"] == pytest.approx(1.5232, abs=5e-5)
    assert losses["unpad"] == pytest.approx(1.5787, abs=5e-5)
    together = float(tagger(keras).evaluate(x, y, batch_size=2, verbose=0)[0])
    assert losses["unpad"] == pytest.approx(together, rel=1e-9)


@pytest.mark.parametrize("batch_size", [2, None])
def test_evaluate(precision, data, batch_size):
    """Accuracy as Keras's in any batches; the loss as Keras's in one batch, in any batches."""
    x, y, mask = data
    ours, theirs = tagger(unpad), tagger(keras)
    loss, accuracy = ours.evaluate(x, np.where(mask, y, 99), batch_size=batch_size, verbose=0)
    expected = theirs.evaluate(x, y, batch_size=SEQUENCES, verbose=0)
    assert_close([loss, accuracy], expected, "[loss, accuracy]", **precision)
    assert 0 < accuracy < 1
    piecewise = theirs.evaluate(x, y, batch_size=batch_size, verbose=0)[1]
    assert_close(accuracy, piecewise, "accuracy", **precision)


def test_predict(precision, data):
    """The caller's grid: Keras's numbers at real steps, 0 at all others."""
    x, _, mask = data
    ours, theirs = tagger(unpad), tagger(keras)
    found, expected = ours.predict(x, verbose=0), keras_predict(theirs, x)
    assert isinstance(found, np.ndarray)
    assert found.shape == expected.shape == (SEQUENCES, TIME, TAGS)
    assert_same_steps(found[mask], expected, mask, "prediction", **precision)
    assert np.all(found[~mask] == 0)
    assert_close(found[mask].sum(-1), np.ones(mask.sum()), "sum of the probabilities", **precision)


def test_predict_at_missing_steps(float64, data):
    """Pinned: at missing steps Keras gives probabilities that look like any others."""
    x, _, mask = data
    theirs = keras_predict(tagger(keras), x)
    assert_close(theirs[~mask].sum(-1), np.ones((~mask).sum()), "sum of the probabilities")


def test_fill(data):
    """`fill=` says what missing steps hold; the others stay."""
    x, _, mask = data
    model = tagger(unpad)
    filled = model.predict(x, verbose=0, fill=-1)
    assert np.all(filled[~mask] == -1)
    assert_close(filled[mask], model.predict(x, verbose=0)[mask], "prediction", rtol=0, atol=0)


def test_sample_weight(precision):
    """Weights of steps: the same loss and the same update."""
    x, y, mask = corpus("holes")
    weight = 1 + coded_like(mask.shape)
    ours, theirs = tagger(unpad), tagger(keras)
    for rows in ROWS * EPOCHS:
        found = ours.train_on_batch(x[rows], y[rows], sample_weight=weight[rows])
        expected = theirs.train_on_batch(x[rows], y[rows], sample_weight=weight[rows])
        assert_close(found[0], expected[0], "loss", **precision)


@pytest.mark.parametrize(
    ("loss", "end", "target"),
    [
        ("binary_crossentropy", {"units": 1, "activation": "sigmoid"}, lambda y: y[..., None] % 2),
        ("mse", {"units": 1}, lambda y: y[..., None] / 2),
        ("mae", {"units": 1}, lambda y: y[..., None] / 2),
        (
            "categorical_crossentropy",
            {"units": TAGS, "activation": "softmax"},
            lambda y: np.eye(TAGS)[y],
        ),
    ],
)
def test_other_losses(float64, loss, end, target):
    """Other ends of the model, and other losses by name."""
    x, y, _ = corpus("holes")
    models = []
    for module in (unpad, keras):
        layers = module.layers
        model = module.Sequential([
            module.Input(shape=(None,)),
            layers.Embedding(VOCABULARY, 6, mask_zero=True),
            layers.LSTM(5, return_sequences=True),
            layers.Dense(**end),
        ])  # fmt: skip
        model.set_weights([coded_like(tuple(w.shape), 0.7) for w in model.weights])
        model.compile(optimizer="adam", loss=loss)
        models.append(model)
    for rows in ROWS * EPOCHS:
        found = [np.ravel(m.train_on_batch(x[rows], target(y)[rows]))[0] for m in models]
        assert_close(*found, "loss", rtol=1e-6)
    for a, b in zip(models[0].get_weights(), keras_weights(models[1]), strict=True):
        assert_close(a, b, "weight", rtol=1e-6, atol=1e-8)


def test_one_answer_a_sequence(float64, data):
    """A classifier: what Masking leaves of the sequences, in one vector each."""
    x, y, mask = data
    x = np.where(mask[..., None], np.sin(x[..., None] * np.arange(1, 4)), -1.0)
    models = []
    for module in (unpad, keras):
        layers = module.layers
        model = module.Sequential([
            module.Input(shape=(None, 3)),
            layers.Masking(-1.0),
            layers.Bidirectional(layers.LSTM(5)),
            layers.Dropout(0.0),
            layers.Dense(TAGS),
            layers.Activation("softmax"),
        ])  # fmt: skip
        model.set_weights([coded_like(tuple(w.shape), 0.7) for w in model.weights])
        model.compile(optimizer="rmsprop", loss="sparse_categorical_crossentropy", metrics=["acc"])
        models.append(model)
    weight = 1 + coded_like((SEQUENCES,))
    for rows in ROWS * EPOCHS:
        found, expected = (
            m.train_on_batch(x[rows], y[rows].max(1), sample_weight=weight[rows]) for m in models
        )
        assert_close(found[0], expected[0], "loss", rtol=1e-6)
    found, expected = models[0].predict(x, verbose=0), keras_predict(models[1], x)
    assert found.shape == (SEQUENCES, TAGS)
    assert_close(found, expected, "prediction", rtol=1e-6, atol=1e-8)


def test_call(float64, data):
    """model(x) gives the Ragged of the real steps, and its gradient reaches the table."""
    x, _, mask = data
    ours, theirs = tagger(unpad), tagger(keras)
    found, expected = ours(torch.tensor(x)), theirs(torch.tensor(x))
    assert isinstance(found, unpad.Ragged)
    assert np.array_equal(found.mask, mask)
    assert_same_steps(found.values.detach(), expected.detach(), mask, "output")
    coefficients = torch.tensor(coded_like(tuple(found.values.shape)))
    table = [ours.weights[0], theirs.weights[0].value]
    losses = (
        (found.values * coefficients).sum(),
        (expected[torch.tensor(mask)] * coefficients).sum(),
    )
    grads = [torch.autograd.grad(a, b)[0] for a, b in zip(losses, table, strict=True)]
    assert_close(*grads, "gradient of the table")
    assert torch.count_nonzero(grads[0][0]) == 0
