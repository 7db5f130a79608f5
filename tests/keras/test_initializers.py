"""Initialisers draw from the same distributions as Keras's, at the same shapes."""

import keras
import numpy as np
import pytest
import torch
from side_by_side import assert_close, keras_weights

import unpad

#: name, arguments; the shapes below are as (feature, units), and those of a convolution.
DRAWS = [
    ("RandomUniform", {}),
    ("RandomUniform", {"minval": 1.0, "maxval": 3.0}),
    ("RandomNormal", {}),
    ("RandomNormal", {"mean": 2.0, "stddev": 0.5}),
    ("TruncatedNormal", {}),
    ("TruncatedNormal", {"mean": 2.0, "stddev": 0.5}),
    ("GlorotUniform", {}),
    ("GlorotNormal", {}),
    ("HeUniform", {}),
    ("HeNormal", {}),
    ("LecunUniform", {}),
    ("LecunNormal", {}),
    ("VarianceScaling", {}),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"}),
    ("VarianceScaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
]
SHAPES = [(120, 480), (400, 100), (5, 60, 150), (50000,)]


def largest_gap(a, b):
    """Kolmogorov and Smirnov's: the largest difference of the two samples' distributions."""
    a, b = np.sort(np.ravel(a)), np.sort(np.ravel(b))
    everything = np.concatenate([a, b])
    below = [np.searchsorted(s, everything, side="right") / len(s) for s in (a, b)]
    return np.abs(below[0] - below[1]).max()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("name", "options"), DRAWS, ids=str)
def test_distribution(name, options, shape):
    """Mean, spread, bounds, and the whole distribution."""
    ours = np.asarray(getattr(unpad.initializers, name)(**options, seed=3)(shape))
    theirs = getattr(keras.initializers, name)(**options, seed=4)(shape).numpy()
    assert ours.dtype == theirs.dtype == np.float32
    spread = theirs.std()
    # 40,000 numbers or more: the error of a mean is .005 of the spread, that of a gap .01 at 1 %.
    assert abs(ours.mean() - theirs.mean()) < 0.025 * spread
    assert abs(ours.std() / spread - 1) < 0.02
    assert largest_gap(ours, theirs) < 0.015
    if "Normal" not in name and "normal" not in options.get("distribution", "truncated_normal"):
        assert abs(ours.min() - theirs.min()) < 0.01 * spread
        assert abs(ours.max() - theirs.max()) < 0.01 * spread
    elif name != "RandomNormal" and options.get("distribution") != "untruncated_normal":
        # Cut at two standard deviations: nothing beyond, and something close to it.
        edge = np.abs(theirs - theirs.mean()).max()
        assert abs(np.abs(ours - ours.mean()).max() / edge - 1) < 0.02


@pytest.mark.parametrize("gain", [1.0, 2.5])
@pytest.mark.parametrize("shape", [(7, 28), (28, 7), (6, 6)], ids=str)
def test_orthogonal(shape, gain):
    """The shorter side's vectors are orthonormal times the gain, and drawn evenly."""
    for module in (unpad, keras):
        w = np.asarray(module.initializers.Orthogonal(gain=gain, seed=3)(shape), dtype=np.float64)
        w = w if shape[0] <= shape[1] else w.T
        assert_close(w @ w.T, gain**2 * np.eye(len(w)), module.__name__, rtol=1e-5, atol=1e-5)
    first = [
        [float(module.initializers.Orthogonal(seed=s)((6, 6))[0, 0]) for s in range(400)]
        for module in (unpad, keras)
    ]
    assert largest_gap(*first) < 0.12  # 400 draws each: .115 at 1 %
    assert abs(np.mean(first[0])) < 0.08  # signs are even


def test_orthogonal_of_three_axes():
    """Of more axes, all but the last are the rows, as Keras has it."""
    for module in (keras, unpad):
        w = np.asarray(module.initializers.Orthogonal(seed=3)((3, 4, 5))).reshape(12, 5)
        assert_close(w.T @ w, np.eye(5), module.__name__, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [
        ("Zeros", {}, (3, 4)),
        ("Ones", {}, (3, 4)),
        ("Constant", {"value": 0.3}, (3, 4)),
        ("Identity", {"gain": 2.0}, (3, 4)),
        ("Identity", {}, (4, 3)),
    ],
)
def test_constants(name, options, shape):
    """The same numbers, entry by entry."""
    ours, theirs = (getattr(m.initializers, name)(**options)(shape) for m in (unpad, keras))
    assert_close(ours, theirs, name, rtol=0, atol=0)


