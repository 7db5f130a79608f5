"""Law 8 of all that has a configuration: through JSON and back the same, whatever its options."""

import inspect
import json

import numpy as np
import pytest
import torch

import unpad as keras
from unpad import constraints, initializers, losses, metrics, optimizers, regularizers
from unpad.configured import Configured
from unpad.optimizers import schedules
from unpad.saving import deserialize_keras_object, serialize_keras_object

from ..arguments.test_arguments_of_classes import CLASSES, made

#: Bases, which are nothing by themselves.
BASES = {"Loss", "SequenceLoss", "Metric", "Optimizer", "LearningRateSchedule", "Initializer"}
BASES |= {"Regularizer", "Constraint", "Configured"}
HOMES = (losses, metrics, optimizers, schedules, initializers, regularizers, constraints)
KINDS = {
    place: kind
    for place, kind in CLASSES.items()
    if issubclass(kind, Configured) and kind.__name__ not in BASES and "layers." not in place
}
#: Other values than the defaults, in the order in which they are tried.
OTHERS = [
    True,
    False,
    0.25,
    3,
    2,
    0.5,
    -0.5,
    "sum",
    "PR",
    "minoring",
    "macro",
    "fan_out",
    "uniform",
]
OTHERS += ["columns", "all", "BIOES", "weighted_average", "other", [0.25, 0.5], [1.0, 2.0, 3.0]]
OTHERS += [["O", "B-x", "I-x"], (0, 1), -0.25, [5], "true", None, 1, 7]


def back(thing):
    return deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(thing))))


def variants(kind):
    """The defaults, and for each argument one with another value."""
    yield "", made(kind)
    for p in inspect.signature(kind).parameters.values():
        if p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL):
            continue
        for value in OTHERS:
            if p.name == "axis" and value == 3:
                value = 1
            if type(value) is type(p.default) and value == p.default:
                continue
            try:
                yield p.name, made(kind, **{p.name: value})
            except (ValueError, TypeError):
                continue
            break


def alike(a, b):
    if isinstance(a, torch.Tensor) or isinstance(b, torch.Tensor):
        return torch.equal(torch.nan_to_num(torch.as_tensor(a), 7), torch.nan_to_num(b, 7))
    return a == b


def does(thing):
    """What an object does, on numbers that tell arguments apart."""
    torch.manual_seed(1)
    matrix = torch.linspace(-1, 2, 12).reshape(3, 4)
    if isinstance(thing, (losses.Loss, metrics.Metric)):
        return None
    if isinstance(thing, optimizers.Optimizer):
        weights = [torch.nn.Parameter(matrix.clone())]
        rule = thing.bind(weights)
        for step in range(3):
            weights[0].grad = torch.sin(matrix + step)
            rule.step()
        return weights[0].detach()
    if isinstance(thing, schedules.LearningRateSchedule):
        return [thing(step) for step in (0, 1, 5, 25)]
    if isinstance(thing, initializers.Initializer):
        return thing((3, 3))
    return thing(matrix)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_option_comes_back(kind):
    seen = set()
    for name, thing in variants(kind):
        again = back(thing)
        assert type(again) is kind
        assert serialize_keras_object(again) == serialize_keras_object(thing), name
        if kind is not initializers.Identity or name != "gain":
            assert alike(does(thing), does(again)), name
        seen.add(name)
    known = set(inspect.signature(kind).parameters)
    assert known - seen - MISSED.get(kind.__name__, set()) <= ALWAYS_MISSED


#: Arguments that are refused whatever they are, or whose only value is the default.
ALWAYS_MISSED = {"dtype", "loss_scale_factor", "shared", "kwargs", "axis", "from_sorted_ids"}
#: Arguments that need another, or a function with a name: see below.
MISSED = {"AUC": {"num_labels"}, "CustomLoss": {"function"}, "MeanMetricWrapper": {"fn"}}
MISSED["R2Score"] = {"num_regressors"}
MISSED["LossScaleOptimizer"] = {"inner_optimizer"}
MISSED["MultiOptimizer"] = {"optimizer_map"}  # see tests/optimizers/test_several.py


@pytest.mark.parametrize("loss", [k for p, k in KINDS.items() if p.startswith("losses.")])
def test_a_loss_gives_the_same_bits(loss):
    if loss in (losses.CRF, losses.CTC, losses.CustomLoss):
        return
    classes = "Categorical" in loss.__name__
    pred = torch.softmax(torch.linspace(-1, 2, 12).reshape(3, 4), -1)
    true = torch.eye(4)[:3] if classes else torch.linspace(0, 1, 12).reshape(3, 4)
    if any(word in loss.__name__ for word in ("Sparse", "Generalized", "Circle")):
        true = torch.tensor([0, 2, 1])
    for name, thing in variants(loss):
        if name == "from_logits":
            continue
        a, b = thing(true, pred), back(thing)(true, pred)
        assert torch.equal(a, b), name


@pytest.mark.parametrize("name", ["accuracy_like", "Mean"])
def test_a_metric_of_a_function_says_which(name):
    @keras.saving.register_keras_serializable(package="tests")
    def accuracy_like(y_true, y_pred):
        return (y_true - y_pred).abs()

    thing = metrics.MeanMetricWrapper(accuracy_like) if name != "Mean" else metrics.Mean("m")
    again = back(thing)
    for metric in (thing, again):
        if name == "Mean":
            metric.update_state(np.array([1.0, 4.0]))
        else:
            metric.update_state(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 2.0]))
    assert float(thing.result()) == float(again.result())
    assert again.name == thing.name
