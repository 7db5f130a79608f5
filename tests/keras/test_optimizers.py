"""Optimizers move weights as Keras's do, down to gradients so small that epsilon decides."""

import keras
import numpy as np
import pytest
import torch
from keras.src.optimizers.base_optimizer import BaseOptimizer
from masked_batches import coded_like
from side_by_side import assert_close

import unpad
from unpad.optimizers.constrained import obeying

# Of Keras's own Nadam, under numpy 2.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.by_day(60),
]

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
    ("RMSprop", {"weight_decay": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {"amsgrad": True, "learning_rate": 0.1}),
    ("Adamax", {}),
    ("Adamax", {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}),
    ("Nadam", {}),
    ("Nadam", {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}),
    ("Nadam", {"weight_decay": 0.1}),
    ("Adagrad", {}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "epsilon": 1e-3}),
    ("Adadelta", {}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3}),
    ("Lion", {}),
    ("Lion", {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.9, "weight_decay": 0.1}),
    ("Lamb", {}),
    ("Lamb", {"learning_rate": 0.1, "beta_1": 0.8, "weight_decay": 0.1}),
    ("Adafactor", {}),
    ("Adafactor", {"learning_rate": 0.5, "beta_2_decay": -0.5, "clip_threshold": 0.3}),
    ("Muon", {}),
    ("Muon", {"learning_rate": 0.1, "nesterov": False, "rms_rate": None, "ns_steps": 3}),
    ("Muon", {"adam_lr_ratio": 0.5, "adam_weight_decay": 0.1, "weight_decay": 0.2}),
    ("Ftrl", {}),
    (
        "Ftrl",
        {
            "learning_rate": 0.1,
            "learning_rate_power": -0.4,
            "initial_accumulator_value": 0.2,
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.2,
            "beta": 0.3,
        },
    ),
]
#: What is done around the update, with one rule that has no memory and two that have.
AROUND = [
    {"clipnorm": 0.5},
    {"clipvalue": 0.5},
    {"global_clipnorm": 0.5},
    {"use_ema": True},
    {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
    {"gradient_accumulation_steps": 2},
    {"gradient_accumulation_steps": 3, "clipnorm": 0.5, "weight_decay": 0.1},
]
OPTIMIZERS += [
    (name, {"learning_rate": 0.1, **extra, **around})
    for name, extra in (("SGD", {}), ("SGD", {"momentum": 0.9}), ("Adam", {}))
    for around in AROUND
]
optimizers = pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=str)
# Around Adam's and RMSprop's epsilon (1e-7, under RMSprop's root 3e-4), far above and far below.
scales = pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-6, 1e-8, 0.0], ids=str)


