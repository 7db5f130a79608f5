"""Normalisations: what the generated parity leaves out, and where Keras differs on purpose."""

import copy
import pickle

import keras
import numpy as np
import pytest
import torch
from keras.src import backend
from masked_batches import MASKS, coded, coded_like
from side_by_side import assert_close, assert_same_steps

import unpad
from unpad import Ragged

masks = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
BATCHES = [coded(), 2 - coded(), 0.5 * coded()[::-1].copy()]


def built(options, shape):
    """Both layers, with the same gamma, beta and moving statistics."""
    ours, theirs = (m.layers.BatchNormalization(**options) for m in (unpad, keras))
    ours.eval()(torch.zeros(shape))
    theirs.build(shape)
    shapes = [tuple(w.shape) for w in theirs.weights]
    assert [tuple(w.shape) for w in ours.weights] == shapes
    values = [1.5 + coded_like(s) + 0.01 * i for i, s in enumerate(shapes)]
    ours.set_weights(values)
    theirs.set_weights(values)
    return ours, theirs


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((5, 3), {}),
        ((5, 4, 3), {"momentum": 0.7, "epsilon": 0.1}),
        ((5, 4, 3), {"axis": 1}),
        ((5, 4, 2, 3), {"axis": 2}),
        ((5, 4, 2, 3), {"center": False, "scale": False}),
        ((5, 3), {"renorm": True}),
        ((5, 4, 3), {"renorm": True, "renorm_momentum": 0.6, "center": False}),
        ((5, 4, 3), {"renorm": True, "renorm_clipping": {"rmin": 0.9, "rmax": 1.1, "dmax": 0.3}}),
        ((5, 4, 2, 3), {"renorm": True, "axis": 2, "scale": False}),
    ],
    ids=str,
)
def test_batch_normalization_of_a_dense_batch(float64, shape, options):
    """In training: outputs, gradients, and the moving statistics after each batch."""
    ours, theirs = built(options, shape)
    for i in range(3):
        x = torch.tensor(coded_like(shape) + 0.3 * i)
        a, b = (x.clone().requires_grad_() for _ in "ab")
        out_ours, out_theirs = ours(a, training=True), theirs(b, training=True)
        assert_close(out_ours.detach(), out_theirs.detach(), "outputs")
        weigh = torch.tensor(coded_like(shape, 2.0) ** 2)
        trained = [w for w in theirs.weights if w.value.requires_grad]
        grads = torch.autograd.grad((out_ours * weigh).sum(), [a, *ours.parameters()])
        expected = torch.autograd.grad((out_theirs * weigh).sum(), [b, *(w.value for w in trained)])
        for name, g, h in zip(["input", *(w.path for w in trained)], grads, expected, strict=True):
            assert_close(g, h, f"gradient of {name}", atol=1e-10)
        for w, v in zip(ours.weights, theirs.weights, strict=True):
            assert_close(w.detach(), v.value.detach(), v.path)
    assert_close(ours.eval()(x).detach(), theirs(x).detach(), "outputs at inference")


@masks
@pytest.mark.parametrize("renorm", [False, True])
def test_moving_statistics_are_over_real_steps(float64, mask, renorm):
    """After three masked batches, and what is predicted with them."""
    ours, theirs = built({"momentum": 0.6, "renorm": renorm}, (4, 6, 3))
    for x in BATCHES:
        real = torch.tensor(mask)
        ours(Ragged.from_padded(torch.tensor(x), mask=real), training=True)
        theirs(torch.tensor(x), training=True, mask=real)
    # Keras divides by the number of steps plus 1e-7.
    assert_close(ours.moving_mean, theirs.moving_mean.value, "moving mean", 1e-6)
    assert_close(ours.moving_variance, theirs.moving_variance.value, "moving variance", 1e-6)
    x = torch.tensor(coded())
    a = ours.eval()(Ragged.from_padded(x, mask=real)).values
    assert_same_steps(a.detach(), theirs(x).detach(), mask, "outputs at inference", 1e-6)


def test_frozen_batch_normalization(float64):
    """trainable=False: the moving statistics are used in training too, and stay."""
    ours, theirs = (m.layers.BatchNormalization(trainable=False) for m in (unpad, keras))
    x = torch.tensor(3 + coded())
    for layer in (ours, theirs):
        layer(x, training=True)
    assert_close(ours(x, training=True).detach(), theirs(x, training=True).detach(), "outputs")
    for w, v in zip(ours.weights, theirs.weights, strict=True):
        assert_close(w.detach(), v.value.detach(), v.path)
    assert not any(w.requires_grad for w in ours.weights)


