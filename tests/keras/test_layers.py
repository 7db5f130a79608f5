"""Embedding, Masking and the token-wise layers equal Keras's at real steps, both ways."""

import keras
import numpy as np
import pytest
import torch
from masked_batches import MASKS, coded, coded_like, ids
from side_by_side import assert_close, assert_same_steps, compare, same_weights

import unpad
from unpad import Ragged

masks = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
# Keras's own sparsemax does not sum to 1; test_activations.py has both numbers.
NAMES = sorted(set(unpad.weights.activations._BY_NAME) - {"sparsemax", "hard_sigmoid_of_keras_2"})
activations = pytest.mark.parametrize("activation", NAMES)


def test_the_oracle_is_the_pinned_one():
    """Keras 3.15.1 on torch: what the constraints pin and the README names."""
    assert (keras.__version__, keras.backend.backend()) == ("3.15.1", "torch")


@masks
def test_embedding_mask_zero(float64, mask):
    """The same steps, rows and gradient of the table; row 0 is moved by neither."""
    ours = unpad.layers.Embedding(9, 4, mask_zero=True)
    theirs = keras.layers.Embedding(9, 4, mask_zero=True)
    grid = ids(mask)
    ours(grid)
    theirs.build(grid.shape)
    same_weights(ours, theirs)
    a, b = ours(grid), theirs(torch.tensor(grid))
    assert np.array_equal(a.mask, keras.src.backend.get_keras_mask(b))
    assert_same_steps(a.values.detach(), b.detach(), mask, "rows")

    coefficients = torch.tensor(coded_like(tuple(a.values.shape)))
    (grad,) = torch.autograd.grad((a.values * coefficients).sum(), ours.embeddings)
    loss = (b[torch.tensor(mask)] * coefficients).sum()
    (expected,) = torch.autograd.grad(loss, theirs.embeddings.value)
    assert_close(grad, expected, "gradient of the table")
    assert torch.count_nonzero(grad[0]) == 0
    assert torch.count_nonzero(grad) > 0


def test_embedding_without_mask_zero(float64):
    """Without mask_zero 0 is an id as any other, and a grid stays a grid."""
    ours, theirs = unpad.layers.Embedding(9, 4), keras.layers.Embedding(9, 4)
    grid = ids(MASKS["holes"])
    ours(grid)
    theirs.build(grid.shape)
    same_weights(ours, theirs)
    a, b = ours(grid), theirs(torch.tensor(grid))
    assert keras.src.backend.get_keras_mask(b) is None
    assert_close(a.detach(), b.detach(), "rows")
    coefficients = torch.tensor(coded_like(tuple(a.shape)))
    (grad,) = torch.autograd.grad((a * coefficients).sum(), ours.embeddings)
    (expected,) = torch.autograd.grad((b * coefficients).sum(), theirs.embeddings.value)
    assert_close(grad, expected, "gradient of the table")
    assert torch.count_nonzero(grad[0]) > 0


def test_embedding_weights(float64):
    """`weights=` gives the table, as a list of one array."""
    table = coded_like((9, 4))
    ours, theirs = (
        m.layers.Embedding(9, 4, mask_zero=True, weights=[table]) for m in (unpad, keras)
    )
    grid, mask = ids(MASKS["left"]), MASKS["left"]
    a, b = ours(grid), theirs(torch.tensor(grid))
    assert_same_steps(a.values.detach(), b.detach(), mask, "rows")
    assert_close(ours.get_weights()[0], table, "table")


@masks
@pytest.mark.parametrize("value", [0.0, -1.0, 9.5])
def test_masking(float64, value, mask):
    """The same steps, and nothing flows back to the others, whatever the value."""
    grid = np.where(mask[..., None], coded(), value)
    grid[0, np.argmax(mask[0]), 1] = value  # one feature alone does not make a step missing
    x_ours, x_theirs = (torch.tensor(grid, requires_grad=True) for _ in range(2))
    a = unpad.layers.Masking(value)(x_ours)
    b = keras.layers.Masking(value)(x_theirs)
    assert np.array_equal(a.mask, keras.src.backend.get_keras_mask(b))
    assert np.array_equal(a.mask, mask)
    assert_same_steps(a.values.detach(), b.detach(), mask, "values")
    (a.values * torch.tensor(coded_like((mask.sum(), 3)))).sum().backward()
    (b[torch.tensor(mask)] * torch.tensor(coded_like((mask.sum(), 3)))).sum().backward()
    assert_close(x_ours.grad, x_theirs.grad, "gradient of input")


