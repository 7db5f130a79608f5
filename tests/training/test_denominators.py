"""Law 4: one denominator, whatever the batches; and what cannot be counted is told beforehand."""

import numpy as np
import pytest

import unpad as keras

from ..messages import says

L = keras.layers
rng = np.random.default_rng(5)
LENGTHS = (4, 1, 6, 2)
X = [rng.normal(size=(n, 3)).astype("float32") for n in LENGTHS]
Y = [x[:, :1] for x in X]


def regressor(reduction="sum_over_batch_size", accumulate=None, **options):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((None, 3)), L.Dense(1, **options)])
    optimizer = keras.optimizers.SGD(0.01, gradient_accumulation_steps=accumulate)
    model.compile(optimizer, keras.losses.MeanSquaredError(reduction=reduction))
    return model


@pytest.mark.parametrize(
    "reduction", ["sum", "sum_over_batch_size", "mean_over_sequences", "mean_with_sample_weight"]
)
@pytest.mark.parametrize("options", [{}, {"kernel_regularizer": "l2"}])
def test_accumulated_batches_are_one_batch_for_every_reduction(reduction, options):
    whole, parts = regressor(reduction, **options), regressor(reduction, 4, **options)
    weight = [np.linspace(0.5, 2, n) for n in LENGTHS]
    for model, size in ((whole, 4), (parts, 1)):
        model.fit(X, Y, sample_weight=weight, batch_size=size, shuffle=False, verbose=0)
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_sums_and_means_are_not_collected_together():
    x = keras.Input((None, 3))
    model = keras.Model(x, [L.Dense(1, name="a")(x), L.Dense(1, name="b")(x)])
    mse = keras.losses.MeanSquaredError
    optimizer = keras.optimizers.SGD(gradient_accumulation_steps=2)
    model.compile(optimizer, {"a": mse(), "b": mse(reduction="sum")})
    with says(
        "fit: gradient_accumulation_steps: output 'b' has a loss of reduction='sum' and others a "
        "mean, which cannot be collected together. Give all the same reduction."
    ):
        model.fit(X, [Y, Y], verbose=0)


# --- labels that are not known -------------------------------------------------------------------


