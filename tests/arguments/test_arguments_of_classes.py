"""Each argument of each public class: taken where it means something, else refused by name.

The classes are found by walking the public names, their arguments by their signatures. Whether a
number, a flag or a word is wanted is what the signature says; which unusual values are none the
less right stands in LEGAL, with the reason.
"""

import inspect
import math
import re

import pytest
import torch

from unpad import (
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    signatures,
)
from unpad.optimizers import schedules

HOMES = [layers, optimizers, schedules, callbacks, losses, metrics]
HOMES += [initializers, regularizers, constraints]

VALUES = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "-1": -1, "'a'": "a"}
VALUES |= {"None": None, "True": True, "[]": [], "object": object(), "1j": 1j}

#: What a class must be given, by the argument's name, or by class and name.
NEEDED = {
    "backup_dir": "out/backup",
    "recall": 0.5,
    "precision": 0.5,
    "sensitivity": 0.5,
    "specificity": 0.5,
    "activation": "relu",
    "axes": 1,
    "boundaries": [1],
    "cell": layers.LSTMCell(2),
    "decay_rate": 0.5,
    "decay_steps": 10,
    "default_optimizer": optimizers.SGD(0.1),
    "dims": (2, 1),
    "embedding_dim": 4,
    "equation": "abc,cd->abd",
    "filename": "log.csv",
    "filepath": "a.weights.pt",
    "filters": 3,
    "first_decay_steps": 10,
    "fn": torch.sub,
    "function": torch.sub,
    "head_dim": 4,
    "initial_learning_rate": 0.1,
    "inner_optimizer": optimizers.SGD(0.1),
    "input_dim": 5,
    "intermediate_dim": 4,
    "kernel_size": 2,
    "key_dim": 4,
    "layer": layers.LSTM(2),
    "learning_rate": 0.1,
    "make": lambda size, loss: metrics.Mean(),
    "metric": metrics.Mean(),
    "module": torch.nn.Linear(2, 2),
    "num_bins": 5,
    "num_heads": 2,
    "num_key_value_heads": 1,
    "num_query_heads": 2,
    "num_tokens": 4,
    "n": 2,
    "optimizer_map": optimizers.OptimizerMap(optimizers.SGD(0.1)),
    "output_dim": 3,
    "output_shape": (None, 3),
    "output_size": 2,
    "pool_size": 2,
    "rate": 0.5,
    "schedule": lambda epoch: 0.1,
    "sequence_length": 7,
    "shape": (3,),
    "stddev": 0.5,
    "tags": ["O", "B-a", "I-a"],
    "target_shape": (2,),
    "cells": [layers.LSTMCell(2)],
    "units": 3,
    "values": [0.1, 0.2],
    "vocabulary_size": 5,
}
#: Options that others need.
BESIDE = {
    "CategoryEncoding": {"num_tokens": 4},
    **{
        f"Input.{name}": {"shape": (3,)}
        for name in ("dtype", "ragged", "name", "batch_size", "optional", "sparse")
    },
    "Discretization": {"num_bins": 5},
    "EarlyStopping.monitor": {"mode": "min"},
    "IntegerLookup.pad_to_max_tokens": {"max_tokens": 9, "output_mode": "count"},
    "ModelCheckpoint": {"save_weights_only": True},
    "ReduceLROnPlateau.monitor": {"mode": "min"},
    "StringLookup.pad_to_max_tokens": {"max_tokens": 9, "output_mode": "count"},
    "TextVectorization.pad_to_max_tokens": {"max_tokens": 9, "output_mode": "count"},
}