def test_masking_nan(float64):
    """Pinned: NaN marks missing steps here; in Keras nothing equals it, so every step is real."""
    mask = MASKS["left"]
    grid = torch.tensor(np.where(mask[..., None], coded(), np.nan))
    assert np.array_equal(unpad.layers.Masking(float("nan"))(grid).mask, mask)
    theirs = keras.layers.Masking(float("nan"))(grid)
    assert bool(keras.src.backend.get_keras_mask(theirs).all())


@activations
def test_activation(float64, activation):
    """Every name, value and slope, where it bends and far out."""
    grid = np.linspace(-8, 8, 4 * 11 * 6).reshape(4, 11, 6)
    grid[0, 0] = [-3, -1, 0, 1, 3, 6]
    # gelu and hard_sigmoid: torch's own kernels take constants from float32.
    mask = np.ones((4, 11), dtype=bool)
    layers = unpad.layers.Activation(activation), keras.layers.Activation(activation)
    compare(*layers, grid, mask, rtol=1e-6, atol=1e-8)


@masks
@activations
def test_dense(float64, activation, mask):
    """Under every mask and with every activation."""
    layers = unpad.layers.Dense(6, activation), keras.layers.Dense(6, activation)
    compare(*layers, coded(), mask, rtol=1e-6, atol=1e-8)


@masks
@pytest.mark.parametrize("use_bias", [False, True])
def test_dense_bias(float64, use_bias, mask):
    """Exactly, with a bias and without."""
    layers = [m.layers.Dense(5, use_bias=use_bias) for m in (unpad, keras)]
    compare(*layers, coded(), mask)


@masks
def test_time_distributed(float64, mask):
    """A Dense on each step by itself, as the tagger ends."""
    layers = [
        m.layers.TimeDistributed(m.layers.Dense(5, activation="softmax")) for m in (unpad, keras)
    ]
    compare(*layers, coded(), mask)


def test_rows(float64):
    """Dense on dense tensors of any rank, without any sequence."""
    for rank in (2, 3, 4):
        x = torch.tensor(coded_like((3, 4, 5, 6)[:rank]))
        ours, theirs = (m.layers.Dense(2, "tanh") for m in (unpad, keras))
        theirs.build(x.shape)
        ours(x)
        same_weights(ours, theirs)
        assert_close(ours(x).detach(), theirs(x).detach(), f"rank {rank}")


@masks
def test_dropout_at_inference(float64, mask):
    """Out of training it does nothing, in either."""
    ours = unpad.layers.Dropout(0.5).eval()
    compare(ours, keras.layers.Dropout(0.5), coded(), mask)


@pytest.mark.parametrize("own_seed", [None, 3])
@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.9])
def test_dropout_in_training(rate, own_seed):
    """The share that is dropped, and the scale of the rest: by the rate, as in Keras."""
    x = torch.ones(40, 50, 20)
    ragged = Ragged.from_padded(x, lengths=50)
    ours = unpad.layers.Dropout(rate, seed=own_seed).train()(ragged).values
    theirs = keras.layers.Dropout(rate, seed=own_seed)(x, training=True)
    for name, found in (("here", ours), ("in Keras", theirs)):
        dropped = float((found == 0).double().mean())
        # 40,000 draws: a standard deviation of the share is at most .0025.
        assert abs(dropped - rate) < 0.01, f"{dropped} dropped {name}"
        kept = found[found != 0]
        assert_close(kept, np.full(len(kept), 1 / (1 - rate)), f"scale {name}", rtol=1e-6)
