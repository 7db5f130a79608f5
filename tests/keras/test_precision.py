"""Policies of precision as Keras writes them."""

import json

import keras as theirs
import pytest

import unpad as keras
from unpad.core.precision import DTypePolicy

NAMES = ["mixed_bfloat16", "mixed_float16", "bfloat16", "float16", "float64", "float32"]


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_is_written_as_keras_writes_it(name):
    config = keras.layers.Dense(2, dtype=name).get_config()
    assert config["dtype"] == theirs.layers.Dense(2, dtype=name).get_config()["dtype"]
    again = keras.layers.Dense.from_config(json.loads(json.dumps(config)))
    assert again.dtype_policy == DTypePolicy(name)
    assert keras.layers.Dense(2, dtype=theirs.DTypePolicy(name)).dtype_policy == DTypePolicy(name)
