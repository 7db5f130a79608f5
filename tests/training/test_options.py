"""Options of compile, fit, evaluate and predict: each works, or is refused beforehand."""

import numpy as np
import pytest

import unpad as keras

from ..messages import says

L = keras.layers
X = [np.ones((2, 2), "float32"), np.ones((1, 2), "float32")]
Y = [np.ones((2, 1)), np.ones((1, 1))]
NAN = float("nan")


def model(loss="mse", **options):
    found = keras.Sequential(
        [keras.Input((None, 2)), L.Masking(NAN),
         L.Dense(1, activation="sigmoid" if loss == "binary_crossentropy" else None, name="end")]
    )  # fmt: skip
    found.compile("sgd", loss, **options)
    return found


def fit(loss="mse", x=X, y=Y, **options):
    return model(loss).fit(x, y, verbose=0, **options)


BINARY = "binary_crossentropy"
holed = [X[0].copy(), X[1]]
holed[0][1, 0] = NAN

WRONG = [
    (lambda: fit(initial_epoch=-3), "fit: expected initial_epoch as an integer from 0, got -3."),
    (lambda: fit(epochs=2.5), "fit: expected epochs as an integer from 0, got 2.5."),
    (lambda: fit(shuffle="False"), "fit: expected shuffle as True or False, got 'False'."),
    (lambda: fit(bucket_by_length=2), "fit: expected bucket_by_length as True or False, got 2."),
    (lambda: fit(validation_split=NAN), "fit: expected validation_split as a number from 0 and "),
    (lambda: fit(validation_batch_size=0), "fit: expected validation_batch_size as a positive "),
    (lambda: model().fit(X, Y, verbose="x"), "fit: expected verbose as an integer from 0 to 2, "),
    (lambda: model().predict(X, batch_size=0), "predict: expected batch_size as a positive "),
    (lambda: model().predict(X, batch_size=2.5), "predict: expected batch_size as a positive "),
    (lambda: model().predict(X, fill="a"), "predict: expected fill as a number, got 'a'."),
    (lambda: model().evaluate(X, Y, batch_size="a"), "evaluate: expected batch_size as a pos"),
    (lambda: model().evaluate(X, Y, return_dict="no"), "evaluate: expected return_dict as True "),
    (
        lambda: fit(BINARY, class_weight={0: NAN}),
        "fit: expected class_weight[0] as a finite number from 0, got nan.",
    ),
    (
        lambda: fit(BINARY, class_weight={0: -1}),
        "fit: expected class_weight[0] as a finite number from 0, got -1.",
    ),
    (
        lambda: fit(BINARY, class_weight={"a": 1}),
        "fit: class_weight has class 'a', but the model has 2 classes.",
    ),
    (
        lambda: fit(BINARY, class_weight=[1, 2]),
        "fit: expected class_weight as a dict of a number for each class, as {0: 1.0, 1: 2.5}, got",
    ),
    (
        lambda: fit(class_weight={0: 1.0}),
        "fit: class_weight weighs classes, but mean_squared_error is a loss of numbers. Use "
        "sample_weight.",
    ),
    (lambda: model(loss_weights=NAN), "compile: expected loss_weights as a finite number or None"),
    (lambda: model(metrics={"nope": "mae"}), "compile: metrics: unknown output 'nope'"),
    (lambda: model({"nope": "mse"}), "compile: loss: unknown output 'nope'"),
    (
        lambda: fit(y=[y * 1e39 for y in Y]),
        "fit: y: 1e+39 in sequence 0, step 0, feature 0 is more than torch.float32 holds. Scale "
        "the targets.",
    ),
    (
        lambda: fit(BINARY, y=[-y for y in Y]),
        "binary_crossentropy: label -1 in sequence 0, step 0; expected 0 or 1. If -1 says that "
        "there is no label: make it NaN and weigh it 0, or leave it out.",
    ),
    (
        lambda: fit(x=holed),
        "fit: x: nan in sequence 0, step 1, feature 0. Masking(mask_value=nan) drops a step all of "
        "whose features are NaN; this one has others: fill it in, or leave the step out.",
    ),
]


@pytest.mark.parametrize(("call", "text"), WRONG)
def test_what_is_impossible_is_refused(call, text):
    with says(text):
        call()


@pytest.mark.parametrize("loss", [{"end": "mse"}, {"end": ["mse"]}, ["mse"]])
def test_the_only_output_may_be_named_and_its_loss_stand_in_a_list(loss):
    want = model().evaluate(X, Y, verbose=0)
    named = model(loss, loss_weights={"end": 2}, metrics={"end": "mae"})
    named.set_weights(model().get_weights())
    assert len(named.evaluate(X, Y, verbose=0)) == 2
    assert np.isfinite(want)


def test_no_epochs_are_none():
    assert model().fit(X, Y, epochs=2, initial_epoch=3, verbose=0).history == {}


def test_a_model_without_weights_to_train_is_only_evaluated():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(2.0)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="no weights that can be trained: only its loss"):
        history = model.fit(np.ones((2, 1)), np.ones((2, 1)), epochs=2, verbose=0)
    assert history.history["loss"] == [1.0, 1.0]


def test_metrics_alone_are_evaluated_without_a_loss():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(2.0)])
    model.compile(None, metrics=["mse"])
    assert model.evaluate(np.ones((2, 1)), np.zeros((2, 1)), verbose=0) == [0.0, 4.0]


def test_numbers_alone_are_held_out_too():
    """A target that is one number a sequence has no axis of features for the doctor to look at."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((100, 4), "float32")
    assert model.fit(x, np.zeros(100), validation_split=0.4, verbose=0).history["val_loss"]
