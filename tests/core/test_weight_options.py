"""What weights are made with, set of a layer that is there: obeyed, or refused."""

import numpy as np
import pytest

import unpad as keras
from tests.cases import CASES

L = keras.layers
KINDS = {"regularizer": keras.regularizers.L2(0.5), "constraint": keras.constraints.NonNeg()}


#: The first case of each class.
FIRST = {case.layer: name for name, case in reversed(CASES.items())}


def options(layer):
    """What its own weights, or those that it hands on, are made with beside initializers."""
    for name in sorted(layer._takes if isinstance(layer, L.Layer) else ()):
        of, _, kind = name.rpartition("_")
        if kind in KINDS and of != "activity":
            yield name, kind


@pytest.mark.parametrize("name", sorted(FIRST.values()))
def test_what_is_set_later_holds_or_is_refused(name):
    case = CASES[name]
    layer = case.make(keras)
    asked = list(options(layer))
    if not asked:
        return
    case.run(layer, case.batch())
    for option, kind in asked:
        before = len(layer.penalties if kind == "regularizer" else layer.constrained())
        refused = None
        try:
            setattr(layer, option, KINDS[kind])
        except ValueError as error:
            refused = str(error)
        if refused is not None:
            assert f"{option} is what its weights were made with" in refused
            continue
        assert getattr(layer, option) is KINDS[kind]
        assert len(layer.penalties if kind == "regularizer" else layer.constrained()) > before


def test_weights_that_share_their_options_change_together():
    crf = L.CRF()
    crf(np.ones((2, 3, 4), "float32"))
    crf.boundary_regularizer = keras.regularizers.L2(0.5)
    assert len(crf.penalties) == 2
    crf.boundary_regularizer = None
    assert crf.penalties == []


def test_an_lstm_is_held_to_what_is_set_after_its_first_batch():
    layer = L.LSTM(2)
    layer(np.ones((1, 2, 3), "float32"))
    layer.recurrent_constraint = "non_neg"
    [(weight, constraint)] = layer.constrained()
    assert weight is layer.recurrent_kernel and isinstance(constraint, keras.constraints.NonNeg)