def partly(known):
    """Labels and weights: NaN and 0 but for the steps that are known."""
    y = [np.full((n, 1), np.nan, "float32") for n in LENGTHS]
    weight = [np.zeros(n) for n in LENGTHS]
    for i, t in known:
        y[i][t], weight[i][t] = i - t, 1.5
    return y, weight


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "mean_with_sample_weight", "sum"])
@pytest.mark.parametrize("size", [1, 3, None])
def test_a_label_of_weight_0_may_be_nan(reduction, size):
    model = regressor(reduction)
    y, weight = partly([(0, 0), (0, 3), (2, 5)])
    filled = [np.nan_to_num(s, nan=7) for s in y]
    found = [
        model.evaluate(X, labels, sample_weight=weight, batch_size=size, verbose=0)
        for labels in (y, filled)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-6)
    model.fit(X, y, sample_weight=weight, verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_a_sequence_of_weight_0_may_have_no_labels():
    model = regressor()
    y = [s if i != 2 else s * np.nan for i, s in enumerate(Y)]
    weight = np.array([1, 1, 0, 2.0])
    found = model.evaluate(X, y, sample_weight=weight, verbose=0)
    assert found == pytest.approx(model.evaluate(X, Y, sample_weight=weight, verbose=0))


def test_a_label_that_counts_must_be_known():
    y, weight = partly([(0, 0)])
    weight[2][1] = 0.5
    with says(
        "fit: y: nan in sequence 2, step 1, feature 0. Leave steps without a label out of x, or "
        "weigh them 0."
    ):
        regressor().fit(X, y, sample_weight=weight, verbose=0)


def test_a_metric_without_weights_would_count_what_is_not_known():
    model = regressor()
    y, weight = partly([(0, 0)])
    model.compile("sgd", "mse", metrics=["mae"])
    with says(
        "evaluate: y: nan in sequence 0, step 1, feature 0 weighs 0, but metric 'mae' counts every "
        "step alike. Give it as weighted_metrics=."
    ):
        model.evaluate(X, y, sample_weight=weight, verbose=0)
    model.compile("sgd", "mse", weighted_metrics=["mae"])
    loss, mae = model.evaluate(X, y, sample_weight=weight, verbose=0)
    assert np.isfinite([loss, mae]).all()


# --- behind layers that change lengths -----------------------------------------------------------


def strided(tail, loss):
    model = keras.Sequential([keras.Input((None, 3)), L.Conv1D(4, 3, strides=2), tail])
    model.compile("sgd", loss)
    return model


LONG = [rng.normal(size=(n, 3)).astype("float32") for n in (9, 200, 5)]  # become 4, 99, 2


def unmoved(model, call, text):
    before = model.get_weights()
    with says(text):
        call()
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_labels_of_steps_behind_a_stride_are_counted_before_a_weight_moves():
    model = strided(L.Dense(1), "mse")
    y = [np.zeros((n, 1)) for n in (4, 98, 2)]
    unmoved(
        model,
        lambda: model.fit(LONG, y, batch_size=1, shuffle=False, verbose=0),
        "fit: y: the model makes 99 steps of sequence 1, but it has 98 in y. Each step needs one.",
    )
    model.fit(LONG, [np.zeros((n, 1)) for n in (4, 99, 2)], verbose=0)


def test_spellings_behind_a_stride_are_counted_before_a_weight_moves():
    model = strided(L.Dense(4, activation="softmax"), keras.losses.CTC())
    unmoved(
        model,
        lambda: model.fit(LONG, [[1], [2] * 51, [1]], batch_size=1, shuffle=False, verbose=0),
        "ctc: sequence 1 has 99 steps of output, but its target of 51 labels, 50 of them like the "
        "one before, needs 101.",
    )
    model.fit(LONG, [[1], [2] * 50, [1]], verbose=0)


def test_a_grid_of_labels_behind_a_stride_must_have_the_slots_that_are_left():
    model = keras.Sequential(
        [keras.Input((None, 3)), L.Masking(), L.Conv1D(4, 3, strides=2), L.Dense(1)]
    )
    model.compile("sgd", "mse")
    grid = np.ones((2, 9, 3), "float32")
    grid[1, 5:] = 0
    unmoved(
        model,
        lambda: model.fit(grid, np.zeros((2, 9, 1)), verbose=0),
        "fit: y: has 9 slots in time, but the model gives 4 of x's.",
    )
    model.fit(grid, np.zeros((2, 4, 1)), verbose=0)


def test_a_class_that_is_ignored_has_no_f_score():
    metric = keras.metrics.F1Score("macro", ignore_class=0)
    metric.update_state([0, 1, 2, 2], np.eye(3)[[1, 1, 2, 1]])
    assert float(metric.result()) == pytest.approx((2 / 3 + 2 / 3) / 2, abs=1e-6)
    nothing = keras.metrics.F1Score("macro", ignore_class=1)
    nothing.update_state([1, 1], np.eye(3)[[1, 1]])
    assert float(nothing.result()) == 0


def test_an_empty_sequence_counts_in_whatever_batch_it_is():
    x = keras.Ragged.from_list([np.ones((n, 2), "float32") for n in (0, 0, 2, 1)])
    y = np.array([[1.0], [2.0], [3.0], [4.0]], "float32")

    def model(layers, loss="mse", **options):
        made = keras.Sequential([keras.Input((None, 2)), *layers])
        made.compile(keras.optimizers.SGD(0.1, **options), loss)
        return made

    def trained(batch_size, **options):
        made = model([L.LSTM(3), L.Dense(1)], **options)
        made.set_weights([np.full_like(w, 0.1) for w in made.get_weights()])
        made.fit(x, y, batch_size=batch_size, shuffle=False, verbose=0)
        return made.get_weights()

    parts = trained(2, gradient_accumulation_steps=2)
    for one, two in zip(trained(4), parts, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-5)
    empties = model([L.LSTM(3), L.Dense(1)])
    empties.train_on_batch(x[:2], y[:2])
    assert empties.get_weights()[-1] == pytest.approx(0.3)  # 2 * 1.5 * 0.1
    # To a loss of steps, a sum too, they say nothing.
    tagger = model([L.Dense(1)], keras.losses.MeanSquaredError(reduction="sum"))
    before = tagger.get_weights()
    tagger.train_on_batch(x[:2], x[:2].map(lambda v: v[:, :1]))
    assert all((a == b).all() for a, b in zip(tagger.get_weights(), before, strict=True))


def test_targets_may_run_backwards():
    made = regressor()
    made.fit(np.ones((2, 3, 3), "float32"), np.ones((2, 3, 1))[::-1, ::-1], verbose=0)
