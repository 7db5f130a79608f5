"""Normalisations: moving statistics, precision, and what is refused when a model is built."""

import pickle

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
STEPS = Spec((4,), True)


@given(sizes=lengths, side=sides)
def test_statistics_are_over_real_steps(sizes, side):
    """Moving averages too: the same from a grid with NaN as from the steps alone."""
    x = coded(sizes, (3,))
    padded, mask = grid(x, side, fill=float("nan"))
    layer = L.BatchNormalization(momentum=0.75, dtype="float64")
    layer(Ragged.from_padded(padded, mask=mask), training=True)
    if x.steps:
        mean = 0.25 * x.values.mean(0)
        variance = 0.75 + 0.25 * x.values.var(0, correction=0)
    else:
        mean, variance = torch.zeros(3).double(), torch.ones(3).double()
    assert torch.allclose(layer.moving_mean, mean, atol=1e-12)
    assert torch.allclose(layer.moving_variance, variance, atol=1e-12)


def test_no_step_leaves_the_statistics_alone():
    layer = L.BatchNormalization()
    layer(coded([2, 1], (3,), torch.float32), training=True)
    before = [w.clone() for w in layer.weights]
    for sizes in ([], [0, 0]):
        out = layer(coded(sizes, (3,), torch.float32), training=True)
        assert out.lengths.tolist() == sizes
        out.values.sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(before, layer.weights, strict=True))


def test_one_step_alone():
    """Its variance is 0: it becomes beta."""
    layer = L.BatchNormalization(momentum=0.0)
    out = layer(coded([1], (3,), torch.float32), training=True)
    assert torch.allclose(out.values, torch.zeros(1, 3), atol=1e-5)
    assert layer.moving_variance.tolist() == [0.0] * 3


def test_prediction_does_not_depend_on_the_batch():
    layer = L.BatchNormalization()
    x = coded([3, 2], (3,), torch.float32)
    layer(x, training=True)
    statistics = layer.moving_mean.clone()
    assert torch.equal(layer.eval()(x)[1], layer(x[1:])[0])
    assert torch.equal(layer.moving_mean, statistics)


def test_frozen_after_it_was_built():
    layer = L.BatchNormalization()
    x = coded([3, 2], (3,), torch.float32)
    layer(x, training=True)
    layer.trainable = False
    want = layer.eval()(x).values
    assert torch.equal(layer(x, training=True).values, want)


def test_weights_in_order():
    layer = L.BatchNormalization(gamma_initializer="zeros", moving_mean_initializer="ones")
    layer.ensure_built(STEPS)
    assert [w[0].item() for w in layer.weights] == [0, 0, 1, 1]
    assert [n for n, _ in layer.named_parameters()] == ["gamma", "beta"]
    assert [n for n, _ in layer.named_buffers()] == ["moving_mean", "moving_variance"]
    assert len(L.BatchNormalization(center=False, scale=False).get_config()) > 15


def test_penalties_and_constraints():
    layer = L.LayerNormalization(gamma_regularizer="l2", beta_constraint="non_neg")
    layer.ensure_built(STEPS)
    assert [float(p.detach()) for p in layer.losses] == [pytest.approx(0.04)]
    assert [w is layer.beta for w, _ in layer.constrained()] == [True]


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.LayerNormalization(epsilon=1e-9, dtype="float64"),
        lambda: L.LayerNormalization([-2, -1], epsilon=1e-9, dtype="float64"),
        lambda: L.LayerNormalization(-2, epsilon=1e-9, dtype="float64"),
        lambda: L.GroupNormalization(2, epsilon=1e-9, dtype="float64"),
        lambda: L.BatchNormalization(epsilon=1e-9, dtype="float64"),
    ],
)
def test_far_from_zero(make):
    """A large mean takes no digits from the variance."""
    x = coded([30, 20], (2, 4))
    near = make().train()(x).values
    far = make().train()(x + 1e6).values
    assert torch.allclose(near, far, atol=1e-6)


def test_half_precision():
    """Sums are in float32: nothing overflows."""
    x = coded([3, 2], (64,), torch.float32).map(lambda v: 300 * torch.randn_like(v))
    for make in (L.LayerNormalization, L.RMSNormalization):
        found = make(dtype="float16")(x).values
        assert found.dtype == torch.float16
        assert torch.allclose(found.float(), make()(x).values, atol=0.01)


def test_a_layer_for_sequences_takes_rows_too():
    layer = L.LayerNormalization()
    x = coded([3, 2], (4,), torch.float32)
    assert torch.equal(layer(x).values, layer(x.values))


def test_pickled_with_its_statistics():
    layer = L.BatchNormalization()
    layer(coded([3, 2], (3,), torch.float32), training=True)
    other = pickle.loads(pickle.dumps(layer))
    assert torch.equal(other.moving_mean, layer.moving_mean)


