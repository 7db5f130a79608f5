"""Dropouts and noise: what shares a draw, seeds, padding, and what is refused."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given

import unpad
from unpad import Ragged
from unpad.layers import Spec
from unpad.testing import coded, grid

from ..messages import says
from ..strategies import lengths, sides

L = unpad.layers
STEPS = Spec((3,), True)


def vectors(sizes):
    """Value-coded sequences of three features."""
    return coded(sizes, (3,))


MAKE = {
    "Dropout": lambda seed: L.Dropout(0.5, seed=seed),
    "Dropout a sequence": lambda seed: L.Dropout(0.5, (None, 1, None), seed=seed),
    "Dropout a step": lambda seed: L.Dropout(0.5, (None, None, 1), seed=seed),
    "Dropout a place": lambda seed: L.Dropout(0.5, (1, None, None), seed=seed),
    "Dropout a batch": lambda seed: L.Dropout(0.5, (1, 1, None), seed=seed),
    "SpatialDropout1D": lambda seed: L.SpatialDropout1D(0.5, seed=seed),
    "GaussianNoise": lambda seed: L.GaussianNoise(0.5, seed=seed),
    "GaussianDropout": lambda seed: L.GaussianDropout(0.5, seed=seed),
    "AlphaDropout": lambda seed: L.AlphaDropout(0.5, seed=seed),
    "AlphaDropout a sequence": lambda seed: L.AlphaDropout(0.5, (None, 1, None), seed=seed),
}
every = pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)


@every
def test_out_of_training_it_does_nothing(make):
    x = vectors([3, 0, 2])
    assert make(1).eval()(x).values is x.values


@every
def test_same_seed_same_draws(make):
    """A seed of its own: the same in two layers, other draws in the next call."""
    x = vectors([30, 0, 20])
    first, second = (make(7).train() for _ in "ab")
    a, b = first(x), second(x)
    assert torch.equal(a.values, b.values)
    assert not torch.equal(first(x).values, a.values)


@every
def test_the_common_seed(make):
    """Without one, torch's, set by set_random_seed."""
    x = vectors([30, 0, 20])
    found = []
    for _ in range(2):
        unpad.utils.set_random_seed(3)
        found.append(make(None).train()(x).values)
    assert torch.equal(*found)


@every
@given(sizes=lengths, side=sides)
def test_padding_changes_no_draw(make, sizes, side):
    """The same seed gives the same bits, whatever the padding."""
    x = vectors(sizes)
    padded, mask = grid(x, side, fill=float("nan"))
    padded = Ragged.from_padded(padded, mask=mask)
    assert torch.equal(make(7).train()(padded).values, make(7).train()(x).values)


@every
def test_nothing_to_draw(make):
    for sizes in ([], [0], [0, 0]):
        assert make(1).train()(vectors(sizes)).lengths.tolist() == sizes