#: By argument, or by Class.argument: the values that are right though they are unusual, and why.
LEGAL = {
    "dtype": {"None": "as the policy for all has it"},
    "axis": {"-1": "the last axis"},
    "seed": {"-1": "any whole number"},
    "use_cudnn": {"True": "Keras's word for a path, which changes no number"},
    "ignore_class": {"-1": "the label that stands for no label"},
    "ELU.alpha": {"-1": "below 0 it falls to -alpha, whatever that is"},
    "Activation.activation": {"None": "none: what comes in"},
    "Dot.axes": {"-1": "the last axis"},
    "input_axes": {"-1": "the last axis"},
    "output_axes": {"-1": "the last axis"},
    "feature_axis": {"-1": "the last axis, the only one"},
    "shared_axes": {"-1": "the last axis"},
    "GroupNormalization.groups": {"-1": "Keras's word for a group a feature"},
    "Masking.mask_value": {
        "nan": "what missing values are most often",
        "inf": "a number like any other",
        "-inf": "a number like any other",
        "-1": "a number like any other",
    },
    "IntegerLookup.mask_token": {"-1": "a whole number like any other"},
    "IntegerLookup.oov_token": {"-1": "a whole number like any other"},
    "ReLU.max_value": {"inf": "no bound"},
    "Reshape.target_shape": {"[]": "a number a row"},
    "Input.shape": {"[]": "a number a row"},
    "take": {"-1": "the last of what it gives"},
    "EinsumDense.output_shape": {"[]": "a number a row", "None": "one size, not known"},
    "beta_2_decay": {"-1": "a power of the number of updates, at most 0"},
    **{f"muon_{letter}": {"-1": "a factor of a polynomial"} for letter in "abc"},
    "Muon.exclude_layers": {"[]": "Keras's word for none"},
    "Ftrl.learning_rate_power": {"-1": "of the sum of squares, at most 0"},
    "min_delta": {"-1": "its size counts, as in Keras"},
    "EarlyStopping.baseline": {
        "inf": "where lower is better, what anything beats",
        "-inf": "where higher is better, what anything beats",
        "-1": "a number like any other",
    },
    "initial_value_threshold": {
        "inf": "where lower is better, what anything beats",
        "-inf": "where higher is better, what anything beats",
        "-1": "a number like any other",
    },
    "BinaryAccuracy.threshold": {"-1": "of logits"},
    "ConfusionMatrix.threshold": {"-1": "of logits"},
    "SequenceAccuracy.threshold": {"-1": "of logits"},
    "gain": {"-1": "turns the signs"},
    "mean": {"-1": "a number like any other"},
    "minval": {"-1": "a number like any other"},
    "MultiHeadAttention.output_shape": {"[]": "a number a step"},
}
#: What is refused though it is the default, as in Keras.
MUST = {
    "CategoryEncoding.num_tokens",
    "Discretization.num_bins",
    "Input.shape",
    "Input.batch_shape",
}
#: Values that layers hand to each other, and no one makes by hand; and what gives its arguments to
#: Input, which says who it is.
INNER = {"Spec", "StartedMetric", "StepMetric", "InputLayer"}


def classes():
    found = {}
    for home in HOMES:
        for name in sorted(vars(home)):
            kind = getattr(home, name)
            ours = isinstance(kind, type) and kind.__module__.startswith("unpad.")
            ours = ours and name not in INNER
            if ours and not name.startswith("_") and kind.__name__ == name:
                found.setdefault(kind, f"{home.__name__.rpartition('.')[2]}.{name}")
    return {name: kind for kind, name in found.items()}


CLASSES = classes()


def arguments_of(kind):
    """(name, words) of each argument that is a number, a flag or a word, by its signature."""
    for p in inspect.signature(kind).parameters.values():
        asked = set(re.findall(r"\w+", str(p.annotation))) & set(signatures.KINDS)
        if asked and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL):
            outer = re.sub(r"\[.*\]", "", str(p.annotation))
            yield p.name, set(re.findall(r"\w+", outer)) | (asked & {"str"})


def made(kind, **given):
    needed = {}
    for p in inspect.signature(kind).parameters.values():
        required = p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        if required and p.name not in given:
            needed[p.name] = NEEDED[p.name]
    for name in (kind.__name__, *(f"{kind.__name__}.{name}" for name in given)):
        needed |= BESIDE.get(name, {})
    return kind(**{**needed, **given})


def legal(kind, name, shown, words):
    said = {"None": {"None", "Seed", "DType"}, "True": {"bool", "Verbose"}, "func": {"Callable"}}
    if words & said.get(shown, set()) and f"{kind.__name__}.{name}" not in MUST:
        return True
    return any(shown in LEGAL.get(key, ()) for key in (name, f"{kind.__name__}.{name}"))


CASES = [
    pytest.param(kind, name, words, id=f"{place}.{name}")
    for place, kind in CLASSES.items()
    for name, words in arguments_of(kind)
]


@pytest.mark.parametrize(("kind", "name", "words"), CASES)
def test_an_argument_is_right_or_refused_by_name(kind, name, words):
    failed = []
    for shown, value in VALUES.items():
        right = legal(kind, name, shown, words)
        try:
            made(kind, **{name: value})
        except (ValueError, TypeError) as error:
            text = str(error)
            named = text.startswith(kind.__name__) and re.search(rf"\b{name}\b", text)
            if not named:
                failed.append(f"{shown}: {text[:90]}")
            elif right and "not supported" not in text:
                failed.append(f"{shown} is legal: {text[:90]}")
        else:
            if not right and not (value == "a" and "str" in words):
                failed.append(f"{shown} is taken")
    assert "; ".join(failed) == ""


def test_the_table_says_nothing_that_is_not_asked():
    known = {name for kind in CLASSES.values() for name, _ in arguments_of(kind)}
    known |= {f"{k.__name__}.{name}" for k in CLASSES.values() for name, _ in arguments_of(k)}
    assert set(LEGAL) - known == set()