KINDS = [L.LayerNormalization, L.RMSNormalization, L.UnitNormalization, L.BatchNormalization]


@pytest.mark.parametrize("kind", KINDS)
def test_refused_when_built(kind):
    name = kind.__name__
    with says(
        f"{name}: axis=1 is over time, but it normalises within a step's features; got "
        "(batch, steps*, 4). Use axis=-1 on inputs with a feature axis; over a sequence's own "
        "steps: GroupNormalization."
    ):
        kind(axis=1).ensure_built(STEPS)
    with says(f"{name}: axis=-1 is over time, but it normalises within a step's features; got one "
              "number a step."):  # fmt: skip
        kind().ensure_built(Spec((), True))
    with says(f"{name}: axis=0 is over the batch, but it"):
        kind(axis=0).ensure_built(Spec((4,)))
    with says(f"{name}: axis=3 is outside of the input (batch, steps*, 4), which has 3 axes."):
        kind(axis=3).ensure_built(STEPS)


def test_axes_refused():
    with says("LayerNormalization: axis=[-1, 2] names an axis of (batch, steps*, 4) twice."):
        L.LayerNormalization([-1, 2]).ensure_built(STEPS)
    with says(
        "UnitNormalization: expected axis as an integer or a list of different integers, got"
    ):
        L.UnitNormalization([])
    with says(
        "LayerNormalization 'ln': expected axis as an integer or a list of different integers, "
        "got 'last'.",
    ):
        L.LayerNormalization("last", name="ln")
    with says("RMSNormalization: expected a known size along axis=1, got (batch, time, 4)."):
        L.RMSNormalization(1).ensure_built(Spec((None, 4)))


def test_group_normalization_refused():
    with says(
        "GroupNormalization: 4 features cannot be divided into 32 groups of equal size. Choose "
        "groups so that it divides the features; -1 is one group a feature."
    ):
        L.GroupNormalization().ensure_built(STEPS)
    for spec, shown, axis in ((STEPS, "(batch, steps*, 4)", 1), (Spec((), True), "(batch, steps*)",
                                                                 -1)):  # fmt: skip
        with says(
            f"GroupNormalization: axis={axis} is no feature axis of {shown}. Use axis=-1 on inputs "
            "with a feature axis; sequences of numbers get one by x[..., None]."
        ):
            L.GroupNormalization(2, axis).ensure_built(spec)
    for wrong in (0, -2):
        with says(
            "GroupNormalization: expected groups as a positive integer, or -1 for one group a "
            f"feature, got {wrong!r}."
        ):
            L.GroupNormalization(wrong)
    for wrong in (1.5, True):
        with says(f"GroupNormalization: expected groups as an integer, got {wrong!r}."):
            L.GroupNormalization(wrong)


def test_batch_normalization_refuses_what_it_has_not():
    with says("BatchNormalization: synchronized=True is not supported. Leave it out."):
        L.BatchNormalization(synchronized=True)
    for bounds, text in (
        ({"max": 1.0}, "unknown bound 'max'; did you mean 'rmax' or 'dmax'? Known are: dmax, rm"),
        ({"rmin": 2.0, "rmax": 1.0}, "rmin=2 is above rmax=1."),
    ):
        with says(f"BatchNormalization: renorm_clipping: {text}"):
            L.BatchNormalization(renorm=True, renorm_clipping=bounds)


def test_renormalised_padding_and_empty_batches_move_nothing():
    """The correction is made of real steps, as the statistics are."""
    x = Ragged.from_list([torch.randn(n, 3) for n in (4, 0, 2)])
    one, other = (L.BatchNormalization(renorm=True, momentum=0.5) for _ in "ab")
    for layer, batch in ((one, x), (other, Ragged.from_list([x.values]))):
        out = layer(batch, training=True)
        assert out.values.shape == (6, 3)
        before = [w.clone() for w in layer.weights]
        layer(Ragged.from_list([torch.zeros(0, 3)]), training=True)
        assert all(torch.equal(a, b) for a, b in zip(before, layer.weights, strict=True))
    assert len(before) == 7
    for a, b in zip(one.weights, other.weights, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("groups", [1, 2, -1])
@pytest.mark.parametrize("axis", [-1, 2])
def test_group_normalization_is_that_of_each_sequence_s_grid(groups, axis):
    """And so are its first and second derivatives."""
    x = coded([3, 0, 5, 1], (4, 2)) / 1000
    x = x.with_values(x.values.cos())
    layer = L.GroupNormalization(groups, axis, dtype="float64")
    layer(x)
    parts = [p[None] for p in x.values.split([3, 5, 1])]
    alone = torch.cat([layer(p)[0] for p in parts])
    torch.testing.assert_close(layer(x).values, alone)

    def run(values):
        return layer(x.with_values(values)).values

    values = x.values.clone().requires_grad_()
    assert torch.autograd.gradcheck(run, [values])
    assert torch.autograd.gradgradcheck(run, [values])