@every
def test_copies_go_on_with_the_same_draws(make):
    layer, x = make(7).train(), vectors([9, 4])
    layer(x)
    copies = [copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    want = layer(x).values
    for other in copies:
        assert torch.equal(other(x).values, want)


@every
def test_gradients_follow_the_draws(make):
    x = vectors([3, 0, 2])
    values = x.values.clone().requires_grad_()
    out = make(1).train()(x.with_values(values)).values
    (slope,) = torch.autograd.grad(out.sum(), values)
    moved = make(1).train()(x.with_values(x.values + 1)).values
    assert torch.allclose(moved - out, slope)


@pytest.mark.parametrize("make", [MAKE["SpatialDropout1D"], MAKE["Dropout a sequence"]])
def test_one_draw_a_sequence(make):
    ones = vectors([5, 1, 0, 40]).map(torch.ones_like)
    out = make(1).train()(ones)
    kept = torch.as_tensor(out.max())
    assert torch.equal(kept[[0, 1, 3]], torch.as_tensor(out.min())[[0, 1, 3]])
    assert len({tuple(row) for row in kept[[0, 1, 3]].tolist()}) > 1


def test_one_draw_a_place():
    """The same for every sequence at one place; holes do not count."""
    ones = vectors([5, 1, 0, 40]).map(torch.ones_like)
    out = L.Dropout(0.5, (1, None, None), seed=1).train()(ones)
    longest = out[3]
    assert all(torch.equal(out[i], longest[: len(out[i])]) for i in range(4))
    assert float(longest.std()) > 0


def test_one_draw_a_step():
    out = L.Dropout(0.5, (None, None, 1), seed=1).train()(vectors([40]).map(torch.ones_like)).values
    assert bool((out == out[:, :1]).all())
    assert set(out[:, 0].tolist()) == {0.0, 2.0}


def test_sizes_may_be_given():
    """As in Keras: a size where None would do."""
    x = vectors([4, 2]).map(torch.ones_like)
    a, b = (L.Dropout(0.5, s, seed=1).train()(x).values for s in ((2, 1, 3), (None, 1, None)))
    assert torch.equal(a, b)
    assert L.Dropout(0.5, [2, None], seed=1).train()(torch.ones(2, 3)).shape == (2, 3)


def test_numbers_and_matrices_a_step():
    for feature, shape in (((), (None, 1)), ((2, 2), (None, 1, None, 1))):
        x = coded([30, 20], feature).map(torch.ones_like)
        out = L.Dropout(0.5, shape, seed=2).train()(x)
        assert torch.equal(torch.as_tensor(out.max()), torch.as_tensor(out.min()))


def test_config():
    layer = L.SpatialDropout1D(0.3, 5, name="spatial")
    fresh = L.SpatialDropout1D.from_config(layer.get_config())
    assert (fresh.rate, fresh.seed, fresh.name) == (0.3, 5, "spatial")
    shared = L.Dropout.from_config(L.Dropout(0.5, [None, 1, None]).get_config())
    assert shared.noise_shape == (None, 1, None)


def test_refused():
    with says("Dropout: expected rate as a number from 0 to 1, got 1.5."):
        L.Dropout(1.5)
    with says("GaussianNoise 'noisy': expected stddev as a number from 0 to 1, got -1."):
        L.GaussianNoise(-1, name="noisy")
    with says("GaussianDropout: expected rate as a number from 0 and below 1, got 1."):
        L.GaussianDropout(1)
    with says("AlphaDropout: expected rate as a number from 0 and below 1, got 2."):
        L.AlphaDropout(2)
    for wrong in ("1,1", 3, (None, 0, None), (None, 1.0, None), (None, True, None)):
        with says(
            "Dropout: expected noise_shape as a tuple of None (a draw for each) and 1 (one draw "
            f"for all), one for each axis, as (None, 1, None), got {wrong!r}."
        ):
            L.Dropout(0.5, wrong)


@pytest.mark.parametrize("kind", [L.Dropout, L.AlphaDropout])
def test_noise_shape_refused_when_built(kind):
    name = kind.__name__
    with says(
        f"{name}: noise_shape=(None, 1) has 2 axes, the input (batch, steps*, 3) has 3. Give None "
        "or 1 for each."
    ):
        kind(0.5, (None, 1)).ensure_built(STEPS)
    with says(
        f"{name}: noise_shape=(None, 7, None) asks for 7 draws along time, but sequences have "
        "lengths of their own. None draws for each step, 1 once a sequence."
    ):
        kind(0.5, (None, 7, None)).ensure_built(STEPS)
    with says(
        f"{name}: noise_shape=(None, 1, 2) asks for 2 draws along axis 2, whose size is 3. None "
        "draws for each, 1 once for all."
    ):
        kind(0.5, (None, 1, 2)).ensure_built(STEPS)
    with says(
        f"{name}: noise_shape=(4, 1, None) is for 4 sequences, but the batch has 2. None draws for "
        "each sequence, 1 once for all."
    ):
        kind(0.5, (4, 1, None)).train()(vectors([1, 2]))


def test_spatial_dropout_refused():
    for spec, shown in ((Spec((), True), "(batch, steps*)"), (Spec((3,)), "(batch, 3)")):
        with says(
            f"SpatialDropout1D: expected sequences of vectors, (batch, time, feature), got {shown}."
            " For other shapes: Dropout(rate, noise_shape=...)."
        ):
            L.SpatialDropout1D(0.5).ensure_built(spec)
    with pytest.raises(TypeError, match="noise_shape"):
        L.SpatialDropout1D(0.5, noise_shape=(None, 1, None))


def test_infinite_padding_is_not_drawn_for():
    x = np.full((2, 4, 3), np.inf)
    x[:, :2] = 1
    ragged = Ragged.from_padded(x, lengths=[2, 1])
    for make in MAKE.values():
        assert bool(make(1).train()(ragged).values.isfinite().all())


@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("seed", [None, 3])
def test_a_share_of_the_entries_is_dropped_whatever_their_type(kind, seed):
    torch.manual_seed(0)
    x = Ragged(torch.ones(2000, 100, dtype=kind), torch.tensor([0, 500, 2000]))
    for rate in (0.001, 0.3, 0.999):
        found = L.Dropout(rate, seed=seed, dtype=kind)(x, training=True).values
        dropped = found == 0
        assert abs(float(dropped.float().mean()) - rate) < 5 * (rate * (1 - rate) / 200000) ** 0.5
        assert bool((found[~dropped] == torch.ones((), dtype=kind).div(1 - rate)).all())
    assert not L.Dropout(1.0, seed=seed, dtype=kind)(x, training=True).values.any()