@pytest.mark.parametrize("axis", [1, 2, [1, 3], [2], -2])
def test_axes_that_are_not_last(float64, axis):
    """The formula, over the axes that are named: on torch Keras takes the last ones instead."""
    x = coded_like((2, 4, 4, 4), 3.0)
    axes = tuple(a % 4 for a in (axis if isinstance(axis, list) else [axis]))
    shape = tuple(4 if a in axes else 1 for a in range(4))
    weights = [1.5 + coded_like((4,) * len(axes)), coded_like((4,) * len(axes), 0.3)]
    gamma, beta = (w.reshape(shape) for w in weights)

    layer = unpad.layers.LayerNormalization(axis, epsilon=0.1)
    layer(torch.tensor(x))
    layer.set_weights(weights)
    centred = x - x.mean(axes, keepdims=True)
    variance = x.var(axes, keepdims=True)
    want = centred / np.sqrt(variance + 0.1) * gamma + beta
    assert_close(layer(torch.tensor(x)).detach(), want, "layer normalisation")

    layer = unpad.layers.RMSNormalization(axis, epsilon=0.1)
    layer(torch.tensor(x))
    layer.set_weights(weights[:1])
    rms_want = x / np.sqrt((x**2).mean(axes, keepdims=True) + 0.1) * gamma
    assert_close(layer(torch.tensor(x)).detach(), rms_want, "RMS normalisation")

    if len(axes) == 1:
        theirs = keras.layers.LayerNormalization(axis, epsilon=0.1)
        theirs.build(x.shape)
        theirs.set_weights(weights)
        last = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 0.1)
        found = theirs(torch.tensor(x)).detach()
        assert_close(found, last * weights[0] + weights[1], "Keras's last axis")


def test_group_normalization_without_padding(float64):
    """Pinned: each sequence as Keras's alone; on a padded batch Keras counts the padding."""
    mask, x = MASKS["right"], coded(feature=4)
    ours = unpad.layers.GroupNormalization(2)(Ragged.from_padded(x, mask=mask))
    padded = torch.tensor(np.where(mask[..., None], x, 0))
    backend.set_keras_mask(padded, torch.tensor(mask))
    theirs = keras.layers.GroupNormalization(2)(padded)
    for i, length in enumerate(mask.sum(1)):
        alone = keras.layers.GroupNormalization(2)(torch.tensor(x[i : i + 1, :length]))[0].detach()
        assert_close(ours[i].detach(), alone, f"sequence {i}", atol=1e-9)
        same = np.allclose(theirs[i, :length].detach(), alone, atol=1e-3)
        assert same == (length == mask.shape[1])


@pytest.mark.parametrize(("shape", "axis"), [((3, 4), -1), ((3, 5, 4), 2), ((3, 4, 5), 1),
                                             ((2, 3, 4, 5), -2)])  # fmt: skip
def test_group_normalization_of_a_dense_batch(float64, shape, axis):
    """Any axis but the batch."""
    ours, theirs = (m.layers.GroupNormalization(2, axis) for m in (unpad, keras))
    x = torch.tensor(coded_like(shape))
    ours(x), theirs(x)
    values = [coded_like((4,)), coded_like((4,), 0.5)]
    ours.set_weights(values)
    theirs.set_weights(values)
    assert_close(ours(x).detach(), theirs(x).detach(), "outputs", 1e-8)


def test_unit_normalization_of_zeros(float64):
    """Pinned: zeros stay zeros in both; the gradient there is finite here and NaN in Keras."""
    grads = []
    for library in (unpad, keras):
        x = torch.zeros(2, 3, requires_grad=True)
        out = library.layers.UnitNormalization()(x)
        assert torch.count_nonzero(out) == 0
        grads.append(torch.autograd.grad(out.sum(), x)[0])
    assert bool(grads[0].isfinite().all())
    assert bool(grads[1].isnan().all())


@pytest.mark.parametrize("axis", [-1, [1, 2], 2])
def test_layer_normalization_by_the_deviation_alone(float64, axis):
    """Keras's older `rms_scaling=`, which warns there that it is no root mean square."""
    x = torch.tensor(coded()[:, :, None] + coded()[:, :, :, None])
    ours = unpad.layers.LayerNormalization(axis, rms_scaling=True)
    ours(x)
    with pytest.warns(UserWarning, match="rms_scaling"):
        theirs = keras.layers.LayerNormalization(axis, rms_scaling=True)
    with pytest.warns(UserWarning, match="rms_scaling"):
        theirs(x)
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    values = [1.5 + coded_like(tuple(w.shape)) for w in theirs.weights]
    ours.set_weights(values)
    theirs.set_weights(values)
    with pytest.warns(UserWarning, match="rms_scaling"):
        assert_close(ours(x).detach(), theirs(x).detach(), "outputs")


def test_statistics_are_assigned_as_weights_are():
    """Keras's way to set them, also after a copy or a move of the layer."""
    layer = unpad.layers.BatchNormalization(name="norm")
    layer(torch.zeros(2, 3))
    for made in (layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), layer.double()):
        mean = made.non_trainable_weights[0]
        assert (mean.name, mean.path, mean.trainable) == ("moving_mean", "norm/moving_mean", False)
        mean.assign([1.0, 2.0, 3.0]).assign_add(1.0)
        assert made.moving_mean.numpy().tolist() == [2, 3, 4]
        assert made(torch.full((1, 3), 3.0)).sum().item() == pytest.approx(0, abs=1e-4)
        assert len(list(made.parameters())) == 2 and len(list(made.buffers())) == 2
    assert layer.moving_mean.dtype is torch.float64
