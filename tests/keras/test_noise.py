"""What the random layers draw has Keras's distribution: shares, scales, and what shares a draw."""

import keras
import numpy as np
import pytest
import torch
from side_by_side import assert_close

import unpad
from unpad import Ragged

BATCH, TIME, FEATURE = 60, 40, 25
ONES = torch.ones(BATCH, TIME, FEATURE)


def drawn(name, *args, x=ONES, **options):
    """(batch, time, feature) of both layers in training."""
    ours = getattr(unpad.layers, name)(*args, **options)
    ours = ours(Ragged.from_padded(x, lengths=x.shape[1]), training=True)
    theirs = getattr(keras.layers, name)(*args, **options)(x, training=True)
    return torch.as_tensor(ours.to_padded()).numpy(), theirs.numpy()


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("noise_shape", [(None, 1, None), (None, None, 1), (None, 1, 1),
                                         (1, None, None), (1, 1, None), (1, None, 1)])  # fmt: skip
def test_noise_shape(noise_shape, seed):
    """One draw along each axis of size 1; along the others the draws differ."""
    for found in drawn("Dropout", 0.5, noise_shape, seed=seed):
        assert set(np.unique(found)) == {0, 2}
        for axis, size in enumerate(noise_shape):
            spread = np.ptp(found, axis)
            assert (spread == 0).all() if size == 1 else (spread > 0).any()


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_share_of_shared_draws(rate):
    """Dropped by the rate, over many draws."""
    x = torch.ones(3000, 2, 20)
    for found in drawn("Dropout", rate, (None, 1, None), x=x):
        # 60,000 draws: a standard deviation of the share is at most .002.
        assert abs((found == 0).mean() - rate) < 0.01
        assert_close(found[found != 0], np.full((found != 0).sum(), 1 / (1 - rate)), "scale", 1e-6)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_spatial_dropout(rate):
    """Whole features of a sequence."""
    for found in drawn("SpatialDropout1D", rate, x=torch.ones(3000, 3, 20)):
        assert (np.ptp(found, 1) == 0).all()
        assert abs((found == 0).mean() - rate) < 0.01


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("stddev", [0.0, 0.1, 1.0])
def test_gaussian_noise(stddev, seed):
    """Mean and spread, around what comes in."""
    for found in drawn("GaussianNoise", stddev, seed=seed, x=5 * ONES):
        # 60,000 draws: an error of a mean of .004 of the spread is one standard deviation.
        assert abs(found.mean() - 5) <= 0.02 * stddev
        assert abs(found.std() - stddev) <= 0.02 * stddev


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("rate", [0.0, 0.2, 0.6])
def test_gaussian_dropout(rate, seed):
    """A factor of mean 1 and variance rate / (1 - rate)."""
    stddev = (rate / (1 - rate)) ** 0.5
    for found in drawn("GaussianDropout", rate, seed=seed, x=-2 * ONES):
        assert abs(found.mean() + 2) <= 0.04 * stddev
        assert abs(found.std() - 2 * stddev) <= 0.04 * stddev


@pytest.mark.parametrize("noise_shape", [None, (None, None, 1)])
@pytest.mark.parametrize("rate", [0.0, 0.2, 0.6])
def test_alpha_dropout(rate, noise_shape):
    """The share that is dropped, what it becomes, and what the rest becomes."""
    x = torch.randn(3000, 4, 10)
    shares = []
    pairs = []
    for found in drawn("AlphaDropout", rate, noise_shape, x=x):
        # What is dropped is one number, the lowest of all that are drawn twice.
        numbers, counts = np.unique(found, return_counts=True)
        dropped = numbers[counts > 100]
        assert len(dropped) == (rate > 0)
        kept = ~np.isin(found, dropped)
        shares.append(1 - kept.mean())
        slope, shift = np.polyfit(x.numpy()[kept], found[kept], 1)
        pairs.append([*dropped, slope, shift])
        assert abs(found.mean()) < 0.02
        assert abs(found.std() - 1) < 0.02
        if noise_shape:
            assert (np.ptp(kept.astype(int), 2) == 0).all()
    assert abs(shares[0] - rate) < 0.02
    assert abs(shares[1] - rate) < 0.02
    assert_close(*pairs, "what is dropped, slope and shift", 1e-4, 1e-5)


@pytest.mark.parametrize(("name", "args"), [("GaussianNoise", (0.5,)), ("GaussianDropout", (0.5,)),
                                            ("AlphaDropout", (0.5,)),
                                            ("SpatialDropout1D", (0.5,))])  # fmt: skip
def test_dense_batches(name, args):
    """A dense batch is drawn for as a grid."""
    x = torch.randn(200, 30, 10)
    ours = getattr(unpad.layers, name)(*args)(x, training=True)
    theirs = getattr(keras.layers, name)(*args)(x, training=True)
    assert ours.shape == theirs.shape
    assert abs(float(ours.mean() - theirs.mean())) < 0.05
    assert abs(float(ours.std() / theirs.std()) - 1) < 0.05


def test_a_rate_of_one():
    """Pinned: an infinite variance is refused when the layer is made; Keras divides by 0 later."""
    for name in ("GaussianDropout", "AlphaDropout"):
        with pytest.raises(ValueError, match="below 1"):
            getattr(unpad.layers, name)(1.0)
        with pytest.raises(ZeroDivisionError):
            getattr(keras.layers, name)(1.0)(ONES, training=True)