def updates(name, options, scale, dtype):
    """The weights after each of the updates with value-coded gradients: of unpad, and of Keras."""
    first = [coded_like(shape) + 0.1 for shape in SHAPES]
    ours = [torch.tensor(w, dtype=dtype, requires_grad=True) for w in first]
    theirs = [keras.Variable(w, dtype=str(dtype).removeprefix("torch.")) for w in first]
    a = unpad.optimizers.maker(getattr(unpad.optimizers, name)(**options))(ours)
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
    of the size of the learning rate, are off by 1e-5 of that. Ftrl makes each weight of sums as
    large as the weight was, so that the last digit of those is what it knows a small one to.
    """
    for what, ours, theirs in updates(name, options, scale, torch.float32):
        atol = 2e-7 if name == "Ftrl" else 2e-5 * options.get("learning_rate", 0.001)
        assert_close(ours, theirs, what, rtol=1e-6, atol=atol)


@optimizers
@scales
def test_how_far(float64, name, options, scale):
    """The way that was gone, not the weights: a tiny step counts as much as a large one."""
    first, moved = [coded_like(shape) + 0.1 for shape in SHAPES], [False, False]
    for i, (what, ours, theirs) in enumerate(updates(name, options, scale, torch.float64)):
        gone = [w - torch.tensor(first[i % 2]) for w in (ours, theirs)]
        # Of a step of 1e-10, seven digits are left beside a weight of 1 in float64.
        assert_close(*gone, what, rtol=1e-5, atol=1e-15)
        moved[i % 2] |= bool((gone[1] != 0).any())
    # Ftrl's weights are made anew of the gradients so far: without any they are 0. Muon's decay.
    without_gradient = options.get("weight_decay") or name in ("AdamW", "Ftrl", "Muon")
    assert moved == [bool(scale or without_gradient)] * 2


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
    # The rule for one weight at a time, in a base class of the one for torch: Nadam's own counts.
    base = cls if "_backend_update_step" in vars(cls) else BaseOptimizer
    plain._backend_update_step = lambda *args: base._backend_update_step(plain, *args)
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
    torchs = unpad.optimizers.maker(ours)([w])
    for rate in (0.001, 0.1, 0.01):
        ours.learning_rate = theirs.learning_rate = rate
        assert float(theirs.learning_rate.value) == pytest.approx(ours.learning_rate)
        w.grad = torch.tensor(coded_like((3,), 0.3))
        torchs.step()
        with torch.no_grad():
            theirs.apply([torch.tensor(coded_like((3,), 0.3))], [v])
        assert_close(w.detach(), v.value.detach(), f"weight after a rate of {rate}", rtol=1e-6)


RATE_SCHEDULES = [
    lambda m: m.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5),
    lambda m: m.optimizers.schedules.PiecewiseConstantDecay([1, 3], [0.1, 0.5, 0.05]),
    lambda m: lambda *step: 0.1,
]


@pytest.mark.parametrize("schedule", RATE_SCHEDULES)
@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
@pytest.mark.parametrize("momentum", [{}, {"momentum": 0.9}])
@pytest.mark.parametrize("accumulate", [None, 2])
def test_rates_that_change(float64, name, momentum, schedule, accumulate):
    """A schedule is asked at each call, and momentum holds the rate that it was made with."""
    momentum = {} if name == "Adam" else momentum
    ours = getattr(unpad.optimizers, name)(
        schedule(unpad), gradient_accumulation_steps=accumulate, **momentum
    )
    theirs = getattr(keras.optimizers, name)(
        schedule(keras), gradient_accumulation_steps=accumulate, **momentum
    )
    w = torch.tensor(coded_like((3,)), requires_grad=True)
    v = keras.Variable(coded_like((3,)), dtype="float64")
    step = unpad.optimizers.maker(ours)([w])
    for update in range(8):
        grad = torch.tensor(coded_like((3,), 0.3) + 0.1 * update)
        if not callable(theirs._learning_rate) or hasattr(theirs._learning_rate, "get_config"):
            assert ours.learning_rate == pytest.approx(float(theirs.learning_rate), rel=1e-6)
        assert ours.iterations == int(theirs.iterations)
        w.grad = grad.clone()
        step.step()
        with torch.no_grad():
            theirs.apply([grad.clone()], [v])
        # Keras computes a schedule in float32.
        assert_close(w.detach(), v.value.detach(), f"weight after {update + 1}", 1e-6, 1e-9)


@pytest.mark.parametrize("use_ema", [{}, {"ema_overwrite_frequency": 2}])
def test_averages_take_the_weights_place(float64, use_ema):
    """What `fit` ends with, and what later updates go on from."""
    options = {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.7, **use_ema}
    ours, theirs = unpad.optimizers.Adam(**options), keras.optimizers.Adam(**options)
    w = torch.tensor(coded_like((3,)), requires_grad=True)
    v = keras.Variable(coded_like((3,)), dtype="float64")
    step = ours.bind([w])
    for update in range(5):
        grad = torch.tensor(coded_like((3,), 0.3) + 0.1 * update)
        w.grad = grad.clone()
        step.step()
        with torch.no_grad():
            theirs.apply([grad.clone()], [v])
    before = w.detach().clone()
    ours.finalize_variable_values()
    with torch.no_grad():
        theirs.finalize_variable_values([v])
    assert_close(w.detach(), v.value.detach(), "weight", 1e-6, 1e-9)
    assert not torch.equal(before, w)


@pytest.mark.parametrize("clip", ["clipnorm", "clipvalue", "global_clipnorm"])
@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_clipping_hides_nothing(float64, clip, bad):
    """Where one gradient is not finite, NaN is where Keras has it."""
    ours = [torch.ones(2, requires_grad=True) for _ in range(2)]
    theirs = [keras.Variable(np.ones(2), dtype="float64") for _ in range(2)]
    for w, grad in zip(ours, ([3.0, bad], [1.0, 2.0]), strict=True):
        w.grad = torch.tensor(grad)
    unpad.optimizers.SGD(0.1, **{clip: 0.5}).bind(ours).step()
    with torch.no_grad():
        keras.optimizers.SGD(0.1, **{clip: 0.5}).apply([w.grad for w in ours], theirs)
    for w, v in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(w.detach().numpy(), v.value.detach().numpy())


@pytest.mark.parametrize("name", ["SGD", "Adam"])
@pytest.mark.parametrize(
    ("constraint", "options"),
    [("NonNeg", {}), ("MaxNorm", {"max_value": 0.5}), ("UnitNorm", {"axis": 1}),
     ("MinMaxNorm", {"min_value": 0.3, "max_value": 0.4, "rate": 0.5})],
)  # fmt: skip
def test_constraints(float64, name, constraint, options):
    """Applied after each update, and the next one goes on from there."""
    w = torch.tensor(coded_like((4, 3)), requires_grad=True)
    v = keras.Variable(coded_like((4, 3)), dtype="float64")
    v.constraint = getattr(keras.constraints, constraint)(**options)
    ours = getattr(unpad.optimizers, name)(0.1).bind([w])
    obeying(ours, [(w, getattr(unpad.constraints, constraint)(**options))])
    theirs = getattr(keras.optimizers, name)(0.1)
    for update in range(UPDATES):
        grad = torch.tensor(np.cos(update + coded_like((4, 3), 2.0)))
        w.grad = grad.clone()
        ours.step()
        with torch.no_grad():
            theirs.apply([grad.clone()], [v])
        assert_close(w.detach(), v.value.detach(), f"weight after {update + 1}", 1e-6, 1e-9)


def test_names():
    """Every name that unpad knows is Keras's, for the optimiser of that name."""
    for name, cls in unpad.optimizers._BY_NAME.items():
        if name != "lamb":  # which Keras has, but not by its name
            assert cls.__name__ == type(keras.optimizers.get(name)).__name__
        assert hasattr(keras.optimizers, cls.__name__)
