"""Optimizers move weights as Keras's do, down to gradients so small that epsilon decides."""

import keras
import numpy as np
import pytest
import torch
from keras.src.optimizers.base_optimizer import BaseOptimizer
from masked_batches import coded_like
from side_by_side import assert_close

import unpad

UPDATES = 5
SHAPES = [(4, 3), (3,)]

#: class, arguments.
OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"nesterov": True}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}),
    ("Adam", {"weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.1}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.1, "rho": 0.8, "epsilon": 1e-3}),
    ("RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"centered": True, "momentum": 0.9}),
]
optimizers = pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=str)
# Around Adam's and RMSprop's epsilon (1e-7, under RMSprop's root 3e-4), far above and far below.
scales = pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-6, 1e-8, 0.0], ids=str)


def updates(name, options, scale, dtype):
    """The weights after each of the updates with value-coded gradients: of unpad, and of Keras."""
    first = [coded_like(shape) + 0.1 for shape in SHAPES]
    ours = [torch.tensor(w, dtype=dtype, requires_grad=True) for w in first]
    theirs = [keras.Variable(w, dtype=str(dtype).removeprefix("torch.")) for w in first]
    a = unpad.optimizers.get(getattr(unpad.optimizers, name)(**options))(ours)
    b = getattr(keras.optimizers, name)(**options)
    for update in range(UPDATES):
        grads = [
            torch.tensor(scale * np.cos(update + coded_like(s, 2.0)), dtype=dtype) for s in SHAPES
        ]
        for w, grad in zip(ours, grads, strict=True):
            w.grad = grad.clone()
        a.step()
        with torch.no_grad():
            b.apply([grad.clone() for grad in grads], theirs)
        for i, (w, v) in enumerate(zip(ours, theirs, strict=True)):
            yield (
                f"weight {i} after update {update + 1}",
                w.detach().clone(),
                v.value.detach().clone(),
            )


@optimizers
@scales
def test_updates(name, options, scale):
    """Five updates of float32 weights.

    Keras computes 1 - beta_2 ** t in float32, where four digits of .001 are left: its first steps,
    of the size of the learning rate, are off by 1e-5 of that.
    """
    for what, ours, theirs in updates(name, options, scale, torch.float32):
        atol = 2e-5 * options.get("learning_rate", 0.001)
        assert_close(ours, theirs, what, rtol=1e-6, atol=atol)


@optimizers
@scales
def test_how_far(float64, name, options, scale):
    """The way that was gone, not the weights: a tiny step counts as much as a large one."""
    first = [coded_like(shape) + 0.1 for shape in SHAPES]
    for i, (what, ours, theirs) in enumerate(updates(name, options, scale, torch.float64)):
        gone = [w - torch.tensor(first[i % 2]) for w in (ours, theirs)]
        # Of a step of 1e-10, seven digits are left beside a weight of 1 in float64.
        assert_close(*gone, what, rtol=1e-5, atol=1e-15)
        decayed = options.get("weight_decay") or name == "AdamW"
        assert bool((gone[1] != 0).all()) == bool(scale or decayed)


def test_epsilon_decides(float64):
    """The cases above are ones where torch's own epsilon would give another number."""
    theirs = [v for *_, v in updates("Adam", {}, 1e-6, torch.float64)]
    w = torch.tensor(coded_like(SHAPES[0]) + 0.1, requires_grad=True)
    torchs = torch.optim.Adam([w], lr=0.001, eps=1e-7)
    w.grad = torch.tensor(1e-6 * np.cos(coded_like(SHAPES[0], 2.0)))
    start = w.detach().clone()
    torchs.step()
    ratio = (theirs[0] - start) / (w.detach() - start)
    assert float(ratio.max()) < 0.5


@optimizers
def test_keras_is_of_one_mind(float64, name, options):
    """Keras's own rule, that of every backend, is what its faster one for torch computes."""
    cls = getattr(keras.optimizers, name)
    fast = [v for *_, v in updates(name, options, 1e-3, torch.float64)]
    weights = [keras.Variable(coded_like(s) + 0.1, dtype="float64") for s in SHAPES]
    plain = cls(**options)
    # The rule for one weight at a time, in the base class of the one for torch.
    plain._backend_update_step = lambda *args: BaseOptimizer._backend_update_step(plain, *args)
    with torch.no_grad():
        for update in range(UPDATES):
            grads = [torch.tensor(1e-3 * np.cos(update + coded_like(s, 2.0))) for s in SHAPES]
            plain.apply(grads, weights)
    for w, v in zip(weights, fast[-2:], strict=True):
        assert_close(w.value.detach(), v, "weight")


def test_learning_rate_can_be_set(float64):
    """A rate set between two updates counts from the next one on, as in Keras."""
    ours, theirs = unpad.optimizers.Adam(), keras.optimizers.Adam()
    w = torch.tensor(coded_like((3,)), requires_grad=True)
    v = keras.Variable(coded_like((3,)), dtype="float64")
    torchs = unpad.optimizers.get(ours)([w])
    for rate in (0.001, 0.1, 0.01):
        ours.learning_rate = theirs.learning_rate = rate
        assert float(theirs.learning_rate.value) == pytest.approx(ours.learning_rate)
        w.grad = torch.tensor(coded_like((3,), 0.3))
        torchs.step()
        with torch.no_grad():
            theirs.apply([torch.tensor(coded_like((3,), 0.3))], [v])
        assert_close(w.detach(), v.value.detach(), f"weight after a rate of {rate}", rtol=1e-6)
