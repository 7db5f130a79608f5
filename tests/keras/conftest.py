"""Keras 3.15.1 on its torch backend is the oracle of this folder.

Keras reads KERAS_BACKEND when it is first imported, which is below. There is no `__init__.py` in
this folder: started in `tests`, Python would take such a package for Keras.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import pytest
import torch
from keras.src.backend.common import dtypes

import unpad

pytest.register_assert_rewrite("public_layers", "public_programs")


@pytest.fixture
def float64(monkeypatch):
    """Everything in float64, in both libraries: what is left are mistakes, not rounding."""
    # On torch, Keras's operators give float32 even for float64 operands, through this table.
    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    _set_precision("float64")
    yield
    _set_precision("float32")


def _set_precision(name):
    # Layers go by Keras's policy, losses and optimizers by its floatx.
    keras.config.set_dtype_policy(name)
    keras.config.set_floatx(name)
    torch.set_default_dtype(getattr(torch, name))


@pytest.fixture(autouse=True)
def _same_seed_in_keras():
    """The same draws in every run and in every order of the tests."""
    unpad.utils.set_random_seed(7)
    keras.utils.set_random_seed(7)
