"""Models as scikit-learn's estimators: on tables, on sequences, in cross-validation."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unpad as keras
from unpad.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

TABLE = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1]] * 4)
WORDS = np.array(["low", "high", "low", "high"] * 4)


def of_rows(X, y, loss="categorical_crossentropy", end="softmax"):  # noqa: N803
    torch.manual_seed(0)
    layers = [keras.Input(X.shape[1:]), keras.layers.Dense(y.shape[1], activation=end)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(0.1), loss)
    return model


def of_sequences(X, y):  # noqa: N803
    torch.manual_seed(0)
    parts = [keras.layers.Embedding(9, 4), keras.layers.GlobalAveragePooling1D()]
    model = keras.Sequential([*parts, keras.layers.Dense(y.shape[1], activation="softmax")])
    model.compile(keras.optimizers.Adam(0.1), "categorical_crossentropy")
    return model


def test_labels_of_any_kind_go_in_and_come_out():
    found = SKLearnClassifier(of_rows, fit_kwargs={"epochs": 30}).fit(TABLE, WORDS)
    assert found.predict(TABLE).tolist() == WORDS.tolist()
    assert found.decision_function(TABLE).shape == (16, 2)
    assert found.classes_.tolist() == ["high", "low"]


def test_sequences_of_different_lengths_are_cross_validated():
    x = [np.array([n % 2 + 1] * (n % 5 + 1)) for n in range(20)]
    model = SKLearnClassifier(of_sequences, fit_kwargs={"epochs": 20})
    assert cross_val_score(model, x, np.arange(20) % 2, cv=2).min() == 1.0


def test_a_regressor_and_a_transformer_stand_in_pipelines():
    options = {"loss": "mse", "end": "linear"}
    last = SKLearnRegressor(of_rows, model_kwargs=options, fit_kwargs={"epochs": 2})
    pipe = make_pipeline(StandardScaler(), last).fit(TABLE, TABLE[:, 0])
    assert pipe.predict(TABLE).shape == (16,)
    middle = SKLearnTransformer(of_rows, model_kwargs=options)
    assert middle.fit(TABLE, TABLE[:, 0]).transform(TABLE).shape == (16, 1)


def test_each_fit_trains_a_fresh_copy_but_for_a_warm_start():
    model = of_rows(TABLE, np.ones((16, 1)), "mse", "linear")
    model.fit(TABLE, np.ones(16), verbose=0)
    before = model.get_weights()
    wrapped = clone(SKLearnRegressor(model, fit_kwargs={"epochs": 1})).fit(TABLE, TABLE[:, 0])
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    first = wrapped.model_
    assert wrapped.fit(TABLE, TABLE[:, 0]).model_ is not first
    warm = SKLearnRegressor(model, warm_start=True).fit(TABLE, TABLE[:, 0])
    first = warm.model_
    assert warm.fit(TABLE, TABLE[:, 0]).model_ is first


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(ValueError, match="only one class"):
        SKLearnClassifier(of_rows).fit(TABLE, np.ones(16))
    uncompiled = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(RuntimeError, match="is not compiled"):
        SKLearnRegressor(uncompiled).fit(TABLE, TABLE[:, 0])
    with pytest.raises(ValueError, match="expected model"):
        SKLearnRegressor(3).fit(TABLE, TABLE[:, 0])


def test_without_scikit_learn_the_import_says_what_to_install():
    program = "import sys; sys.modules['sklearn.base'] = None; import unpad.wrappers"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'unpad[sklearn]'" in done.stderr
