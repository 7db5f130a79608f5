"""Merging dense tensors of any ranks, and sequences with a mask: Keras's numbers."""

import keras
import numpy as np
import pytest
import torch
from masked_batches import coded_like
from side_by_side import assert_close
from tests.messages import says

import unpad
from unpad import Ragged

NAMES = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]
SHAPES = [
    ((4, 3), (4, 3)), ((4, 5, 3), (4, 3)), ((4, 3), (4, 5, 3)), ((4, 5, 3), (4, 1, 3)),
    ((4, 5, 2, 3), (4, 3)), ((4, 5, 1), (4, 5, 3)), ((4,), (4, 3)),
]  # fmt: skip


def of_shapes(*shapes):
    return [
        torch.tensor(coded_like(shape, 0.3)).add(0.1 * i).requires_grad_()
        for i, shape in enumerate(shapes)
    ]


def both_agree(ours, theirs, shapes):
    inputs, others = of_shapes(*shapes), of_shapes(*shapes)
    a, b = ours(inputs), theirs(others)
    assert_close(a.detach(), b.detach(), "output", 1e-9, 1e-12)
    weights = torch.tensor(coded_like(tuple(a.shape)))
    for x, y in zip(
        torch.autograd.grad((a * weights).sum(), inputs),
        torch.autograd.grad((b * weights).sum(), others), strict=True,
    ):  # fmt: skip
        assert_close(x, y, "gradient", 1e-9, 1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shapes", SHAPES)
def test_dense_tensors_are_broadcast_alike(float64, name, shapes):
    ours, theirs = getattr(unpad.layers, name)(), getattr(keras.layers, name)()
    both_agree(ours, theirs, shapes)
    said = ours.output_spec([unpad.layers.Spec(s[1:]) for s in shapes]).full_shape
    assert said == (None, *theirs.compute_output_shape(shapes)[1:])


@pytest.mark.parametrize(
    ("shapes", "axis"),
    [
        (((4, 5, 3), (4, 5, 2)), -1), (((4, 5, 3), (4, 2, 3)), 1), (((4, 3), (4, 3)), 1),
        (((4, 2, 3), (4, 2, 3)), -2), (((4, 3), (4, 3)), 0),
    ],
)  # fmt: skip
def test_dense_tensors_are_joined_alike(float64, shapes, axis):
    both_agree(unpad.layers.Concatenate(axis), keras.layers.Concatenate(axis), shapes)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        (((4, 3), (4, 3)), 1), (((4, 3), (4, 3)), -1), (((4, 5, 3), (4, 6, 3)), 2),
        (((4, 5, 3), (4, 5, 2)), 1), (((4, 5, 3), (4, 3)), (2, 1)), (((4, 3), (4, 5, 3)), (1, 2)),
        (((4, 5, 3), (4, 3, 6)), (-1, 1)), (((4, 2, 5, 3), (4, 3, 6)), (3, 1)),
        (((4, 2, 5, 3), (4, 6, 2, 7)), (1, 2)),
    ],
)  # fmt: skip
def test_dense_tensors_are_contracted_alike(float64, shapes, axes, normalize):
    ours, theirs = (k.layers.Dot(axes, normalize=normalize) for k in (unpad, keras))
    both_agree(ours, theirs, shapes)
    said = ours.output_spec([unpad.layers.Spec(s[1:]) for s in shapes]).full_shape
    assert said == (None, *theirs.compute_output_shape(shapes)[1:])


@pytest.mark.parametrize("name", NAMES)
def test_tokens_and_positions_at_real_steps(float64, name):
    """A grid for all beside sequences: Keras broadcasts it, unpad reads it at the real steps."""
    x, grid = of_shapes((3, 5, 2), (1, 5, 2))
    mask = torch.tensor([[0, 1, 1, 0, 1], [0] * 5, [1] * 5], dtype=torch.bool)
    theirs = getattr(keras.layers, name)()([x, grid.expand(3, 5, 2)])
    ours = getattr(unpad.layers, name)()([Ragged.from_padded(x, mask=mask), grid])
    assert_close(ours.values.detach(), theirs[mask].detach(), "output", 1e-12, 0)


def test_keras_lets_a_masked_time_axis_through(float64):
    """Pinned: Keras's Dot over time multiplies padding in; unpad sums the real steps."""
    ones = torch.ones(1, 4, 1)
    theirs = keras.layers.Dot(axes=1)([ones, ones])
    ours = unpad.layers.Dot(axes=1)([Ragged.from_padded(ones, lengths=[3])] * 2)
    assert (theirs.item(), ours.item()) == (4, 3)


@pytest.mark.parametrize("name", ["Add", "Concatenate", "Concatenate in time"])
def test_the_mask_of_what_is_joined(name):
    """What Keras's merges say of masks is said here, though no layer asks for it."""
    made = {
        "Add": lambda k: k.layers.Add(),
        "Concatenate": lambda k: k.layers.Concatenate(),
        "Concatenate in time": lambda k: k.layers.Concatenate(axis=1),
    }[name]
    ours, theirs = made(unpad), made(keras)
    a, b = np.zeros((1, 3, 2), "float32"), np.ones((1, 3, 2), "float32")
    left, right = np.array([[True, True, False]]), np.array([[True, False, False]])
    given = [[left, right], [None, None], None]
    # Beside a mask Keras's Concatenate takes every slot of an input without one for a step.
    given += [] if name == "Concatenate" else [[left, None]]
    for masks in given:
        got, want = (layer.compute_mask([a, b], masks) for layer in (ours, theirs))
        assert (got is None) == (want is None)
        if got is not None:
            assert np.array_equal(np.asarray(got), np.asarray(want))
    with says(f"{ours.who}: compute_mask: `mask` should be a list"):
        ours.compute_mask([a, b], left)
    with says(
        f"{ours.who}: compute_mask: inputs and mask should have the same length, got 2 and 1."
    ):
        ours.compute_mask([a, b], [left])


def test_the_masks_of_doors():
    ids, steps = np.array([[1, 0, 2]]), np.array([[[1.0, 0.0], [0.0, 0.0]]])
    for kind in (unpad, keras):
        assert np.asarray(kind.layers.Masking().compute_mask(steps)).tolist() == [[True, False]]
        found = kind.layers.Embedding(3, 1, mask_zero=True).compute_mask(ids)
        assert np.asarray(found).tolist() == [[True, False, True]]
        assert kind.layers.Embedding(3, 1).compute_mask(ids) is None
