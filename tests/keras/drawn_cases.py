"""Every case of a layer as a model that both libraries can draw, and data for it."""

import numpy as np
from tests.cases import BY_DAY, CASES

import unpad

#: Cases that stand in no graph, each with why.
IN_NO_GRAPH = {
    "LSTMCell": "a cell takes one step; the cases of RNN hold it",
    "LSTMCell options": "a cell",
    "GRUCell": "a cell",
    "GRUCell reset before": "a cell",
    "GRUCell elu": "a cell",
    "SimpleRNNCell": "a cell",
    "SimpleRNNCell of a tensor": "a cell",
    "StackedRNNCells": "cells",
    "RNN(stack) from states": "its states are not those that it is called with",
    "RNN(stack) of own and other cells": "the test's own classes have two names",
}
NAMES = [n for n, c in CASES.items() if c.keras is not None and n not in IN_NO_GRAPH]
#: What files are written of by day.
WRITTEN = [n for n in NAMES if n in BY_DAY]


def drawn(library, name):
    """The model of one layer."""
    case = CASES[name]
    inputs = [
        library.Input(_shape(kind, what), name=f"in{i}")
        for i, (kind, what) in enumerate(case.inputs)
    ]
    layer = case.make(library)
    several = getattr(case.make(unpad), "takes", "any") == "several"
    called = [inputs] if several else inputs
    outputs = case.call(layer, inputs) if case.call is not None else layer(*called)
    return library.Model(inputs, outputs)


def _shape(kind, what):
    return what if kind == "rows" else (None,) if kind == "ids" else (None, *what)


def data(name, seed=0):
    """A batch of two sequences of equal lengths, so that no mask can be lost."""
    draw = np.random.default_rng(seed)
    found = []
    for kind, what in CASES[name].inputs:
        if kind == "ids":
            found.append(draw.integers(1, what, (2, 5)))
        else:
            time = {"rows": (), "other": (6,)}.get(kind, (5,))
            found.append(draw.normal(size=(2, *time, *what)).astype("float32"))
    return found if len(found) > 1 else found[0]


def parts(outputs):
    """Every output as an array."""
    if isinstance(outputs, dict):
        outputs = [outputs[k] for k in sorted(outputs)]
    if isinstance(outputs, (list, tuple)):
        return [p for part in outputs for p in parts(part)]
    return [np.asarray(outputs)]


def shaken(model, seed=1):
    """The model with weights that no initialiser makes."""
    draw = np.random.default_rng(seed)
    model.set_weights([
        (np.abs(draw.normal(size=np.shape(w))) + 0.1).astype("float32") for w in arrays(model)
    ])  # fmt: skip
    return model


def arrays(model):
    """The weights of a model of either library."""
    return [np.array(getattr(w, "value", w).detach()) for w in model.weights]
