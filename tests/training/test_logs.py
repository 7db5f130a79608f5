"""What stands in the logs: every metric that was asked for, under Keras's name."""

import numpy as np
import pytest

import unpad as keras

L = keras.layers
rng = np.random.default_rng(3)
X = [rng.normal(size=(n, 2)).astype("float32") for n in (3, 5, 1)]
Y = [x[:, :1] * 2 for x in X]
W = [np.arange(1.0, 1 + len(x)) for x in X]


def regressor(**options):
    model = keras.Sequential([keras.Input((None, 2)), L.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse", **options)
    return model


def misses(model):
    return np.abs(np.concatenate(model.predict(X, verbose=0)) - np.concatenate(Y))[:, 0]


def test_a_metric_with_and_without_weights_is_there_twice():
    model = regressor(metrics=["mae"], weighted_metrics=["mae"])
    found = model.evaluate(X, Y, sample_weight=W, verbose=0, return_dict=True)
    flat = np.concatenate(W)
    assert list(found) == ["loss", "mae", "weighted_mae"]
    assert found["mae"] == pytest.approx(misses(model).mean(), rel=1e-5)
    assert found["weighted_mae"] == pytest.approx(
        (misses(model) * flat).sum() / flat.sum(), rel=1e-5
    )


@pytest.mark.parametrize(
    ("plain", "weighted", "want"),
    [
        (["mae", "mae", "mae"], [], ["mae", "mae_1", "mae_2"]),
        ([], ["mae", "mae", "mae"], ["mae", "weighted_mae", "weighted_mae_1"]),
        (["mae"], ["mae", "mse"], ["mae", "weighted_mae", "mse"]),
        ([keras.metrics.MeanAbsoluteError(name="loss")], [], ["loss_1"]),
    ],
)
def test_names_are_keras_s_and_each_is_there_once(plain, weighted, want):
    model = regressor(metrics=plain, weighted_metrics=weighted)
    assert list(model.evaluate(X, Y, verbose=0, return_dict=True)) == ["loss", *want]
    assert set(model.fit(X, Y, verbose=0).history) == {"loss", *want}


def test_one_metric_a_class():
    model = keras.Sequential([keras.Input((None, 2)), L.Dense(3, activation="softmax")])
    recalls = [keras.metrics.Recall(class_id=i) for i in range(3)]
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=recalls)
    labels = [np.arange(len(x)) % 3 for x in X]
    found = model.evaluate(X, labels, verbose=0, return_dict=True)
    said = np.concatenate(model.predict(X, verbose=0)) > 0.5
    for i, name in enumerate(("recall", "recall_1", "recall_2")):
        mine = np.concatenate(labels) == i
        assert found[name] == pytest.approx((said[:, i] & mine).sum() / mine.sum())


def test_several_outputs():
    x = keras.Input((None, 2))
    model = keras.Model(x, [L.Dense(1, name="a")(x), L.Dense(1, name="b")(x)])
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=[["mae"], ["mse"]])
    found = model.evaluate(X, [Y, Y], verbose=0, return_dict=True)
    assert list(found) == [
        "loss", "a_loss", "b_loss", "a_mae", "a_weighted_mae", "b_mae", "b_mse"
    ]  # fmt: skip
