"""The wrong kind of thing, given to what is public: an error that begins with who, or no error.

Functions, layers, losses and metrics are found by walking the public names. An error of Python's
or torch's own, as "'NoneType' object has no attribute 'shape'", tells a person nothing.
"""

import inspect
import re

import numpy as np
import pytest

import unpad as keras

from ..cases import CASES
from ..messages import says
from .test_arguments_of_classes import CLASSES, made

WRONG = {
    "a string": "abc",
    "None": None,
    "a dict": {"a": 1},
    "an object": object(),
    "nested lists": [[1, 2], [[3], [4]]],
    "complex numbers": np.ones((2, 2), complex),
    "strings": ["a", "b"],
}
HOMES = ["activations", "backend", "constraints", "initializers", "layers", "losses", "metrics"]
HOMES += ["models", "ops", "optimizers", "regularizers", "saving", "utils"]
#: Who speaks for a function, where it is not the function itself, and why.
SPEAKER = {
    "activations.swish": "silu",  # one function of two names
    "activations.hard_swish": "hard_silu",
    "models.save_model": "save",
    "saving.save_model": "save",
    "metrics.get": "metrics.get",  # there are several of this name
    "losses.get": "compile",  # whose door they are
    "optimizers.get": "compile",
    "backend.eval": "get_value",  # another name of it
    "backend.int_shape": "shape",
    "saving.deserialize_keras_object": "deserialize",
    "saving.serialize_keras_object": "serialize",
    "utils.deserialize_keras_object": "deserialize",
    "utils.serialize_keras_object": "serialize",
    "backend.is_float_dtype": "standardize_dtype",  # whose types they look at
    "backend.is_int_dtype": "standardize_dtype",
    "backend.result_type": "standardize_dtype",
}


def functions():
    for home in HOMES:
        part = getattr(keras, home)
        for name in part.__all__:
            function = getattr(part, name)
            if inspect.isfunction(function) and function.__module__.startswith("unpad"):
                yield pytest.param(home, name, function, id=f"{home}.{name}")


def required(function):
    """How many arguments a function must be given; one where it takes any number."""
    kinds = inspect.signature(function).parameters.values()
    needed = [p for p in kinds if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD]
    return max(1, len(needed))


def begins_with(text, *names):
    return any(re.match(rf"{re.escape(name)}\b", text) for name in names)


@pytest.mark.parametrize(("home", "name", "function"), list(functions()))
def test_a_function_says_who_it_is(home, name, function):
    failed = []
    count = required(function)
    for shown, value in WRONG.items():
        try:
            function(*[value] * count)
        except Exception as error:
            text = str(error)
            speaker = SPEAKER.get(f"{home}.{name}", name)
            # Where it makes an object of a class, that speaks for itself: add is Add.
            made_of = re.match(r"[A-Z]\w+( '.*?')?: ", text)
            if not begins_with(text, name, speaker, f"{home}.{name}") and not made_of:
                failed.append(f"{shown}: {type(error).__name__}: {text[:90]}")
    assert "; ".join(failed) == ""


LAYERS = {case.layer: case for case in reversed(CASES.values())}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_says_who_it_is(name):
    failed = []
    for shown, value in WRONG.items():
        layer = LAYERS[name].make(keras)
        try:
            layer([value] * 2) if layer.takes == "several" else layer(value)
        except Exception as error:
            # A wrapper's layer speaks for itself.
            inside = [type(m).__name__ for m in layer.modules()]
            if not begins_with(str(error), *inside):
                failed.append(f"{shown}: {type(error).__name__}: {str(error)[:90]}")
    assert "; ".join(failed) == ""


MEASURES = {k: v for k, v in CLASSES.items() if k.split(".")[0] in ("losses", "metrics")}


@pytest.mark.parametrize("place", MEASURES)
def test_a_loss_or_metric_says_who_it_is(place):
    failed = []
    thing = made(MEASURES[place])
    run = thing if place.startswith("losses.") else thing.update_state
    for shown, value in WRONG.items():
        try:
            run(value, value)
        except NotImplementedError:  # a base
            return
        except Exception as error:
            if not begins_with(str(error), type(thing).__name__, thing.name):
                failed.append(f"{shown}: {type(error).__name__}: {str(error)[:90]}")
    assert "; ".join(failed) == ""


def test_what_is_expected_is_said():
    what = "as a tensor, a Ragged, or an array or list of numbers, got"
    with says(f"mean_squared_error: expected y_true {what} 'abc'."):
        keras.losses.mean_squared_error("abc", [1.0])
    with says(f"mean_squared_error: expected y_pred {what} None."):
        keras.losses.mean_squared_error([1.0], None)
    with says(f"matmul: expected x2 {what} {{'a': 1}}."):
        keras.ops.matmul(np.ones((2, 2)), {"a": 1})
    with says("Dense: got complex numbers. Give both parts as features: "):
        keras.layers.Dense(2)(np.ones((2, 2), complex))
