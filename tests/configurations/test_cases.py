"""Law 8 of every layer in every case: through JSON and back the same bits."""

import json
from importlib import import_module

import pytest
import torch

import unpad as keras
from unpad import Ragged
from unpad import layers as L
from unpad.configured import arguments_of
from unpad.saving import custom_object_scope, deserialize_keras_object, serialize_keras_object

from ..arguments.test_arguments_of_classes import CLASSES, made
from ..cases import CASES

#: Cases whose arguments are no data, each with what they are.
NO_DATA = {
    "RNN(torch module)": "TorchCell",
    "RNN(object)": "Decay",
    "TimeDistributed(torch)": "Linear",
    "TorchModule": "LayerNorm",
    "Grid": "TransformerEncoderLayer",
    "Grid channels first": "Conv1d",
    "Varlen": "OfOffsets",
}


def own_names():
    """The classes and functions that the cases themselves define."""
    found = {}
    for name in ("recurrent", "crf", "reshaping"):
        home = import_module(f"tests.cases.{name}")
        own = {k: v for k, v in vars(home).items() if getattr(v, "__module__", "") == home.__name__}
        found |= {k: v for k, v in own.items() if callable(v)}
    return found


def parts(outputs):
    if isinstance(outputs, (list, tuple)):
        return [p for part in outputs for p in parts(part)]
    if isinstance(outputs, Ragged):
        return [outputs.layout.offsets, *parts(outputs.values)]
    return [outputs]


@pytest.mark.parametrize("name", CASES)
def test_a_layer_is_what_its_configuration_says(name):
    case = CASES[name]
    layer = case.make(keras)
    with custom_object_scope(own_names()):
        if name in NO_DATA:
            with pytest.raises(TypeError, match=f"{NO_DATA[name]}.* cannot be written"):
                serialize_keras_object(layer)
            return
        text = json.dumps(serialize_keras_object(layer))
        again = deserialize_keras_object(json.loads(text))
        assert json.dumps(serialize_keras_object(again)) == text
    inputs = case.batch()
    for each in (layer.double(), again.double()):
        torch.manual_seed(7)
        case.run(each.eval(), inputs)
    again.load_state_dict(layer.state_dict())
    for training in (False, True):
        outputs = []
        for each in (layer, again):
            torch.manual_seed(3)
            outputs.append(parts(case.run(each.train(training), inputs)))
        for a, b in zip(*outputs, strict=True):
            assert a.dtype == b.dtype
            assert torch.equal(a.nan_to_num(7), b.nan_to_num(7))


LAYERS = {k: v for k, v in CLASSES.items() if k.startswith("layers.") and issubclass(v, L.Layer)}
#: Arguments that Keras keeps as objects, and whose names are written.
NAMED = ("activation", "initializer", "regularizer", "constraint")
#: Arguments that are kept under another name, and why.
OTHERWISE = {
    "dtype": "as torch's type",
    "name": "as given_name; name is the model's for it",
    "layer": "a wrapper's layers are its own",
    "cell": "a walk's cell may be a list",
    "cells": "torch's modules are found in a list of its own",
    "weights": "the weights themselves have this name",
}


@pytest.mark.parametrize("place", LAYERS)
def test_arguments_stay_as_they_were_given(place):
    kind = LAYERS[place]
    tuples = {
        "kernel_size": (2,),
        "strides": (1,),
        "pool_size": (2,),
        "axis": (-1,),
        "axes": (1, 1),
    }
    tuples |= {"shared_axes": (1,), "dims": (1,), "target_shape": (2, -1), "cropping": (0, 1)}
    given = {n: v for n, v in tuples.items() if n in arguments_of(kind)}
    for n, v in given.items():
        try:
            layer = made(kind, **{n: v})
        except ValueError:
            continue
        assert getattr(layer, n) == v, n
        assert type(getattr(layer, n)) is type(v), n