def test_seed_repeats():
    """With a seed each call gives the same numbers, and another seed others; as in Keras."""
    for module in (unpad, keras):
        draw = module.initializers.GlorotUniform(seed=3)
        other = module.initializers.GlorotUniform(seed=4)
        assert torch.equal(torch.as_tensor(draw((4, 5))), torch.as_tensor(draw((4, 5))))
        assert not torch.equal(torch.as_tensor(draw((4, 5))), torch.as_tensor(other((4, 5))))


def test_without_a_seed():
    """Pinned: one initialiser in two layers gives different weights here, the same in Keras.

    Keras draws a seed when the initialiser is made; the same weights twice are hardly ever meant.
    """
    same = []
    for module in (unpad, keras):
        draw = module.initializers.GlorotUniform()
        same.append(torch.equal(torch.as_tensor(draw((4, 5))), torch.as_tensor(draw((4, 5)))))
    assert same == [False, True]


#: layer, its input's shape; weights are told apart by Keras's names for them.
LAYERS = {
    "Dense": (lambda m: m.layers.Dense(300), (2, 200)),
    "Embedding": (lambda m: m.layers.Embedding(300, 200), (2, 5)),
    "LSTM": (lambda m: m.layers.LSTM(100), (2, 5, 120)),
    "LSTM, no unit_forget_bias": (
        lambda m: m.layers.LSTM(100, unit_forget_bias=False),
        (2, 5, 120),
    ),
    "LSTM, bias_initializer": (
        lambda m: m.layers.LSTM(100, bias_initializer=m.initializers.Constant(0.25)),
        (2, 5, 120),
    ),
    "GRU": (lambda m: m.layers.GRU(120), (2, 5, 120)),
    "GRU, reset before": (lambda m: m.layers.GRU(120, reset_after=False), (2, 5, 120)),
    "GRU, bias_initializer": (
        lambda m: m.layers.GRU(120, bias_initializer=m.initializers.Constant(0.25)),
        (2, 5, 120),
    ),
    "GRU, no bias": (lambda m: m.layers.GRU(120, use_bias=False), (2, 5, 120)),
    "SimpleRNN": (lambda m: m.layers.SimpleRNN(200), (2, 5, 200)),
    "SimpleRNN, bias_initializer": (
        lambda m: m.layers.SimpleRNN(200, bias_initializer="ones"),
        (2, 5, 200),
    ),
    "stateful": (lambda m: m.layers.GRU(120, stateful=True), (2, 5, 120)),
    "Bidirectional": (lambda m: m.layers.Bidirectional(m.layers.LSTM(100)), (2, 5, 120)),
    "Bidirectional of two": (
        lambda m: m.layers.Bidirectional(
            m.layers.GRU(120), backward_layer=m.layers.SimpleRNN(200, go_backwards=True)
        ),
        (2, 5, 200),
    ),
    "TimeDistributed": (lambda m: m.layers.TimeDistributed(m.layers.Dense(300)), (2, 5, 200)),
}


@pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS)
def test_first_weights(make, shape):
    """A layer's weights: the same names, order and shapes, from the same distributions."""
    ours, theirs = make(unpad), make(keras)
    theirs.build(shape)
    ours(torch.ones(shape))
    names = [name.split(".")[-1] for name, _ in ours.named_parameters()]
    assert names == [w.name for w in theirs.weights]
    for name, a, b in zip(names, ours.get_weights(), keras_weights(theirs), strict=True):
        assert a.shape == b.shape
        if name == "bias":
            assert_close(a, b, name, rtol=0, atol=0)
            continue
        assert largest_gap(a, b) < 0.015, name
        assert abs(a.std() / b.std() - 1) < 0.02, name
        if name == "recurrent_kernel":
            assert_close(a @ a.T, np.eye(len(a)), name, rtol=1e-5, atol=1e-5)


def test_gru_bias():
    """Where the reset gate acts after the product, a bias for the inputs and one for the state."""
    for module in (unpad, keras):
        for reset_after, shape in ((True, (2, 6)), (False, (6,))):
            layer = module.layers.GRU(2, reset_after=reset_after)
            layer(torch.ones(1, 1, 3))
            assert tuple(layer.bias.shape if module is unpad else layer.cell.bias.shape) == shape


def test_lstm_forget_gate():
    """The bias is 0 but for the forget gate's, the second quarter, which is 1."""
    ours, theirs = (module.layers.LSTM(2) for module in (unpad, keras))
    for layer in (ours, theirs):
        layer(torch.ones(1, 1, 3))
    for bias in (ours.get_weights()[2], keras_weights(theirs)[2]):
        assert bias.tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
