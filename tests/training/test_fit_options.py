"""What goes with an optimiser in fit: accumulation, averages, constraints, penalties, weights."""

import numpy as np
import pytest
import torch

import unpad as keras
from unpad.testing import coded

from ..messages import says

L = keras.layers
X = coded([4, 1, 0, 3, 2, 5], (3,), torch.float32)
Y = X.map(lambda v: (v[:, :1] > 0).float())


def model(**options):
    return keras.Sequential(
        [keras.Input((None, 3), ragged=True), L.LSTM(4, return_sequences=True),
         L.Dense(1, "sigmoid", **options)]
    )  # fmt: skip


def pair(**options):
    """Two models of the same weights."""
    a, b = model(**options), model(**options)
    b.set_weights(a.get_weights())
    return a, b


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("options", [{}, {"kernel_regularizer": "l2"}])
def test_accumulated_batches_are_one_batch(size, options):
    """Law 4: batches of few and of many steps make the update of all steps together."""
    a, b = pair(**options)
    a.compile(keras.optimizers.Adam(0.1), "binary_crossentropy")
    b.compile(keras.optimizers.Adam(0.1, gradient_accumulation_steps=6 // size), "bce")
    # An empty sequence alone is a batch in which no step counts, which is no call.
    x, y = (X, Y) if size > 1 else (X[[0, 1, 3, 4, 5, 0]], Y[[0, 1, 3, 4, 5, 0]])
    a.fit(x, y, batch_size=6, shuffle=False, verbose=0)
    b.fit(x, y, batch_size=size, shuffle=False, verbose=0)
    for v, w in zip(a.get_weights(), b.get_weights(), strict=True):
        assert np.allclose(v, w, atol=1e-6)


def test_a_fit_ends_with_the_running_average():
    a = model()
    a.compile(keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5), "bce")
    seen = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(a.get_weights())
    )
    a.fit(X, Y, batch_size=3, shuffle=False, verbose=0, callbacks=watch)
    for i, last in enumerate(a.get_weights()):
        assert not np.array_equal(last, seen[-1][i])


@pytest.mark.parametrize("optimizer", ["adam", lambda weights: torch.optim.SGD(weights, 0.5)])
def test_constraints_hold_after_every_update(optimizer):
    a = model(kernel_constraint="non_neg")
    a.compile(optimizer, "bce")
    a.fit(X, Y, batch_size=2, epochs=2, verbose=0)
    kernel = a.layers[-1].kernel
    assert kernel.min().item() >= 0
    assert a.layers[0].kernel.min().item() < 0


def test_penalties_are_in_the_loss_and_move_the_weights():
    plain, penalised = model(), model(kernel_regularizer=keras.regularizers.L2(0.5))
    penalised.set_weights(plain.get_weights())
    for m in (plain, penalised):
        m.compile(keras.optimizers.SGD(0.1), "bce")
    extra = 0.5 * (plain.layers[-1].kernel ** 2).sum().item()
    losses = [m.evaluate(X, Y, verbose=0) for m in (plain, penalised)]
    assert losses[1] == pytest.approx(losses[0] + extra, rel=1e-5)
    before = plain.layers[-1].kernel.detach().clone()
    for m in (plain, penalised):
        m.fit(X, Y, batch_size=6, verbose=0)
    difference = penalised.layers[-1].kernel - plain.layers[-1].kernel
    assert torch.allclose(difference, -0.1 * before, atol=1e-6)


def test_a_penalty_on_activities_sees_real_steps_only():
    a = model(activity_regularizer=keras.regularizers.L1(1.0))
    a.compile("sgd", "bce")
    out = a(X)
    want = float(out.values.detach().abs().sum()) / len(X)
    assert a.losses[0].item() == pytest.approx(want)
    grid = X.to_padded(fill=0)
    padded = keras.Sequential([keras.Input((None, 3)), L.Masking(), *a.layers])
    padded(torch.as_tensor(grid))
    assert padded.losses[0].item() == pytest.approx(want)


def test_weighted_metrics_are_weighted():
    a = model()
    a.compile("sgd", "bce", metrics=["accuracy"], weighted_metrics=["binary_accuracy"])
    weight = np.array([1.0, 0, 0, 0, 0, 0])
    found = a.evaluate(X, Y, sample_weight=weight, verbose=0, return_dict=True)
    alone = a.evaluate(X[:1], Y[:1], verbose=0, return_dict=True)
    everything = a.evaluate(X, Y, verbose=0, return_dict=True)
    assert found["binary_accuracy"] == pytest.approx(alone["accuracy"])
    assert found["accuracy"] == pytest.approx(everything["accuracy"])


def test_early_stopping_stops():
    a = model()
    a.compile(keras.optimizers.SGD(0.0), "bce")
    stop = keras.callbacks.EarlyStopping("loss", patience=2)
    history = a.fit(X, Y, epochs=20, verbose=0, callbacks=[stop], shuffle=False)
    assert len(history.epoch) == 3


def test_what_is_no_callback_is_refused():
    a = model()
    a.compile("sgd", "bce")
    with says("fit: expected callbacks as keras.callbacks, got type. A class: put () behind it."):
        a.fit(X, Y, callbacks=[keras.callbacks.EarlyStopping], verbose=0)
