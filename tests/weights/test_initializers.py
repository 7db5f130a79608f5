"""Initialisers: by every name, from arrays and configurations, and what is refused."""

import pickle

import numpy as np
import pytest
import torch

import unpad
from unpad.weights import initializers

from ..messages import says

CLASSES = sorted({kind.__name__ for kind in initializers._BY_NAME.values()})


@pytest.mark.parametrize("name", CLASSES)
def test_names_and_configurations(name):
    """The class's name, Keras's in lower case, its configuration: all the same initialiser."""
    kind = getattr(initializers, name)
    (snake,) = [n for n, k in initializers._BY_NAME.items()
                if k is kind and getattr(initializers, n, None) is kind and n != name]  # fmt: skip
    assert type(initializers.get(snake)) is type(initializers.get(name)) is kind
    made = kind(seed=3) if "Random" in name or "form" in name or "ormal" in name else kind()
    config = made.get_config()
    again = kind.from_config(config)
    given = initializers.get({"class_name": name, "config": config})
    for other in (again, given, pickle.loads(pickle.dumps(made))):
        assert repr(other) == repr(made)
        if config.get("seed") is not None:
            assert torch.equal(other((4, 4)), made((4, 4)))


def test_older_names():
    pairs = {"one": "Ones", "zero": "Zeros", "uniform": "RandomUniform", "normal": "RandomNormal",
             "OrthogonalInitializer": "Orthogonal", "IdentityInitializer": "Identity"}  # fmt: skip
    assert {n: type(initializers.get(n)).__name__ for n in pairs} == pairs


def test_configurations_hold_the_arguments():
    assert initializers.GlorotUniform(seed=3).get_config() == {
        "seed": 3, "input_axes": None, "output_axes": None,
    }  # fmt: skip
    assert initializers.Constant(0.5).get_config() == {"value": 0.5}
    assert initializers.Zeros().get_config() == {}
    assert initializers.get({"class_name": "Ones"})((2,)).tolist() == [1, 1]


def test_an_array_is_the_first_value():
    """A table of word vectors, as Constant or as it is."""
    table = np.arange(6.0).reshape(3, 2)
    for given in (table, torch.tensor(table), initializers.Constant(table)):
        layer = unpad.layers.Embedding(3, 2, embeddings_initializer=given)
        assert layer(torch.tensor([[2]])).tolist() == [[[4, 5]]]
        assert layer.embeddings.dtype == torch.float32
    assert initializers.Constant(2.0)((2, 1)).tolist() == [[2], [2]]


def test_a_function_of_ones_own():
    layer = unpad.layers.Dense(2, kernel_initializer=lambda shape, dtype=None: torch.ones(shape))
    layer(torch.zeros(1, 3))
    assert layer.kernel.sum() == 6


def test_refused():
    with says("Constant: expected an array of the weight's shape (4, 2), got (3, 2)."):
        unpad.layers.Embedding(4, 2, np.zeros((3, 2)))(torch.tensor([[1]]))
    with says("VarianceScaling: expected scale as a finite positive number, got 0."):
        initializers.VarianceScaling(0)
    with says("Orthogonal: expected a weight of two axes or more, got (4,)."):
        initializers.Orthogonal()((4,))
    with says("Identity: expected a matrix, got (2, 2, 2)."):
        initializers.Identity()((2, 2, 2))
    with says("Dense: unknown initializer 'glorot'; did you mean"):
        unpad.layers.Dense(2, kernel_initializer="glorot")
    with says("Dense: unknown initializer 'STFT';"):
        unpad.layers.Dense(2, kernel_initializer={"class_name": "STFT", "config": {}})
    with says("initializers.get: expected an initializer's name or callable, got 3."):
        initializers.get(3)
