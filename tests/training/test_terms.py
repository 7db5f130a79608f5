"""Law 4 of batches that make one update together: each term of the loss has its own divisor."""

import copy
import math

import numpy as np
import pytest

import unpad as keras

L = keras.layers
rng = np.random.default_rng(3)
LENGTHS = (4, 1, 6, 2, 0, 3)
X = [rng.normal(size=(n, 3)).astype("float32") for n in LENGTHS]
STEPS = [x[:, :1] for x in X]
ROWS = rng.normal(size=(len(X), 1)).astype("float32")
#: Of each step, 0 among them: so that a batch may count few.
WEIGHTS = [rng.integers(0, 3, n).astype("float32") for n in LENGTHS]


class Adds(keras.Layer):
    def call(self, x):
        self.add_loss(x.square().mean())
        return x


def two_outputs(accumulate=None, adds=False, reductions=("sum_over_batch_size",) * 2, **options):
    keras.utils.set_random_seed(1)
    x = keras.Input((None, 3))
    h = L.LSTM(4, return_sequences=True, **options)(x)
    last = L.GlobalAveragePooling1D()(h)
    model = keras.Model(
        x, [L.Dense(1, name="steps")(h), L.Dense(1, name="rows")(Adds()(last) if adds else last)]
    )
    mse = keras.losses.MeanSquaredError
    losses = dict(zip(("steps", "rows"), (mse(reduction=r) for r in reductions), strict=True))
    optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=accumulate)
    model.compile(optimizer, losses, loss_weights={"steps": 0.3, "rows": 2.0})
    return model


def trained(model, size, epochs=2, rows=(0, 1, 2, 3, 4, 5)):
    x, steps, weights = ([of[i] for i in rows] for of in (X, STEPS, WEIGHTS))
    model.fit(
        x, [steps, ROWS[list(rows)]], sample_weight=[weights, np.ones(len(x))], batch_size=size,
        shuffle=False, epochs=epochs, verbose=0,
    )  # fmt: skip
    return model.get_weights()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernel_regularizer": "l2"},
        {"activity_regularizer": "l2", "kernel_regularizer": "l2"},
        {"adds": True},
        {"reductions": ("mean_with_sample_weight", "sum_over_batch_size")},
        {"reductions": ("mean_over_sequences", "sum_over_batch_size"), "adds": True},
        {"reductions": ("sum", "sum"), "activity_regularizer": "l2"},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_batches_that_make_one_update_are_one_batch(options, size):
    # An empty sequence alone is a batch without a step, which is no call.
    rows = [i for i, n in enumerate(LENGTHS) if n or size > 1]
    whole = trained(two_outputs(**options), len(rows), rows=rows)
    # The epoch's batches are the update's.
    parts = trained(two_outputs(math.ceil(len(rows) / size), **options), size, rows=rows)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-7)


def test_a_penalty_on_what_comes_out_counts_by_sequences():
    """One output, but its penalty is divided by the sequences, not by the steps."""
    found = []
    for size, together in ((len(X), None), (1, len(X))):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((None, 3)), L.Dense(1, activity_regularizer="l2")])
        model.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=together), "mse")
        x, y = X[:4] + X[:2], STEPS[:4] + STEPS[:2]
        model.fit(x, y, batch_size=size, shuffle=False, verbose=0)
        found.append(model.get_weights())
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5)


def test_what_is_half_collected_is_gone_on_with():
    model = two_outputs(3)
    trained(model, 2, epochs=1)
    before = copy.deepcopy(model.optimizer.state_dict())
    model.train_on_batch(X[:2], [STEPS[:2], ROWS[:2]])
    half = copy.deepcopy(model.optimizer.state_dict())
    assert {k for k in half["param_groups"][0] if k.startswith("collected")} == {
        "collected", "collected loss of rows"
    }  # fmt: skip
    again = two_outputs(3)
    again.train_on_batch(X[:2], [STEPS[:2], ROWS[:2]])
    again.set_weights(model.get_weights())
    again.optimizer.load_state_dict(half)
    for m in (model, again):
        for part in (slice(2, 4), slice(4, 6)):
            m.train_on_batch(X[part], [STEPS[part], ROWS[part]])
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    after = model.optimizer.state_dict()["param_groups"][0]
    assert after.keys() == before["param_groups"][0].keys()
